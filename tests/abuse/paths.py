"""Tricks with what stands in a path: every parameter of every route is given each of them.

Many begin with a real value, so that a trick that is read as that value would do something.
"""

import posixpath
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from abuse.bad import Bad, World, parameters, request, title
from abuse.examples import body_of
from baton_gateway.routes import ROUTES

_TRICKS: Final = (
    *("..", "...", "%2e%2e", "%2E%2E%2F", "..%2f..%2fetc%2fpasswd", "%252e%252e%252f", "%252f", "..;", "..%00"),
    *("..\\..\\windows\\win.ini", "..%5c..%5cboot.ini", "%00", "%2fetc%2fpasswd", "%5c%5chost%5cshare", "file:%2f%2fx"),
    *("C:%5c", "%c0%ae%c0%ae%c0%af", "%e0%80%ae%e0%80%ae", "%ef%bc%8e%ef%bc%8e%ef%bc%8f", "%e2%80%a5", "%u002e%u002e"),
    *(
        "CON",
        "nul.txt",
        "COM1:",
        "AUX ".strip() + "%20",
        "~root",
        "%",
        "%zz",
        "%f",
        "%ff",
        "\xff",
        "\xe9",
        "%f0%9f%98%80",
    ),
    *("a" * 65, "a" * 4_000, "%61" * 2_000, "..%2f" * 500, "-", "_", "*", "$%7bjndi:ldap:x%7d", "%7b%7b7*7%7d%7d"),
    *("'%20OR%201=1--", "%27;DROP%20TABLE%20projects", "<script>", "%3Csvg%2Fonload%3D1%3E", "|id", "`id`", "$(id)"),
    *("{}%00", "{}%00.json", "{}.", "{}%20", "%20{}", "{}%09", "{}%0a", "{}%0d", "{}%0d%0aX-Evil:%201", "{};v=1"),
    *(
        "{}%3bv=1",
        "{}%2f",
        "{}%2f..",
        "{}%2f%2e",
        "{}%5c",
        "{}%23",
        "{}%3f",
        "{},{}",
        "{}{}",
        "%7b{}%7d",
        "[{}]",
        "{}\xff",
    ),
    *(
        "{}%e2%80%8b",
        "%ef%bb%bf{}",
        "{}%e2%80%a8",
        "{}%cc%81",
        "{}%1b[31m",
        "{}%7f",
        "urn:uuid:{}",
        "%22{}%22",
        "{}/..",
    ),
)


def tricks(world: World) -> Iterator[Bad]:
    """Yield every trick in every parameter."""
    for route in ROUTES:
        body, headers = body_of(route, world)
        for name in parameters(route):
            for trick in (*_TRICKS, *_disguises(world.values[name])):
                target = world.path(route, **{name: trick.replace("{}", world.values[name])})
                if not _stands_for_another(target):
                    sent = request(route.method, target, headers, body)
                    yield Bad("paths", f"{title(route)} {name}={trick[:60]!r}", (sent,))


def _disguises(value: str) -> tuple[str, ...]:
    """Return a value in other clothes: without dashes (an id), in capitals (a name), in full-width characters."""
    wide = "".join(f"%ef%bc%{ord(one) + 0x60:02x}" if one.isdigit() else one for one in value)
    dressed = {value.replace("-", ""), value.title(), value + "0", wide, value[:-1] + "%d9%a3"}
    return tuple(sorted(one for one in dressed if one != value and not (_is_id(value) and one.lower() == value)))


def _is_id(value: str) -> bool:
    return value.count("-") == 4 and len(value) == 36


def _stands_for_another(target: str) -> bool:
    """Tell whether a path without its dots is one that may be asked for: then there is nothing to refuse."""
    plain = posixpath.normpath(unquote(target))
    return any(plain == route.path.rstrip("/") for route in ROUTES)
