"""Headers that lead astray: other hosts, other sites, keys that are none; each on every request that heeds them."""

from collections.abc import Iterator
from typing import Final

from abuse.bad import PLAIN_ROUTES, Bad, World, request, title
from abuse.examples import body_of

_HOSTS: Final = (
    *("evil.example", "localhost.evil.example", "127.0.0.1.nip.example", "localhost@evil.example", "192.0.2.1"),
    *(
        "evil.example:80",
        "169.254.169.254",
        "[2001:db8::1]",
        "xn--lcalhost-e1a",
        "localhost%00.evil.example",
        "[::1]evil.example",
    ),
    *(
        "127.0.0.1:80@evil.example",
        "localhost:8080:evil.example",
        "127.0.0.1, evil.example",
        "l\xf6calhost",
        "//localhost",
    ),
    *("[::1", "2130706433", "127.1", "0x7f.1", "localhost/evil", "evil.example#localhost", "", "x" * 5_000),
)
_ORIGINS: Final = (
    *(
        "null",
        "http://evil.example",
        "https://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "file://",
        "evil",
    ),
    *("http://localhost@evil.example", "http://127.0.0.1:80@evil.example", "http://[::1", "http://xn--lcalhost-e1a"),
    *("chrome-extension://abcdef", "ftp://localhost", "javascript://localhost", "http://", "", "http://localhost evil"),
    *("http://evil.example, http://localhost", "http://192.168.0.1", "http://[2001:db8::1]", "x" * 5_000, "\xff"),
)
_KEYS: Final = ("", " ", "a b", "k" * 256, "\xe9", "a\tb", "k" * 5_000)


def astray(world: World) -> Iterator[Bad]:
    """Yield every writing request with each of these headers, otherwise as it should be."""
    for route in PLAIN_ROUTES:
        path, (body, headers) = world.path(route), body_of(route, world)
        for host in () if route.any_host else _HOSTS:
            sent = request(route.method, path, headers, body, host)
            yield Bad("headers", f"{title(route)} of host {host[:40]!r}", (sent,), raw=True)
        if route.method == "GET":
            continue
        wrong = [("Origin", origin) for origin in _ORIGINS]
        if route.path.startswith("/api/v1/projects"):
            wrong += [("Idempotency-Key", key) for key in _KEYS]
        for name, value in wrong:
            sent = request(route.method, path, (*headers, (name, value)), body)
            yield Bad("headers", f"{title(route)} {name}: {value[:40]!r}", (sent,), raw=True)
        both = (*headers, ("Origin", "http://localhost"), ("Origin", "http://evil.example"))
        yield Bad("headers", f"{title(route)} of two origins", (request(route.method, path, both, body),))
