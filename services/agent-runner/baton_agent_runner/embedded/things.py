"""The things that an idea is about, chosen among all that it mentions.

There is always at least one: what is named as a thing, else what is said in passing, else what such a program usually
keeps, else where it is used, else the text's last plain word.
"""

from collections import Counter

from baton_agent_runner.embedded.data_model import MOST_ENTITIES
from baton_agent_runner.embedded.identifiers import readable
from baton_agent_runner.embedded.inflection import singular
from baton_agent_runner.embedded.lexicon import ENGLISH, IMPLIED, USUAL_FIELDS
from baton_agent_runner.embedded.mentions import Mention
from baton_agent_runner.embedded.nouns import one_of
from baton_agent_runner.embedded.tokens import Token, tokens


def things_in(mentions: list[Mention], text: str, code: str) -> list[Mention]:
    """Return the things to keep, in the order of the text and in the singular; at least one."""
    return _best(_things(mentions, code)) or [_anything(mentions, text, code)]


def _things(mentions: list[Mention], code: str) -> list[Mention]:
    """Return the things of a text in the singular: a "room booking" is a room and its booking."""
    strong = [m for m in mentions if m.part == "thing" and m.strong]
    things: list[Mention] = []
    for mention in strong or [m for m in mentions if m.part == "thing"]:
        words = one_of(mention.words, code)
        written = mention.written[-2:]
        owner, noun = words[:-1], words[-1]
        if owner and code == "en" and _parts(owner[-1], noun, things):
            things.append(Mention("thing", (singular(owner[-1]),), written[:1], of=mention.of))
            things.append(Mention("thing", (noun,), written[-1:], of=(singular(owner[-1]),)))
        else:
            things.append(Mention("thing", words, written, of=mention.of))
    things += [Mention("thing", m.words, m.words) for m in mentions if m.part == "deed" and things]
    return things


def _parts(owner: str, noun: str, earlier: list[Mention]) -> bool:
    """Say whether two nouns in a row name two things, such as "project tasks" and "room bookings"."""
    named = (singular(owner),) in {thing.words for thing in earlier}
    return named or (singular(owner) in USUAL_FIELDS and noun in ENGLISH["transactional"])


def _best(things: list[Mention]) -> list[Mention]:
    """Return as many things as a model may have: the most mentioned ones, in the order of the text."""
    counts = Counter(thing.words for thing in things)
    order = {words: place for place, words in enumerate(counts)}
    best = sorted(counts, key=lambda words: (-counts[words], order[words]))[: MOST_ENTITIES - 2]
    kept = set(best)
    return [thing for thing in things if thing.words in kept]


def _anything(mentions: list[Mention], text: str, code: str) -> Mention:
    """Return something to keep where nothing was recognised: what is implied, a setting, a word, the text itself."""
    words = [token for token in tokens(text) if not token.is_mark]
    for token in words:
        if token.lower in IMPLIED:
            return Mention("thing", (IMPLIED[token.lower],), (IMPLIED[token.lower],))
    for mention in mentions:
        if mention.part == "setting":
            return Mention("thing", one_of(mention.words, code), mention.written[-2:])
    plain = [token for token in words if not _is_small(token)] or words
    if plain:
        last = plain[-1]
        return Mention("thing", one_of((last.lower,), code), (last.written,))
    written = readable(text, 40) or "Item"
    return Mention("thing", ("item" if written == "Item" else written.lower(),), (written,))


def _is_small(token: Token) -> bool:
    return token.is_number or token.lower in ENGLISH["stop"] | ENGLISH["containers"]
