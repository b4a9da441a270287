"""Keeps secrets out of what people and logs read: `redact` puts `[secret]` in the place of each (2 to 5 us a line).

A secret is found by its value, where somebody told it (`keep_secret`), or by its form: API keys and tickets, tokens of
an OpenID provider, `Bearer` and `Basic` credentials, and a password in a URL. Values of less than 8 characters are not
looked for, because they are parts of ordinary words; in a URL they are found all the same. Nothing is ever forgotten.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

import orjson

PLACE: Final = "[secret]"
_SHORTEST: Final = 8
# What must stand in a text that holds the form, and the form: looking for a piece first is ten times as fast, and of
# what a form begins with, none is tried twice (`++`), so that a long hostile line takes no longer than another one.
_FORMS: Final = tuple(
    (piece, re.compile(form))
    for piece, form in (
        ("baton_", r"()baton_[0-9a-f]{16,}+[\w-]*+"),
        ("ticket_", r"()ticket_[0-9a-f]{16,}+[\w-]*+"),
        ("eyJ", r"((?:(?<![\w-])|(?<=\\[nrt])))eyJ[\w-]{8,}+(?:\.[\w-]*+){2,4}+"),
        ("earer ", r"([Bb]earer )[\w.~+/=-]{16,}+"),
        ("asic ", r"([Bb]asic )[\w.~+/=-]{16,}+"),
        ("://", r"(://[^\s:/?#@\"]*+:)[^\s/\"]+(?=@)"),
    )
)
_TELLING: Final = re.compile(r"(?:KEY|KEY_ID|TOKEN|SECRET|PASSWORD|CREDENTIALS)$", re.IGNORECASE)
_known: list[str] = []


def redact(text: str) -> str:
    """Return a text without the secrets in it."""
    for secret in _known:
        if secret in text:
            text = text.replace(secret, PLACE)
    for piece, form in _FORMS:
        if piece in text:
            text = form.sub(rf"\1{PLACE}", text)
    return text


def keep_secret(values: Iterable[str]) -> None:
    """Have values, and what is secret in them where they are URLs, redacted from now on."""
    forms = {form for value in values for secret in _secrets_in(value) for form in _written(secret)}
    _known[:] = sorted(forms.union(_known), key=len, reverse=True)  # the longest first: one may begin with another


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    """Return the values of those variables whose names say that they are secret."""
    return [value for name, value in environment.items() if _TELLING.search(name)]


def _secrets_in(value: str) -> Iterator[str]:
    scheme, separator, rest = value.partition("://")
    if not (scheme and separator):
        yield value
        return
    password = rest.rpartition("@")[0].partition(":")[2]
    yield from (password, unquote(password), quote(unquote(password), safe=""))
    for name, given in parse_qsl(rest.partition("?")[2]):
        if _TELLING.search(name):
            yield given


def _written(secret: str) -> Iterator[str]:
    """Return the forms in which a secret may stand in a line: as it is, as a string of JSON and of Python has it."""
    if len(secret) >= _SHORTEST:
        yield secret
        yield orjson.dumps(secret, default=str).decode()[1:-1]
        yield repr(secret)[1:-1]
