"""From an idea's words to a data model, and what feedback changes in it: decisions without I/O."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baton_agent_runner.embedded.code import write_code
from baton_agent_runner.embedded.data_model import MOST_ENTITIES, DataModel
from baton_agent_runner.embedded.extraction import extract
from baton_agent_runner.embedded.feedback import apply
from baton_agent_runner.embedded.identifiers import identifier
from baton_agent_runner.embedded.inflection import plural, singular
from baton_agent_runner.embedded.plan import diagram
from baton_agent_runner.embedded.specification import specify

RECIPES = "An app to share recipes with ingredients, comments and ratings"


def names(model: DataModel) -> list[str]:
    return [entity.name for entity in model.entities]


def fields(model: DataModel, name: str) -> list[str]:
    return [field.name for field in model.entity(name).fields]


@pytest.mark.parametrize(
    ("idea", "expected"),
    [
        ("Recipes", ["recipe"]),
        ("An app to share recipes with ingredients and ratings", ["recipe", "ingredient", "rating"]),
        ("A library with books, members and loans", ["book", "member", "loan"]),
        ("A habit tracker", ["habit"]),
        ("Room booking system for a small company", ["room", "booking"]),
        ("Users can track workouts and log meals with calories", ["workout", "meal"]),
        ("A veterinary clinic with patients, owners and appointments", ["patient", "owner", "appointment"]),
        ("Bike repair shop: customers, bikes, repairs, invoices", ["bike", "repair", "customer", "invoice"]),
        ("An app where neighbours lend tools to each other and rate them", ["tool", "loan", "rating"]),
        ("Inventory management for a bakery with suppliers", ["item", "supplier"]),
        ("manage events with attendees and venues", ["event", "attendee", "venue"]),
        ("Book club app with members, meetings and book reviews", ["member", "meeting", "book", "review"]),
        ("a to-do list with due dates", ["todo"]),
        ("A reading list with authors", ["book"]),
        ("A tiny CRM", ["customer"]),
        ("A blog", ["post"]),
        ("Track wine", ["wine"]),
        ("An app for dog walkers to schedule walks", ["walk"]),
        ("Eine App für Rezepte mit Bewertungen", ["rezepte", "rating"]),
        ("Una aplicación para gestionar recetas con ingredientes", ["receta", "ingrediente"]),
        ("une application pour partager des recettes avec des ingrédients", ["recette", "ingredient"]),
        ("レシピと材料を管理するアプリ", ["item_1", "item_2"]),
        ("🍕🍔", ["item_1"]),
        ("class", ["class"]),
        ("order", ["order"]),
    ],
)
def test_an_idea_names_its_entities(idea: str, expected: list[str]) -> None:
    assert names(extract(idea)) == expected


def test_the_words_of_another_script_stay_as_labels() -> None:
    assert [entity.label for entity in extract("レシピと材料を管理するアプリ").entities] == ["レシピ", "材料"]


def test_a_translated_feature_keeps_its_word_as_label() -> None:
    assert extract("Eine App für Rezepte mit Bewertungen").entity("rating").label == "Bewertungen"


def test_what_a_thing_has_becomes_its_part_and_its_properties_become_fields() -> None:
    model = extract("Track products with prices, a release date and components")
    assert names(model) == ["product", "component"]
    assert {"price", "release_date"} <= set(fields(model, "product"))
    assert model.entity("component").references[0].refers_to == "product"


def test_what_a_thing_belongs_to_is_referred_to_by_it() -> None:
    model = extract("Products with suppliers")
    assert [field.refers_to for field in model.entity("product").references] == ["supplier"]


def test_a_loan_refers_to_the_book_and_to_the_member() -> None:
    model = extract("A library with books, members and loans")
    assert [field.refers_to for field in model.entity("loan").references] == ["book", "member"]


@pytest.mark.parametrize(
    ("wish", "feature"),
    [
        ("search", "search"),
        ("CSV export", "export"),
        ("CSV import", "import"),
        ("tags", "tags"),
        ("statistics", "statistics"),
        ("reminders", "due"),
        ("favourites", "favourites"),
    ],
)
def test_a_wish_becomes_a_feature(wish: str, feature: str) -> None:
    assert feature in extract(f"A recipe app with {wish}").features


@pytest.mark.parametrize(
    "wish", ["a login", "push notifications", "online payments", "a chat", "maps", "file uploads", "real-time updates"]
)
def test_a_wish_that_cannot_be_built_is_named_as_out_of_scope(wish: str) -> None:
    model = extract(f"Manage recipes with {wish}")
    assert model.unsupported
    assert any(line.startswith("Out of scope of the embedded model: ") for line in specify(model).requirements)


def test_what_the_idea_excludes_is_left_out() -> None:
    model = extract("Share recipes without ratings or comments, no login")
    assert (names(model), model.unsupported) == (["recipe"], ())


def test_people_who_act_are_told_of_in_the_stories_and_are_no_records() -> None:
    model = extract("Help volunteers organise lost pets")
    assert names(model) == ["lost_pet"]
    assert specify(model).user_stories[0].startswith("As a volunteer, I want to")


def test_a_very_long_idea_gives_a_bounded_number_of_entities() -> None:
    idea = " ".join(f"Track widget{number}s and gadget{number}s." for number in range(400))
    assert len(idea) > 10_000
    assert 1 < len(extract(idea).entities) <= MOST_ENTITIES


def test_what_is_said_most_often_is_kept_where_there_is_too_much() -> None:
    idea = "Track " + ", ".join(f"widget{number}s" for number in range(20)) + ". Manage recipes. Share recipes."
    assert "recipe" in names(extract(idea))


@pytest.mark.parametrize(
    "idea",
    [
        "'; DROP TABLE users; --",
        "</script><script>alert(1)</script>",
        "{{ 7*7 }} {% for x in y %}",
        '""" import os \\',
        "group order table select class def None",
        "statistics",
        "id",
        "!!!",
        "\u202e\u0000 reversed",
        "a" * 5000,
    ],
)
def test_hostile_ideas_give_code_that_compiles(idea: str) -> None:
    for file in write_code(extract(idea)).files:
        if file.path.endswith(".py"):
            compile(file.content, file.path, "exec")


