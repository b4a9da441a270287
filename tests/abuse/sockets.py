"""Bad handshakes, and what must not be said on a socket: broken frames, and messages that are none."""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Final

from abuse.bad import Bad, World
from abuse.frames import BINARY, CLOSE, HANDSHAKE, PING, PONG, TEXT, frame, handshake, opened

_PING: Final = b'{"type":"ping"}'
_LIMIT: Final = 16 << 10
_CODES: Final = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)
_NO_UTF8: Final = (
    b"\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xce\xba\xe1\xbd",
    b'{"type":"ping\x80"}',
)
_FRAMES: Final[dict[str, bytes]] = {
    **{f"reserved bits {rsv:03b}": frame(TEXT, _PING, rsv=rsv) for rsv in range(1, 8)},
    **{f"opcode {opcode}": frame(opcode, _PING) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    **{f"bad UTF-8 {text!r}": frame(TEXT, text) for text in _NO_UTF8},
    **{f"close code {code}": frame(CLOSE, code.to_bytes(2)) for code in _CODES},
    "a close of one byte": frame(CLOSE, b"\x03"),
    "a close with bad UTF-8": frame(CLOSE, b"\x03\xe8\xff"),
    "a close of 126 bytes": frame(CLOSE, b"\x03\xe8" + b"x" * 124),
    "a ping of 126 bytes": frame(PING, b"x" * 126),
    "a pong of 64 KiB": frame(PONG, b"x" * 65_536),
    "a ping in fragments": frame(PING, b"x", fin=False) + frame(0, b"x"),
    "a close in fragments": frame(CLOSE, b"\x03\xe8", fin=False),
    "a continuation of nothing": frame(0, _PING),
    "a message inside a message": frame(TEXT, _PING, fin=False) + frame(TEXT, _PING),
    "bad UTF-8 across fragments": frame(TEXT, b"\xce", fin=False) + frame(0, b"\xff"),
    "reserved bits in a continuation": frame(TEXT, b"{", fin=False) + frame(0, b"}", rsv=4),
    "a binary message": frame(BINARY, _PING),
    "a byte more than 16 KiB": frame(TEXT, b'"' + b"x" * (_LIMIT - 1) + b'"'),
    "two fragments of more than 16 KiB": frame(TEXT, b"x" * _LIMIT, fin=False) + frame(0, b"x"),
    "a megabyte": frame(TEXT, b"x" * (1 << 20)),
    "a promise of 2^63 bytes": frame(TEXT, b"x", length=b"\x7f" + b"\xff" * 8),
    "a promise of 2^40 bytes": frame(TEXT, b"x" * 100, length=b"\x7f" + (1 << 40).to_bytes(8)),
    "ten thousand fragments": frame(TEXT, b"[", fin=False) + frame(0, b"[", fin=False) * 10_000 + frame(0, b"["),
    "a hundred thousand empty fragments": frame(TEXT, b"", fin=False)
    + frame(0, b"", fin=False) * 100_000
    + frame(0, b"x"),
    "HTTP": b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "noise": bytes(range(256)) * 100,
}
_STRANGE: Final[tuple[object, ...]] = (
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "\0",
    [],
    [None],
    {},
    {"a": 1},
    2**63,
    10**18,
    "9" * 400,
    [[[[]]]],
)
_TEXTS: Final = (
    *(
        "",
        " ",
        "{",
        "x",
        "null",
        "1",
        "[]",
        "true",
        '"ping"',
        "ping",
        "NaN",
        "{}{}",
        '{"type":"ping",}',
        "{'type':'ping'}",
    ),
    *(
        '{"type":"ping"}{"type":"ping"}',
        '{"type":"ping","type":"ping"}',
        '{"type":"ping","x":NaN}',
        '{"type":1e999}',
        "\ufeff{}",
    ),
    *(
        '{"type":"\\u0000"}',
        '{"type":"\\ud800"}',
        '{"type":"ping","\\udfff":1}',
        "[" * 8_000,
        "[" * 8_000 + "]" * 8_000,
    ),
    *(
        '{"a":' * 3_000,
        '{"type":"PING"}',
        '{"type":"ping "}',
        '{"Type":"ping"}',
        '{"type":["ping"]}',
        '{"type":{"$ne":null}}',
    ),
    *('{"type":"subscribe","since":' + "9" * 15_000 + "}", "{" + ",".join(f'"{n}":0' for n in range(1_500)) + "}"),
    *(
        '{"' + "k" * 8_000 + '":[' + "0," * 3_000 + "0]}",
        '{"type":"auth","token":"x"}',
        '{"type":"publish","event":{}}',
    ),
)
_EXTRAS: Final = ("tenant", "actor", "role", "token", "ticket", "__proto__", "constructor", "id", "filter", "sql", "")


def _messages() -> Iterator[str]:
    yield from _TEXTS
    for extra in _EXTRAS:
        yield from (json.dumps({"type": kind, extra: "x"}) for kind in ("ping", "subscribe", "unsubscribe"))
    for value in _STRANGE:
        yield json.dumps({"type": value})
        if value is not None:
            yield json.dumps({"type": "subscribe", "project_id": value})
            yield json.dumps({"type": "unsubscribe", "project_id": value})
            yield json.dumps({"type": "subscribe", "project_id": None, "epoch": value})
        if value not in ([], 0, 2**63, 10**18, None):
            yield json.dumps({"type": "subscribe", "types": value})
            yield json.dumps({"type": "subscribe", "since": value})


def said(_: World) -> Iterator[Bad]:
    """Yield what must not be said on an open socket: the frames of each."""
    yield from (Bad("said", name, (sent,)) for name, sent in _FRAMES.items())
    for text in _messages():
        yield Bad("said", f"{text[:60]!r} of {len(text)}", (frame(TEXT, text.encode("utf-8", "surrogatepass")),))


async def say_all(port: int, inputs: Sequence[Bad], world: World) -> dict[str, str]:
    """Say each on a socket of its own; return what was answered as if it were right, or not at all."""
    flaws = {}
    for bad in inputs:
        async with opened(port, headers=world.pass_key) as socket:
            assert socket.status == 101
            await socket.send(b"".join(bad.parts))
            try:
                answer = await socket.answer()
            except TimeoutError:
                answer = "nothing"
            if answer not in {"error", None}:
                flaws[f"{bad.kind}: {bad.name}"] = answer
    return flaws


def handshakes(world: World) -> Iterator[Bad]:
    """Yield requests for a socket that must not get one."""
    for path in ("/ws", f"/ws/{world.values['project_id']}"):
        for name, sent in _broken_handshakes(path, world):
            yield Bad("handshakes", f"{path[:8]} {name}", (sent,), raw=True)


def _broken_handshakes(path: str, world: World) -> Iterator[tuple[str, bytes]]:
    for left_out, _ in HANDSHAKE:
        rest = [header for header in HANDSHAKE if header[0] != left_out]
        yield f"without {left_out}", handshake(path, (*rest, *world.pass_key))
    wrong = {
        "Upgrade": ("h2c", "websocket2", "", "web socket"),
        "Sec-WebSocket-Version": ("12", "0", "14", "x", "", "13.0", "255"),
        "Sec-WebSocket-Key": (
            "",
            "x",
            "dGhl",
            base64.b64encode(bytes(15)).decode(),
            base64.b64encode(bytes(17)).decode(),
            "=" * 24,
        ),
    }
    for name, values in wrong.items():
        for value in values:
            headers = [(one, value if one == name else kept) for one, kept in HANDSHAKE]
            yield f"{name}: {value}", handshake(path, (*headers, *world.pass_key))
    for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
        yield method, handshake(path, (*HANDSHAKE, *world.pass_key), method)
    for origin in ("null", "http://evil.example", "http://localhost.evil.example", "file://", ""):
        yield f"Origin: {origin}", handshake(path, (*HANDSHAKE, *world.pass_key, ("Origin", origin)))
    for query in (
        "since=-1",
        "since=x",
        "types=",
        "types=x",
        "epoch=1",
        "x=1",
        "since=1&since=2",
        "ticket=",
        "ticket=x",
    ):
        yield f"?{query}", handshake(f"{path}?{query}", (*HANDSHAKE, *world.pass_key))
    yield "below it", handshake(f"{path}/x/y", (*HANDSHAKE, *world.pass_key))
