"""Ideas as people phrase them, and the things that the embedded model finds in each: every one by general rules."""

from time import process_time
from uuid import UUID

import pytest

from baton_agent_runner.embedded.extraction import extract
from baton_agent_runner.embedded.model import EmbeddedModel
from baton_agent_runner.embedded.plan import summarise as plan_in_words
from baton_agent_runner.embedded.specification import summarise
from baton_agent_runner.model import ModelRefused, Question
from baton_contracts.handoffs import HandoffSchema

IDEAS = (
    ("A zoo with animals, keepers and feedings", "animal keeper feeding"),
    ("guests bring dishes", "guest dish"),
    ("A bakery with cakes, customers and orders", "cake customer order"),
    ("A bakery", "bakery"),
    ("Zoo", "zoo"),
    ("A gym with members, trainers and classes", "member trainer class"),
    ("A school with teachers, pupils and grades", "teacher pupil grade"),
    ("recipe box where people share recipes with ingredients and ratings", "recipe ingredient rating"),
    ("A farm tracker for fields, crops and harvests", "field crop harvest"),
    ("A museum with artworks, artists and exhibitions", "artwork artist exhibition"),
    ("A hospital with doctors, nurses, patients and wards", "doctor nurse patient ward"),
    ("A record store with vinyls and customers", "vinyl customer"),
    ("a poll for small teams: questions, answers and votes", "question answer vote"),
    ("Car rental: cars, drivers, rentals", "car driver rental"),
    ("Conference planner: talks, speakers, rooms", "conference talk speaker room"),
    ("Brewery log: batches, hops, tastings", "batch hop tasting"),
    ("Choir: singers, songs, rehearsals", "singer song rehearsal"),
    ('A "garage sale" site: sellers list items under $20 & buyers\' offers', "seller item buyer offer"),
    ("Track my children's chores and rewards", "child chore reward"),
    ("Students' essays and teachers' corrections", "student essay teacher correction"),
    ('A "Pokemon" card collection with cards and trades', "card trade"),
    ("Sell up to 50 tickets for concerts at 15 euros", "ticket concert"),
    ("Manage 3 printers and 200 filaments", "printer filament"),
    ("An Airbnb for boats: boats, owners and bookings", "boat owner booking"),
    ("A Trello-like board with cards and members", "card member"),
    ("An app where parents can book babysitters", "babysitter booking"),
    ("A site where people lend books to each other", "book loan"),
    ("A place where everyone can post poems", "poem"),
    ("A tool for landlords to manage apartments, tenants and leases", "apartment tenant lease"),
    ("Let users vote on proposals", "proposal vote"),
    ("A forum where users ask questions and give answers", "question answer"),
    ("Track plants and waterings", "plant watering"),
    ("Manage volunteers, shifts and events for a charity", "volunteer shift event"),
    ("I want to keep track of my beehives, inspections and honey harvests", "beehive inspection honey_harvest"),
    ("Help coaches plan trainings for players", "training"),
    ("Log runs and shoes", "run shoe"),
    ("Lend tools to neighbours", "tool loan neighbour"),
    ("Book rooms for guests", "room booking"),
    ("Babysitting app for families with sitters, kids and jobs", "sitter kid job"),
    ("Photographers upload photos and clients choose favourites", "photographer photo client"),
    ("Recipes", "recipe"),
    ("A to-do list", "todo"),
    ("A puppy shelter", "puppy_shelter"),
    ("clínica veterinaria", "clinica_veterinaria"),
    ("Una app para una clínica veterinaria con citas, mascotas y dueños", "cita mascota dueno"),
    ("Una tienda con productos, clientes y pedidos", "producto cliente pedido"),
    ("Gestionar reservas de habitaciones para un hotel", "reserva habitacion"),
    ("Une bibliothèque avec des livres, des membres et des emprunts", "livre membre emprunt"),
    ("Une application pour gérer des plantes vertes et des arrosages", "plante_verte arrosage"),
    ("Un'app per una palestra con clienti, corsi e istruttori", "cliente corso istruttore"),
    ("Uma escola com alunos, professores e notas", "aluno professor nota"),
    ("Eine Bücherei mit Vormerkungen für Bücher", "vormerkung buecher"),
    ("Eine App für Rezepte und Zutaten", "rezepte zutaten"),
    ("Ein Verein verwaltet Mitglieder, Termine und Beiträge", "mitglieder termine beitraege"),
    ("会員と本を管理するアプリ", "item_1 item_2"),
    (
        "An app for managing a community garden: plots, gardeners, plantings and harvests",
        "plot gardener planting harvest",
    ),
    ("Beekeepers track hives, queens and inspections", "beekeeper hive queen inspection"),
    ("An online auction where sellers list cars and bidders place bids", "seller car bidder bid"),
    ("Plan weddings with guests, tables and budgets", "wedding guest table budget"),
    ("Tracks my reading: books, authors and quotes", "book author quote"),
    ("Landlord app: tenants, rents, repairs", "tenant rent repair"),
    ("A marketplace for used bicycles with sellers and offers", "bicycle seller offer"),
    ("Zoo keepers feed animals", "zoo_keeper animal"),
    ("A salon with services, stylists and appointments", "service stylist appointment"),
    ("An app where customers order pizzas and drivers deliver them", "customer pizza driver order"),
    ("Manage the answers to questions", "answer question"),
    ("A box for ideas", "idea"),
    ("Eine Bücherei", "buecherei"),
    ("Una tienda", "tienda"),
    ("Hotel restaurant", "hotel_restaurant"),
    ("A yoga studio with instructors, classes and passes", "instructor class pass"),
    ("Let customers reserve tables at a restaurant", "table reservation"),
    ("Teachers create quizzes with questions; students submit answers", "teacher quiz question student answer"),
    ("Employees request vacations and managers approve them", "employee vacation manager"),
    ("A festival planner (stages, bands, time slots)", "festival stage band time_slot"),
    ("Rental platform for cameras & lenses", "rental camera lens"),
    ("Our club's members, boats and outings", "member boat outing"),
    ("Donors give items to shelters", "donor item shelter"),
    ("A school cafeteria with menus, dishes and allergens", "menu dish allergen"),
    ("Track 10 km runs under 60 minutes", "run"),
    ("Los clientes reservan mesas en un restaurante", "cliente mesa"),
    ("Je veux une application pour suivre mes dépenses", "depense"),
    ("Une école de musique : élèves, professeurs, cours", "eleve professeur cours"),
    ("Quiero una web para vender coches antiguos con fotos", "coche_antiguo foto"),
    ("Un gestionale per un ristorante con tavoli, prenotazioni e piatti", "tavolo prenotazione piatto"),
    ("Ein Kleingartenverein mit Parzellen und Pächtern", "parzellen paechtern"),
    ("Rezeptverwaltung mit Zutaten", "zutaten"),
)


