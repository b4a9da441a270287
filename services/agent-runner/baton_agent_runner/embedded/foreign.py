"""Texts in other languages read for what they speak of: what is left when small words are taken away.

Without a grammar of each language this is coarser than the English reading: words are kept as they were written, and
what follows the word for "with" belongs to what came before it.
"""

# ruff: noqa: RUF001 - letters of other scripts are the subject here

from collections.abc import Iterator
from typing import Final

from baton_agent_runner.embedded.lexicon import ENGLISH, FEATURE_WORDS, LANGUAGES
from baton_agent_runner.embedded.mentions import Mention
from baton_agent_runner.embedded.tokens import Token

_WITH: Final = frozenset({"mit", "con", "avec", "com", "met", "z", "ze", "с", "со", "med"})
_TO: Final = frozenset({"para", "pour", "per", "a", "à"})
_INFINITIVES: Final = ("ar", "er", "ir", "re")


def read_foreign(text: list[Token], code: str) -> Iterator[Mention]:
    """Yield what a text in the language of that code mentions, in its order."""
    small = LANGUAGES["cjk" if code in {"ja", "zh"} else code] | ENGLISH["containers"]
    nouns_only = code == "de" and any(_capital(token) and token.lower not in small for token in text)
    head: tuple[str, ...] = ()
    belongs = False
    before = ""
    for token in text:
        word = token.lower
        belongs = belongs or word in _WITH
        if token.ends_sentence:
            belongs = False
        feature = FEATURE_WORDS.get(word)
        deed = before in _TO and word.endswith(_INFINITIVES)
        before = word
        if feature:
            yield Mention("feature", (feature,), (token.written,), of=head)
        elif not (token.is_mark or word in small or deed or (len(word) < 2 and word.isascii())):  # noqa: PLR2004
            if nouns_only and not _capital(token):
                continue
            yield Mention("thing", (word,), (token.written,), of=head if belongs else ())
            head = head if belongs else (word,)


def _capital(token: Token) -> bool:
    return token.written[:1].isupper()
