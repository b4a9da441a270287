"""Requests whose end two readers could see in two places: what stands behind it must not be taken for a request.

`HIDDEN` is a request in its own right: where it is answered with 200, something was smuggled.
"""

from typing import Final

MIB: Final = 1 << 20
HIDDEN: Final = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"


def post(headers: bytes, body: bytes = b"", path: bytes = b"/api/v1/projects", version: bytes = b"HTTP/1.1") -> bytes:
    """Return a request with exactly these headers."""
    start = b"POST " + path + b" " + version + b"\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return start + headers + b"\r\n" + body


def get(
    headers: bytes = b"", line: bytes = b"GET /api/v1/nothing HTTP/1.1", host: bytes = b"Host: 127.0.0.1\r\n"
) -> bytes:
    """Return a request for what there is not, so that every answer but a refusal is wrong."""
    return line + b"\r\n" + host + headers + b"\r\n"


def with_length(value: bytes, body: bytes = b"{}") -> bytes:
    """Return a request that says so of its length."""
    return post(b"Content-Length: " + value + b"\r\n", body)


def in_chunks(body: bytes, headers: bytes = CHUNKED) -> bytes:
    """Return a request with a body in chunks."""
    return post(headers, body)


SMUGGLED: Final[dict[str, bytes]] = {
    "length and chunks": post(b"Content-Length: 4\r\n" + CHUNKED, b"0\r\n\r\n" + HIDDEN),
    "chunks and length": post(CHUNKED + b"Content-Length: 4\r\n", b"0\r\n\r\n" + HIDDEN),
    "two lengths": post(b"Content-Length: 2\r\nContent-Length: 7\r\n", b"{}" + HIDDEN),
    "a list of lengths": with_length(b"2, 7", b"{}" + HIDDEN),
    **{
        f"the length {value!r}": with_length(value, b"{}" + HIDDEN)
        for value in (
            b"+2",
            b"-2",
            b"0x2",
            b"2.0",
            b"2e0",
            b"2 2",
            b"",
            b"\xd9\xa2",
            b"9" * 30,
            b"2;",
            b"2\x0b",
            b'"2"',
            b"2_0",
        )
    },
    **{
        f"the encoding {value!r}": in_chunks(b"0\r\n\r\n" + HIDDEN, b"Transfer-Encoding: " + value + b"\r\n")
        for value in (
            b"xchunked",
            b"chunked, identity",
            b"chunked, chunked",
            b"identity",
            b"gzip",
            b"\x0bchunked",
            b"chunked;q=1",
            b"chunk\xebd",
            b"'chunked'",
            b"",
        )
    },
    "two encodings": in_chunks(b"0\r\n\r\n" + HIDDEN, CHUNKED + b"Transfer-Encoding: identity\r\n"),
    "chunks in HTTP/1.0": post(CHUNKED, b"0\r\n\r\n" + HIDDEN, version=b"HTTP/1.0"),
    **{
        f"the chunk {head!r}": in_chunks(head + b"\r\n{}\r\n0\r\n\r\n" + HIDDEN)
        for head in (
            b"-2",
            b"+2",
            b"0x2",
            b"2 ;x",
            b"G",
            b"",
            b"f" * 17,
            b"2\x00",
            b"2\n;",
            b"2;\n",
            b"\xd9\xa2",
            b"1_0",
        )
    },
    "a chunk that is longer than it says": in_chunks(b"1\r\n{}\r\n0\r\n\r\n"),
    "a chunk that ends in a bare LF": in_chunks(b"2\n{}\n0\n\n" + HIDDEN),
    "chunks that a header takes back": in_chunks(b"2\r\n{}\r\n0\r\nContent-Length: 90\r\n\r\n"),
    "a megabyte of chunk extensions": in_chunks(b"2;" + b"x" * MIB + b"\r\n{}\r\n0\r\n\r\n"),
    "a thousand extensions": in_chunks(b"".join(b"1;%s\r\n \r\n" % (b"e" * 500) for _ in range(1_000)) + b"0\r\n\r\n"),
    "a megabyte of trailers": in_chunks(
        b"0\r\n" + b"".join(b"t%d: %s\r\n" % (n, b"x" * 90) for n in range(10_000)) + b"\r\n"
    ),
    "a body of one-byte chunks": in_chunks(b"1\r\n[\r\n" * 100_000 + b"0\r\n\r\n"),
    "two megabytes in chunks": in_chunks(
        b"10000\r\n" + b" " * 65_536 + b"\r\n" + (b"10000\r\n" + b" " * 65_536 + b"\r\n") * 31 + b"0\r\n\r\n"
    ),
}
