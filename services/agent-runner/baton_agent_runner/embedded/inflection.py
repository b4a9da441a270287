"""Singular and plural of English nouns, by rule and by a short list of exceptions."""

from typing import Final

_IRREGULAR: Final = {
    "person": "people", "child": "children", "man": "men", "woman": "women", "foot": "feet", "tooth": "teeth",
    "mouse": "mice", "goose": "geese", "ox": "oxen", "leaf": "leaves", "shelf": "shelves", "knife": "knives",
    "wife": "wives", "life": "lives", "loaf": "loaves", "half": "halves", "wolf": "wolves", "calf": "calves",
    "thief": "thieves", "analysis": "analyses", "diagnosis": "diagnoses", "crisis": "crises", "thesis": "theses",
    "criterion": "criteria", "quiz": "quizzes", "medium": "media", "movie": "movies", "cookie": "cookies",
    "tie": "ties", "pie": "pies", "zombie": "zombies", "hoodie": "hoodies", "calorie": "calories",
    "selfie": "selfies", "bus": "buses", "gas": "gases", "lens": "lenses", "potato": "potatoes", "tomato": "tomatoes",
    "hero": "heroes", "echo": "echoes", "shoe": "shoes", "canoe": "canoes", "toe": "toes", "axe": "axes",
    "cache": "caches", "niche": "niches", "headache": "headaches", "house": "houses", "horse": "horses",
    "course": "courses", "nurse": "nurses", "purse": "purses", "exercise": "exercises", "expense": "expenses",
    "license": "licenses", "phrase": "phrases", "database": "databases", "case": "cases", "release": "releases",
    "purchase": "purchases", "vase": "vases", "lease": "leases", "disease": "diseases", "response": "responses",
    "rose": "roses", "nose": "noses", "cheese": "cheeses", "mouse pad": "mouse pads", "warehouse": "warehouses",
    "greenhouse": "greenhouses", "verse": "verses", "size": "sizes", "prize": "prizes", "virus": "viruses",
    "campus": "campuses", "status": "statuses", "bonus": "bonuses", "ski": "skis", "menu": "menus",
    "taxi": "taxis", "cactus": "cacti", "house party": "house parties",
}  # fmt: skip
_SINGULAR: Final = {many: one for one, many in _IRREGULAR.items()}
_SAME: Final = frozenset({"series", "species", "sheep", "fish", "deer", "aircraft", "news", "equipment", "data"})
_HISSING: Final = ("s", "x", "z", "ch", "sh")
_NOT_PLURAL: Final = ("ss", "us", "is")


def singular(word: str) -> str:
    """Return the singular of a lower-case noun; a noun that is no plural comes back as it is."""
    if word in _SAME or word in _IRREGULAR:
        return word
    if word in _SINGULAR:
        return _SINGULAR[word]
    if len(word) <= 3 or not word.endswith("s") or word.endswith(_NOT_PLURAL):  # noqa: PLR2004 - "gas", "bus", "its"
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("es") and word[:-2].endswith(("ss", "x", "zz", "ch", "sh")):
        return word[:-2]
    return word[:-1]


def plural(word: str) -> str:
    """Return the plural of a lower-case singular noun."""
    if word in _SAME:
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(_HISSING) else "s")


def is_plural(word: str) -> bool:
    """Say whether a lower-case noun looks like a plural."""
    return singular(word) != word