@pytest.mark.parametrize(
    ("text", "gone", "come"),
    [
        ("leave out ratings", {"rating"}, set()),
        ("Please remove comments.", {"comment"}, set()),
        ("without ratings", {"rating"}, set()),
        ("Ratings are not needed", {"rating"}, set()),
        ("add suppliers", set(), {"supplier"}),
        ("also track allergens", set(), {"allergen"}),
        ("It should also have meal plans", set(), {"meal_plan"}),
        ("rename recipe to dish", {"recipe"}, {"dish"}),
        ("change ratings to reviews", {"rating"}, {"review"}),
        ("ohne Bewertungen", {"rating"}, set()),
    ],
)
def test_feedback_changes_the_entities(text: str, gone: set[str], come: set[str]) -> None:
    before = extract(RECIPES)
    outcome = apply(before, (text,))
    assert set(names(outcome.model)) == set(names(before)) - gone | come
    assert (bool(outcome.done), outcome.model.notes) == (True, ())


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("add an export", {"export"}),
        ("I miss a search", {"search"}),
        ("export please", {"export"}),
        ("bitte Export hinzufügen", {"export"}),
        ("please add statistics, favourites and CSV import", {"statistics", "favourites", "import"}),
        ("Looks good, but please add due dates", {"due"}),
    ],
)
def test_feedback_adds_features(text: str, features: set[str]) -> None:
    assert set(apply(extract(RECIPES), (text,)).model.features) == features


