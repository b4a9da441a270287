"""Whatever a client sends: a 4xx problem document that names the field, and nothing changes."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import aiohttp
import orjson
import pytest
from yarl import URL

from baton_contracts.rest import ProblemDocument
from support.stage import Stage, stage
from support.strain import strained

ABSENT = str(uuid4())
API = "/api/v1"
PROJECTS = f"{API}/projects"
PAUSE = f"{PROJECTS}/{ABSENT}/pause"
RESPOND = f"{API}/hitl/{ABSENT}/respond"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Case:
    """What is sent, and the answer: its status and, for 422, the pointers of its errors."""

    status: int
    method: str
    path: str
    body: object = None
    pointers: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)

    def data(self) -> io.BytesIO | None:
        if self.body is None:
            return None
        return io.BytesIO(self.body if isinstance(self.body, bytes) else orjson.dumps(self.body))


def idea(pointer: str, **fields: object) -> Case:
    """Return a project whose one field does not fit."""
    return Case(422, "POST", PROJECTS, {"product_idea": "An app"} | fields, (pointer,))


def raw(status: int, body: bytes, *pointers: str) -> Case:
    return Case(status, "POST", PROJECTS, body, pointers)


def answer(pointer: str, **fields: object) -> Case:
    """Return a decision whose one field does not fit."""
    return Case(422, "POST", RESPOND, {"action": "approve"} | fields, (pointer,))


NO_IDEAS: tuple[object, ...] = ("", "  \n\t ", "\u200b\u200b", None, 5, True, [], {})
NO_NAMES: tuple[object, ...] = ("", "   ", "x" * 201, 7, ["a"], "two\nlines", "\u2060", "\x9b31m")
NO_WORKFLOWS: tuple[object, ...] = ("", "../up", "Ä", "A", "-a", "a" * 65, "a\n", 1, None)
NO_TEAMS: tuple[object, ...] = ("", "a b", "A", {}, "a/b")
NO_ACTIONS: tuple[object, ...] = ("", "APPROVE", "maybe", None, 1, ["approve"], "expired")
NO_WORDS: tuple[object, ...] = (None, "", "  ", "\u200b", 3)
FIELDS = [
    Case(422, "POST", PROJECTS, {}, ("/product_idea",)),
    *(idea("/product_idea", product_idea=value) for value in NO_IDEAS),
    idea("/product_idea", product_idea="x" * 20_001),
    *(idea("/name", name=value) for value in NO_NAMES),
    *(idea("/workflow_id", workflow_id=value) for value in NO_WORKFLOWS),
    *(idea("/team_id", team_id=value) for value in NO_TEAMS),
    idea("/extra", extra=1),
    idea("/tenant", tenant="other"),
    idea("/project_id", project_id=ABSENT),
    idea("/status", status="completed"),
    idea("/__proto__", __proto__={}),
    idea("/a~1b~0c", **{"a/b~c": 1}),
    Case(422, "POST", PROJECTS, {"name": 1, "extra": 2}, ("/product_idea", "/name", "/extra")),
    Case(422, "POST", RESPOND, {}, ("/action",)),
    *(answer("/action", action=value) for value in NO_ACTIONS),
    *(answer("/response_content", action="amend", response_content=value) for value in NO_WORDS),
    answer("/response_content", response_content="x" * 20_001),
    answer("/response_content", action="amended"),
    answer("/extra", extra=1),
    answer("/request_id", request_id=ABSENT),
]

BODIES = [
    *(raw(400, body) for body in (b"", b"{", b"nonsense", b"{'product_idea': 'x'}", b'{"product_idea": "x",}')),
    *(raw(400, b'{"product_idea": %s}' % value) for value in (b"NaN", b"Infinity", b"-Infinity", b"01", b'"\xff\xfe"')),
    *(raw(400, b'{"product_idea": "a%sb"}' % value) for value in (b"\n", b"\x00", b"\x1f")),
    raw(422, b'{"product_idea": ' + b"9" * 5000 + b"}", ""),
    raw(400, '{"product_idea": "x"}'.encode("utf-16")),
    *(raw(422, body, "") for body in (b"[]", b'"text"', b"1", b"null", b"true")),
    raw(422, b'{"product_idea": 1e999}', ""),
    raw(422, b'{"product_idea": "a", "product_idea": "b"}', ""),
    raw(422, b'{"product_idea": "a", "name": {"x": 1, "x": 2}}', ""),
    raw(422, rb'{"product_idea": "a\u0000b"}', "/product_idea"),
    raw(422, rb'{"product_idea": "a\ud800b"}', "/product_idea"),
    raw(422, rb'{"product_idea": "\udc00\ud800"}', "/product_idea"),
    raw(422, rb'{"product_idea": "a", "x\ud800": 1}', ""),
    raw(422, b'{"product_idea": ' + b"[" * 65 + b"]" * 65 + b"}", ""),
    raw(422, b"[" * 100_000 + b"]" * 100_000, ""),
    raw(422, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, ""),
    raw(422, b'{"product_idea": [' + b"1," * 500_000 + b"1]}", ""),
    raw(422, b'{"product_idea": [' + b'"",' * 10_000 + b"1]}", ""),
    raw(413, b'{"product_idea": "' + b"x" * (1 << 20) + b'"}'),
    *(
        Case(415, "POST", PROJECTS, b'{"product_idea": "x"}', headers={"Content-Type": kind})
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense")
    ),
    Case(415, "POST", PROJECTS, b"\x1f\x8b", headers=JSON | {"Content-Encoding": "gzip"}),
    *(
        Case(
            422, "POST", PROJECTS, {"product_idea": "x"}, ("/headers/Idempotency-Key",), JSON | {"Idempotency-Key": key}
        )
        for key in ("", "a b", "k" * 256, "\xe9")
    ),
]

NO_BODIES = [
    *(
        Case(422, method, path, body, ("",))
        for method, path in (("POST", PAUSE), ("DELETE", f"{API}/artifacts/{ABSENT}/artifacts"))
        for body in (b"[]", b"null", b"nonsense", b"{} {}", b"{", b'{"reason": "x"}', b" " * 100_000 + b"x")
    ),
    *(Case(404, "POST", PAUSE, body) for body in (None, b"", b"{}", b" {\n} ", b" \t\r\n")),
    Case(404, "POST", PAUSE, b"{}", headers={"Content-Type": "text/plain"}),
    Case(413, "POST", PAUSE, b" " * (1 << 20) + b"x"),
]

MALFORMED = (
    "1",
    "nonsense",
    ABSENT[:-1],
    ABSENT + "0",
    "{" + ABSENT + "}",
    ABSENT.replace("-", ""),
    "%00",
    "..%2f..",
    "%ff",
)
PATHS = [
    *(Case(422, "GET", f"{PROJECTS}/{bad}", pointers=("/path/project_id",)) for bad in MALFORMED),
    *(Case(422, "GET", f"{PROJECTS}/{bad}/completion", pointers=("/path/project_id",)) for bad in ("x", "%20")),
    *(Case(422, "GET", f"{API}/hitl/{bad}", pointers=("/path/request_id",)) for bad in MALFORMED),
    Case(422, "POST", f"{API}/hitl/x/respond", {"action": "approve"}, ("/path/request_id",)),
    Case(422, "GET", f"{API}/hitl/project/x/requests", pointers=("/path/project_id",)),
    Case(422, "POST", f"{API}/artifacts/x/generate", pointers=("/path/project_id",)),
    *(
        Case(422, "GET", f"{API}/artifacts/{bad}/{what}", pointers=("/path/project_id",))
        for bad in ("x", "..%2f..%2fetc")
        for what in ("summary", "download", "diagram")
    ),
    *(
        Case(422, "GET", f"{API}/agents/status/{bad}", pointers=("/path/agent_type",))
        for bad in ("Analyst", "a%20b", "%00", "..%2fx", "-", "a" * 65, "%F0%9F%98%80", "analyst%0A")
    ),
    *(
        Case(422, "GET", f"/ws?project_id={bad}", pointers=("/query/project_id",))
        for bad in ("", "x", "%00", ABSENT + "x")
    ),
]

ABSENT_THINGS = [
    *(Case(404, "GET", f"{PROJECTS}/{ABSENT}{rest}") for rest in ("", "/completion")),
    Case(404, "GET", f"{PROJECTS}/{ABSENT.upper()}"),
    Case(404, "GET", f"{API}/hitl/{ABSENT}"),
    Case(404, "POST", RESPOND, {"action": "approve"}),
    Case(404, "POST", RESPOND, {"action": "amend", "response_content": "x"}),
    Case(404, "GET", f"{API}/hitl/project/{ABSENT}/requests"),
    Case(404, "POST", f"{API}/artifacts/{ABSENT}/generate"),
    *(Case(404, "GET", f"{API}/artifacts/{ABSENT}/{what}") for what in ("summary", "download", "diagram")),
    Case(404, "GET", f"{API}/agents/status/nobody"),
    *(Case(404, "GET", path) for path in ("/", "/nowhere", API, f"{API}/", f"{PROJECTS}/{ABSENT}/", f"{API}/agents/")),
    Case(404, "GET", "/api/v1/projects/../healthz/x"),
    Case(426, "GET", "/ws"),
    Case(404, "GET", f"/ws?project_id={ABSENT}"),
    *(Case(405, method, PROJECTS) for method in ("PUT", "DELETE", "PATCH", "OPTIONS")),
    *(Case(405, "POST", f"{PROJECTS}/{ABSENT}{rest}", {}) for rest in ("", "/completion")),
    *(Case(405, method, RESPOND) for method in ("GET", "PUT", "DELETE")),
    *(Case(405, "POST", path, {}) for path in ("/healthz", "/ws", f"{API}/agents/status", f"{API}/hitl/{ABSENT}")),
    Case(405, "GET", f"{API}/artifacts/{ABSENT}/generate"),
    Case(405, "PROPFIND", PROJECTS),
]

UNKNOWN_NAMES = [
    Case(404, "POST", PROJECTS, {"product_idea": "An app", "workflow_id": "no-such"}, pointers=("/workflow_id",)),
    Case(404, "POST", PROJECTS, {"product_idea": "An app", "team_id": "no-such"}, pointers=("/team_id",)),
]
CASES = [*FIELDS, *BODIES, *NO_BODIES, *PATHS, *ABSENT_THINGS, *UNKNOWN_NAMES]


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path) as open_stage:
        yield open_stage


async def misses(api: Stage, case: Case) -> str | None:
    """Send a case; say in which way the answer is not as it should be."""
    url = URL(api.url + case.path, encoded=True)
    async with api.client.request(
        case.method, url, data=case.data(), headers=case.headers, skip_auto_headers=["Content-Type"]
    ) as response:
        text = await response.text()
        if response.status != case.status or response.content_type != "application/problem+json":
            return f"{response.status} {response.content_type} {text}"
        problem = ProblemDocument.model_validate_json(text)
        found = {error.pointer for error in problem.errors or ()}
        if found != set(case.pointers) or problem.status != case.status or "allow" not in allowed(response):
            return text
    return None


def allowed(response: aiohttp.ClientResponse) -> str:
    """Give the names of the headers that a 405 needs; of any other answer, what passes."""
    return " ".join(response.headers).lower() if response.status == 405 else "allow"


async def test_bad_input_gives_a_problem_that_names_the_field_and_changes_nothing(api: Stage) -> None:
    assert len(CASES) >= 60
    await api.post(PROJECTS, {"product_idea": "An app"}, status=201)  # every service is at work now
    head = await api.head()
    missed = {repr(case)[:300]: found for case in CASES if (found := await misses(api, case))}
    assert not missed, "\n".join(f"{case}: {found}" for case, found in missed.items())
    assert await api.head() == head
    assert await api.host.pool.fetchval("SELECT count(*) FROM projects") == 1


MIB = 1 << 20
LONG_NAMES = b",".join(b'"%0100d": 1' % n for n in range(9_000))
WORST = {
    "open lists": b"[" * MIB,
    "open objects": b'{"a":' * (MIB // 5),
    "numbers": b'{"product_idea": [' + b"1," * 500_000 + b"1]}",
    "texts": b'{"product_idea": [' + b'"",' * 300_000 + b"1]}",
    "empty objects": b"[" + b"{}," * 300_000 + b"{}]",
    "marks in a text": b'{"name": 1, "product_idea": "' + b"[,{" * 340_000 + b'"}',
    "escapes in a text": b'{"name": 1, "product_idea": "' + rb"\u00e9" * 170_000 + b'"}',
    "letters of other scripts": b'{"name": 1, "product_idea": "' + "\N{SNOWMAN}".encode() * 340_000 + b'"}',
    "unknown fields": b"{" + b",".join(b'"%d": 1' % n for n in range(9_000)) + b"}",
    "long unknown names": b"{" + LONG_NAMES + b"}",
    "a long name of many values": b'{"%s": [%s 1]}' % (b"x" * 900_000, b'"",' * 9_000),
    "a name that comes last again": b"{" + LONG_NAMES + b', "%0100d": 2}' % 8_999,
    "a number of a million digits": b'{"product_idea": ' + b"9" * 1_000_000 + b"}",
    "a fraction of a million digits": b'{"product_idea": 0.' + b"9" * 1_000_000 + b"}",
    "an exponent of a million digits": b'{"product_idea": 1e' + b"9" * 1_000_000 + b"}",
    "spaces": b" " * (MIB - 2) + b"{}",
    "not JSON": b'"' * MIB,
    "not UTF-8": b'{"product_idea": "' + b"\xff" * 1_000_000 + b'"}',
}


async def test_the_worst_bodies_keep_nobody_waiting_and_take_little_memory(api: Stage) -> None:
    seen = {}
    for name, body in WORST.items():
        async with strained() as strain, api.client.post(PROJECTS, data=body, headers=JSON) as response:
            assert 400 <= response.status < 500, name
            assert len(await response.read()) < 4 * MIB, name
        seen[name] = (round(strain.stall * 1000), strain.grown >> 20)
    print("ms of stall, MiB of memory:", seen)
    assert not {name: found for name, found in seen.items() if found[0] >= 100 or found[1] >= 50}


@pytest.mark.parametrize(("parts", "status"), [([], 404), ([b"{", b"}"], 404), ([b"{", b'"a":1}'], 422)])
async def test_a_body_in_chunks_where_none_is_taken_is_told_from_none(
    api: Stage, parts: list[bytes], status: int
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async with api.client.post(PAUSE, data=chunks()) as response:
        assert response.status == status, await response.text()


async def test_the_gateway_serves_on_after_broken_requests(api: Stage) -> None:
    """What is not HTTP, or breaks off, is closed or refused, and others are served all the same."""
    port = int(api.url.rpartition(":")[2])
    for data in (
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9\r\n\r\n",
        b"POST /api/v1/projects HTTP/1.1\r\nContent-Length: 9\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        writer.write_eof()
        reply = await asyncio.wait_for(reader.read(), 10)
        assert not reply or reply.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
        writer.close()
    assert (await api.get("/livez")) == {"status": "ok"}
