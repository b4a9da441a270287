"""People in an English text: those who use the program are actors, those whom it keeps are records.

A person who is one of a list of things, or of whom the idea tells what they do ("guests bring dishes"), is a record;
whom the program is for, and everybody in general ("people", "users"), is an actor.
"""

from typing import Final

from baton_agent_runner.embedded.lexicon import ENGLISH
from baton_agent_runner.embedded.place import Phrase, Place
from baton_agent_runner.embedded.verbs import verb_base

_DOING: Final = frozenset({"can", "could", "who", "to", "should", "may", "must", "will", "want", "need"})
_SERVED: Final = frozenset({"let", "help", "allow", "enable", "invite"})


def is_people(noun: str, following: str) -> bool:
    """Say whether a noun names people: a known one, or "dog walkers to schedule ..." by its form and its place."""
    return noun in ENGLISH["people"] | ENGLISH["always_entities"] or (
        following in {"to", "who", "can"} and noun.endswith(("er", "or", "ist", "ian")) and noun not in ENGLISH["verbs"]
    )


def are_actors(place: Place, phrase: Phrase) -> bool:
    """Say whether people use the program: it is for them, helps them, or they "can" do something."""
    if phrase.following in _DOING or place.role == "for" or place.verb in _SERVED:
        return True
    return place.role == "start" and phrase.noun in ENGLISH["generic"] and bool(verb_base(phrase.following))