@pytest.mark.parametrize(("idea", "expected"), IDEAS)
def test_an_idea_names_exactly_these_things(idea: str, expected: str) -> None:
    assert {entity.name for entity in extract(idea).entities} == set(expected.split())


@pytest.mark.parametrize("idea", [idea for idea, _ in IDEAS])
def test_no_entity_is_called_after_a_number(idea: str) -> None:
    labels = "".join(entity.plural_label for entity in extract(idea).entities)
    assert not any(character.isdigit() for character in labels)


def test_an_owner_is_referred_to_by_what_it_owns() -> None:
    model = extract('A "garage sale" site: sellers list items under $20 & buyers\' offers')
    assert [field.refers_to for field in model.entity("offer").references] == ["buyer"]


def test_what_follows_the_owned_thing_is_not_owned() -> None:
    model = extract("Track my children's chores and rewards")
    assert [len(model.entity(name).references) for name in ("chore", "reward")] == [1, 0]


@pytest.mark.parametrize(
    ("idea", "one", "other", "field"),
    [
        ("a poll for small teams: questions, answers and votes", "answer", "question", "answer"),
        ("Tracks my reading: books, authors and quotes", "book", "author", "author"),
    ],
)
def test_what_is_an_entity_is_no_text_of_another(idea: str, one: str, other: str, field: str) -> None:
    model = extract(idea)
    assert other in [reference.refers_to for reference in model.entity(one).references]
    assert not any(entity.has(field) for entity in model.entities)


def test_a_noun_of_another_language_has_a_singular_and_a_plural_label() -> None:
    entity = extract("Una app con citas y dueños").entity("dueno")
    assert (entity.label, entity.plural_label, entity.plural) == ("Dueño", "Dueños", "duenos")


@pytest.mark.parametrize(
    ("idea", "said"),
    [
        ("Eine Bücherei: Mitglieder, Bücher und Vormerkungen", "Mitglieder, Bücher and Vormerkung."),
        ("Una escuela con árboles, niños y aulas", "árbol, niño and aula."),
    ],
)
def test_names_in_a_sentence_have_one_capitalisation(idea: str, said: str) -> None:
    assert said in summarise(extract(idea))


@pytest.mark.parametrize(
    ("idea", "said"),
    [
        ("Recipes with search", "On top comes 1 optional feature."),
        ("Recipes with search and tags", "On top come 2 optional features."),
    ],
)
def test_a_plan_counts_its_features_in_good_grammar(idea: str, said: str) -> None:
    assert said in plan_in_words(extract(idea))


@pytest.mark.parametrize("piece", ["a", '"', "1.1.", "s' ", "@a.", '"a '])
def test_a_long_text_without_sense_is_read_in_a_moment(piece: str) -> None:
    before = process_time()
    extract(piece * 20_000)
    assert process_time() - before < 2


@pytest.mark.parametrize("idea", ["!!! ???", "2024", "🍕🍔"])
async def test_an_idea_without_a_letter_is_refused(idea: str) -> None:
    coming = HandoffSchema(
        project_id=UUID(int=0),
        source_agent="one",
        target_agent="next",
        handoff_type="product_idea",
        content={"product_idea": idea},
    )
    with pytest.raises(ModelRefused, match=r"^The idea has no words"):
        await EmbeddedModel().answer(Question("analyst", "software_specification", coming))