def test_feedback_adds_and_removes_fields() -> None:
    model = apply(extract(RECIPES), ("add a price to recipes and remove the description from recipes",)).model
    assert "price" in fields(model, "recipe")
    assert "description" not in fields(model, "recipe")


def test_references_follow_a_renamed_entity() -> None:
    model = apply(extract(RECIPES), ("rename recipe to dish",)).model
    assert [field.name for field in model.entity("ingredient").references] == ["dish_id"]


def test_feedback_is_applied_in_order() -> None:
    model = apply(extract(RECIPES), ("leave out ratings", "add ratings again", "add tags", "no tags")).model
    assert ("rating" in names(model), model.features) == (True, ())


def test_several_commands_in_one_text_are_all_followed() -> None:
    model = apply(extract(RECIPES), ("We don't need comments or ratings, but we want tags",)).model
    assert (names(model), model.features) == (["recipe", "ingredient"], ("tags",))


def test_feedback_that_cannot_be_used_becomes_a_requirement() -> None:
    outcome = apply(extract(RECIPES), ("Make it purple and faster",))
    assert outcome.done == ()
    assert any("Reviewer asked: Make it purple and faster" in line for line in specify(outcome.model).requirements)


def test_the_last_entity_stays() -> None:
    outcome = apply(extract("Recipes"), ("remove recipes",))
    assert names(outcome.model) == ["recipe"]
    assert outcome.model.notes == ("remove recipes",)


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("recipe", "recipes"),
        ("category", "categories"),
        ("box", "boxes"),
        ("dish", "dishes"),
        ("person", "people"),
        ("class", "classes"),
        ("day", "days"),
        ("shelf", "shelves"),
        ("movie", "movies"),
        ("quiz", "quizzes"),
        ("bus", "buses"),
        ("series", "series"),
    ],
)
def test_nouns_have_a_singular_and_a_plural(one: str, many: str) -> None:
    assert (plural(one), singular(many), singular(one)) == (many, one, one)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Größe", "groesse"),
        ("ingrédient", "ingredient"),
        ("расход", "raskhod"),
        ("材料", ""),
        ("sqlite_x", "x_sqlite_x"),
    ],
)
def test_identifiers_are_ascii(text: str, name: str) -> None:
    assert identifier(text) == name


_WORDS = st.sampled_from(
    (
        *(
            "track",
            "manage",
            "recipes",
            "ratings",
            "users",
            "books",
            "people",
            "date",
            "price",
            "search",
            "export",
            "tags",
        ),
        *(
            "with",
            "and",
            "for",
            "the",
            "a",
            "of",
            "to",
            "by",
            "without",
            "no",
            "app",
            "comments",
            "statistics",
            "mit",
            "con",
        ),
        *("class", "group", "order", "table", "list", "id", "é", "ü", "ж", "材料", "🍕"),
        *",.'\";{}<>\\%",
    )
)
_IDEAS = st.one_of(st.lists(_WORDS, min_size=1, max_size=25).map(" ".join), st.text(min_size=1, max_size=120))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_IDEAS)
def test_any_idea_gives_a_valid_model_and_code_that_compiles(idea: str) -> None:
    model = extract(idea)
    assert extract(idea) == model
    assert DataModel.model_validate(model.model_dump(mode="json")) == model
    for entity in model.entities:
        assert re.fullmatch("[a-z][a-z0-9_]*", entity.plural)
        assert entity.name.upper() in diagram(model)
    specify(model)
    for file in write_code(model).files:
        file.content.encode()
        if file.path.endswith(".py"):
            compile(file.content, file.path, "exec")


@settings(max_examples=150, deadline=None)
@given(st.lists(_IDEAS, max_size=4))
def test_any_feedback_leaves_a_valid_model(texts: list[str]) -> None:
    outcome = apply(extract(RECIPES), tuple(texts))
    assert DataModel.model_validate(outcome.model.model_dump(mode="json")) == outcome.model
