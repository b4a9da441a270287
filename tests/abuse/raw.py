"""Bytes that are nearly HTTP: whatever could be read in two ways, breaks off, never ends, or is too much of it."""

from collections.abc import Iterator
from typing import Final

from abuse.bad import Bad, World
from abuse.smuggling import HIDDEN, MIB, SMUGGLED, get, in_chunks, post, with_length

_HEADERS: Final[dict[str, bytes]] = {
    "a folded header": get(b"X-A: b\r\n c\r\n"),
    "a header that begins with a space": get(b" X-A: b\r\n"),
    "a space before the colon": get(b"X-A : b\r\n"),
    "a tab before the colon": get(b"Content-Length\t: 0\r\n"),
    "a header without a colon": get(b"X-A\r\n"),
    "a header without a name": get(b": b\r\n"),
    "a NUL in a value": get(b"X-A: b\0c\r\n"),
    "a NUL in a name": get(b"X\0A: b\r\n"),
    "a bare CR in a value": get(b"X-A: b\rX-B: c\r\n"),
    "a bare CR at the end": get(b"X-A: b\r\r\n"),
    "bare LFs": b"GET /api/v1/nothing HTTP/1.1\nHost: 127.0.0.1\n\n",
    "an escape in a value": get(b"X-A: \x1b[31m\r\n"),
    "a name of brackets": get(b"X(A): b\r\n"),
    "a name of UTF-8": get("X-\u00c4: b\r\n".encode()),
    "two hosts": get(b"Host: evil.example\r\n"),
    "no host": get(host=b""),
    "an absolute path of another host": get(line=b"GET http://evil.example/api/v1/agents HTTP/1.1"),
    "an absolute path with a user": get(line=b"GET http://u:p@127.0.0.1@evil.example/api/v1/agents HTTP/1.1"),
    "an authority": get(line=b"CONNECT evil.example:443 HTTP/1.1"),
    "a star": get(line=b"OPTIONS * HTTP/1.1"),
    "ten thousand headers": get(b"".join(b"X-%d: y\r\n" % n for n in range(10_000))),
    "a header of a megabyte": get(b"X-A: " + b"x" * MIB + b"\r\n"),
    "a name of a megabyte": get(b"x" * MIB + b": y\r\n"),
    "a megabyte of cookies": get(b"Cookie: " + b"a=b; " * 200_000 + b"\r\n"),
    "an upgrade to HTTP/2": get(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
    "an expectation": post(b"Expect: nonsense\r\nContent-Length: 2\r\n", b"{}"),
}
_LINES: Final[dict[str, bytes]] = {
    **{
        f"the line {line!r}": get(line=line)
        for line in (
            b"GET /livez HTTP/9",
            b"GET /livez HTTP/1.1.1",
            b"GET",
            b"GET /livez HTTP/3.0",
            b"GET /livez HTTP/1.2",
            b"GET /livez http/1.1",
            b"GET /livez HTTP/1.1 x",
            b"GET\t/livez\tHTTP/1.1",
            b"GET /livez\0 HTTP/1.1",
            b"GET /liv ez HTTP/1.1",
            b"/livez GET HTTP/1.1",
            b" GET /livez HTTP/1.1",
            b"GET livez HTTP/1.1",
            b"GET \\livez HTTP/1.1",
            b"GET /livez HTTP/\xd9\xa1.1",
            b"GET ../livez HTTP/1.1",
            b"GET /livez HTTP/1,1",
            b"\0\0\0\0",
            b":",
            b"GET /livez ICE/1.1",
            b"GET /livez HTTPS/1.1",
            b"GET / HTTP/1.11",
            b"SSH-2.0-OpenSSH",
            b"*1",
            b"EHLO x",
            b"AMQP\0\0\x09\x01",
            b"GET //evil.example/%2e%2e HTTP/1.1",
            b"GET ://:@[ HTTP/1.1",
            b"GET http://[::1/ HTTP/1.1",
            b"GET http:/// HTTP/1.1",
            b"GET http://127.0.0.1:99999/x HTTP/1.1",
            b"GET /%ff%fe HTTP/1.1",
            b"GET /?%ff HTTP/1.1",
            b"GET /\xff\xfe HTTP/1.1",
        )
    },
    "a request line of a megabyte": get(line=b"GET /" + b"x" * MIB + b" HTTP/1.1"),
    "a query of a megabyte": get(line=b"GET /livez?" + b"x" * MIB + b" HTTP/1.1"),
    "a method of a megabyte": get(line=b"X" * MIB + b" / HTTP/1.1"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "PROXY": b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + HIDDEN,
    "noise": bytes(range(256)) * 40,
    "NULs": bytes(MIB),
    "line breaks": b"\r\n" * 500_000 + b"x\r\n\r\n",
    "a thousand bad requests at once": get() * 1_000,
    "bad requests before broken ones": get() * 10 + b"\0" * 100,
}
_BREAKING_OFF: Final[dict[str, bytes]] = {
    "nothing": b"",
    "half a line": b"GET /api/v1/pro",
    "half a head": b"POST /api/v1/projects HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    "half a body": with_length(b"40", b'{"product_idea": "x"'),
    "half a chunk": in_chunks(b"ff\r\n{"),
    "a chunk of 2^64 bytes": in_chunks(b"f" * 16 + b"\r\n{}\r\n"),
    "no last chunk": in_chunks(b"2\r\n{}\r\n"),
    "a body that was promised": with_length(b"1000000", b""),
}


def nearly_http(_: World) -> Iterator[Bad]:
    """Yield all of these; a client that breaks off ends its side."""
    for forms in (SMUGGLED, _HEADERS, _LINES):
        for name, sent in forms.items():
            yield Bad("raw", name, (sent,), raw=True)
    for name, sent in _BREAKING_OFF.items():
        yield Bad("raw", f"breaking off after {name}", (sent,), raw=True, ends=True)


def slow(_: World) -> Iterator[Bad]:
    """Yield heads that never end: silent, byte by byte, header by header."""
    head = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    drops = tuple(bytes([one]) for one in head)
    yield Bad("slow", "not a byte", (b"",), raw=True)
    yield Bad("slow", "half a line", (b"GET /liv",), raw=True)
    yield Bad("slow", "half a head", (head,), raw=True)
    yield Bad("slow", "a byte at a time", drops, pause=0.3, raw=True)
    yield Bad("slow", "a header at a time", (head, *(b"X-%d: y\r\n" % n for n in range(30))), pause=0.4, raw=True)
    yield Bad("slow", "line breaks at a time", (b"\r\n",) * 30, pause=0.4, raw=True)


STOPPED: Final = _BREAKING_OFF["half a body"]
