"""Bodies that are no JSON, or JSON that could be read in two ways, or too much of it; and wrong media types."""

import gzip
import json
from collections.abc import Iterator
from typing import Final

from abuse.bad import JSON, PLAIN_ROUTES, Bad, World, request, title
from abuse.examples import example

_MIB: Final = 1 << 20
_MEMBERS: Final = (
    *(
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1e999",
        b"9" * 5_000,
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"0x10",
        b"1_0",
    ),
    *(b'"\\x41"', b'"\\u00g0"', b'"\n"', b'"\t"', b'"\x00"', b'"\x1b"', b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"'),
    *(
        b'"\xf4\x90\x80\x80"',
        b'"\\u0000"',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\\udfff"',
        b"'a'",
        b"undefined",
        b"True",
    ),
    *(b"{'a': 1}", b"{a: 1}", b"[1,]", b"[,1]", b"[1 2]", b'{"a" 1}', b'{"a": 1, "a": 1}', b'{"\\ud800": 1}', b'"'),
    *(b"[" * 65 + b"]" * 65, b"[" * 100_000 + b"]" * 100_000, b"[" * 100_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000),
    *(b"[" + b"0," * 20_000 + b"0]", b"[" + b"[]," * 100_000 + b"[]]", b'"' + b"x" * 900_000 + b'"'),
    b"{" + b",".join(b'"%d":0' % n for n in range(20_000)) + b"}",
    b"{" + b",".join(b'"%d":0' % n for n in range(5_000)) + b',"twice":0,"twice":0}',
    b"{" + b",".join(b'"%d":0' % n for n in range(60_000)) + b',"twice":0,"twice":0}',
    b'{"' + b"k" * 200_000 + b'":[' + b"0," * 4_000 + b"0]}",
    b'{"' + b"k" * 900_000 + b'":0}',
    b'"' + "\u20ac".encode() * 300_000 + b'"',
    b"9" * 900_000,
    b"-" * 900_000,
    b'"' + b"\\u0041" * 150_000 + b'"',
)
_WHOLE: Final = (
    b"",
    b" ",
    b"{",
    b"[",
    b"]",
    b'"',
    b"null",
    b"true",
    b"1",
    b'"x"',
    b"[]",
    b"[{}]",
    b"\x00",
    b"{}{}",
    b"{]",
)
_BOMB: Final = gzip.compress(b" " * 50 * _MIB, 9)
_TYPES: Final = (
    *("text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"),
    *(
        "application/jsonx",
        "application/json, text/html",
        "application/vnd.api+json",
        "image/svg+xml",
        "*/*",
        "json",
        "",
    ),
    *("application/x-yaml", "application/octet-stream", "application /json", "text/plain; application/json"),
)


def broken(world: World) -> Iterator[Bad]:
    """Yield every broken form for every body, and for every request that takes none."""
    for route in PLAIN_ROUTES:
        if route.method != "GET":
            target, fits = world.path(route), json.dumps(example(route, world) or {"reason": "x"}).encode()
            for name, body in _forms(fits):
                sent = request(route.method, target, (*world.pass_key, JSON), body)
                yield Bad("json", f"{title(route)} {name}", (sent,))


def _forms(fits: bytes) -> Iterator[tuple[str, bytes]]:
    for member in _MEMBERS:
        yield f"a member {member[:30]!r} of {len(member)}", fits[:-1] + b', "more": ' + member + b"}"
    for whole in _WHOLE[2:]:  # no body at all may be what a request takes
        yield f"the whole {whole!r}", whole
    yield "a comma at the end", fits[:-1] + b",}"
    yield "every member twice", fits[:-1] + b"," + fits[1:]
    yield "a comment", b"/* c */" + fits
    yield "a comment after it", fits + b" // c"
    yield "two documents", fits + b"\n" + fits
    yield "a NUL after it", fits + b"\0"
    yield "a form feed before it", b"\f" + fits
    yield "a no-break space before it", b"\xc2\xa0" + fits
    yield "a prefix against hijacking", b")]}',\n" + fits
    yield "a byte order mark", b"\xef\xbb\xbf" + fits
    yield from (
        (f"in {name}", fits.decode().encode(name))
        for name in ("utf-16", "utf-16-le", "utf-32", "utf-7", "cp037")
        if fits.decode().encode(name) != fits
    )
    yield "a record separator before it", b"\x1e" + fits
    yield "gzip that does not say so", gzip.compress(fits)
    yield "1 MiB and a byte", fits[:-1] + b" " * (_MIB + 1 - len(fits)) + b"}"
    yield "3 MiB", fits[:-1] + b',"more":"' + b"x" * 3 * _MIB + b'"}'


def mislabelled(world: World) -> Iterator[Bad]:
    """Yield bodies that fit under a media type or an encoding that does not."""
    for route in PLAIN_ROUTES:
        if route.body is None:
            continue
        target, fits = world.path(route), json.dumps(example(route, world) or {"reason": "x"}).encode()
        labels: list[tuple[tuple[str, str], ...]] = [(("Content-Type", kind),) for kind in _TYPES]
        labels += [(JSON, ("Content-Encoding", name)) for name in ("gzip", "deflate", "br", "zstd", "x", "gzip, gzip")]
        for headers in [(), *labels, (("Content-Type", "text/plain"), JSON)]:
            sent = request(route.method, target, (*world.pass_key, *headers), fits)
            yield Bad("labels", f"{title(route)} as {headers}", (sent,))
        sent = request(route.method, target, (*world.pass_key, JSON, ("Content-Encoding", "gzip")), _BOMB)
        yield Bad("labels", f"{title(route)} 50 MiB in {len(_BOMB)} bytes", (sent,))
