"""Texts in other languages read for what they speak of: what is left when small words are taken away.

Without a grammar of each language this is coarser than the English reading: what follows the word for "with" belongs
to what came before it, and in Romance languages a noun takes the adjective that follows it.
"""

# ruff: noqa: RUF001 - letters of other scripts are the subject here

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from baton_agent_runner.embedded.lexicon import ENGLISH, FEATURE_WORDS, FOREIGN, LANGUAGES
from baton_agent_runner.embedded.mentions import Mention
from baton_agent_runner.embedded.nouns import one_of
from baton_agent_runner.embedded.tokens import Token

_WITH: Final = frozenset({"mit", "con", "avec", "com", "met", "z", "ze", "с", "со", "med"})
_TO: Final = frozenset({"para", "pour", "per", "a", "à"})
_OF: Final = frozenset({"de", "del", "du", "d", "di", "della", "do", "da", "von", "van"})
_INFINITIVES: Final = ("ar", "er", "ir", "re")
_ENDS: Final = frozenset(".!?;:\n。！？；")
_VERB: Final = re.compile(r"(?:an|en|ent|am|em|ano|ono)$")
_ROMANCE: Final = frozenset({"es", "fr", "it", "pt"})
_ELISION: Final = re.compile(r"^(?:un|l|d|dell|all|nell|sull|quest|s|c|j|qu|n)['’](?=\w{2})", re.IGNORECASE)
_ADJECTIVE: Final = re.compile(r"(?:al|el|il|ar|ble|nte|ique|if|ive)$")


def read_foreign(text: list[Token], code: str) -> Iterator[Mention]:
    """Yield what a text in the language of that code mentions, in its order."""
    head: tuple[str, ...] = ()
    belongs = in_setting = False
    for mark, run in _runs([_without_article(token) for token in text], code):
        belongs = (belongs or mark in _WITH) and mark not in _ENDS
        words, written = one_of([token.lower for token in run], code), tuple(token.written for token in run)
        if feature := FEATURE_WORDS.get(run[-1].lower):
            yield Mention("feature", (feature,), written[-1:], of=head)
        elif _is_setting(run[0].lower, code):
            head, in_setting = (), True
            yield Mention("setting", words, written)
        else:
            yield Mention("thing", words, written, of=head if belongs else (), strong=not (in_setting and mark in _OF))
            head, in_setting = head if belongs else words, False


def _runs(text: list[Token], code: str) -> Iterator[tuple[str, list[Token]]]:
    """Yield the noun phrases of a text, each with the small word or mark that tells its part."""
    small = LANGUAGES["cjk" if code in {"ja", "zh"} else code] | ENGLISH["containers"]
    nouns_only = code == "de" and any(_capital(token) and token.lower not in small for token in text)
    run: list[Token] = []
    mark = before = ""
    for token in text:
        word, last = token.lower, run[-1].lower if run else ""
        deed = before in _TO and word.endswith(_INFINITIVES)
        noun = _is_plain(token, small) and not deed and not (nouns_only and not _capital(token))
        before = word
        if run and not (noun and len(run) == 1 and _describes(word, last, code)):
            yield mark, run
            run, mark = [], ""
        if noun and not _tells(word, last, code):
            run = [*run, token]
        elif word in _WITH | _ENDS or (word in _OF and not mark):
            mark = word
    if run:
        yield mark, run


def _is_setting(word: str, code: str) -> bool:
    """Say whether a word is where a program is used, or a German compound of such a word: "Kleingartenverein"."""
    known = FOREIGN.get(f"settings {'cjk' if code in {'ja', 'zh'} else code}", frozenset()) | ENGLISH["settings"]
    return word in known or (code == "de" and word.endswith(tuple(FOREIGN["german_endings"])))


def _is_plain(token: Token, small: frozenset[str]) -> bool:
    letter = len(token.lower) == 1 and token.lower.isascii()
    return not (token.is_mark or token.is_number or letter or token.lower in small)


def _describes(word: str, noun: str, code: str) -> bool:
    """Say whether a word is the adjective of the noun before it, by how both end: "clínica veterinaria"."""
    if code not in _ROMANCE or word in FEATURE_WORDS or noun in FEATURE_WORDS or _tells(word, noun, code):
        return False
    if code == "it" or noun.endswith("s") or word.endswith("s"):
        return code == "it" or noun[-1] == word[-1]
    return noun[-1] == word[-1] or bool(_ADJECTIVE.search(word))


def _tells(word: str, noun: str, code: str) -> bool:
    """Say whether a word is the verb of the noun before it: "los clientes reservan mesas"."""
    many = noun.endswith("s") or (code == "it" and noun.endswith(("i", "e")))
    return code in _ROMANCE and many and bool(_VERB.search(word))


def _without_article(token: Token) -> Token:
    """Return a word without the article that is written together with it: "l'école", "un'app"."""
    return replace(token, lower=_ELISION.sub("", token.lower), written=_ELISION.sub("", token.written))


def _capital(token: Token) -> bool:
    return token.written[:1].isupper()
