"""Singular of nouns in languages other than English, by their endings.

Only endings that tell are turned; any other noun stays as it was written, which names a record well enough.
"""

import re
from typing import Final

_ENDINGS: Final = {
    "de": (r"(ung|heit|keit|schaft|tion)en=\1", r"innen=in"),
    "es": (
        *(r"(análisis|crisis|virus|campus|[ií]s|us)=\1", r"([cs])iones=\1ión", r"ces=z", r"([aeiouáéíóú][rdln])es=\1"),
        r"([aeiouáéíóú])s=\1",
    ),
    "pt": (
        *(r"ões=ão", r"ães=ão", r"ais=al", r"[eé]is=el", r"óis=ol", r"ns=m", r"([aeiouáéêó][rz])es=\1"),
        r"([aeouáéêóã])s=\1",
    ),
    "fr": (r"(eau|eu)x=\1", r"aux=al", r"(ss|us|is|ours|mps|pas|rps)=\1", r"s="),
    "it": (
        *(r"zioni=zione", r"menti=mento", r"([ea]nt|al|tor|ior)i=\1e", r"ari=ario", r"zi=zio", r"([cg])h?i=\1o"),
        *(r"([cg])he=\1a", r"ette=etta", r"i=o"),
    ),
}
_RULES: Final = {
    code: tuple((re.compile(ending.split("=")[0] + "$"), ending.split("=")[1]) for ending in endings)
    for code, endings in _ENDINGS.items()
}
_SHORTEST: Final = 4  # letters; shorter words ("mes", "bus") are no plurals


def foreign_singular(word: str, code: str) -> str:
    """Return the singular of a lower-case noun in the language of that code, or the noun as it is."""
    if len(word) < _SHORTEST:
        return word
    for ending, one in _RULES.get(code, ()):
        if ending.search(word):
            return ending.sub(one, word)
    return word
