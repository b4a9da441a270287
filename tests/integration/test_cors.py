"""Other sites at a real gateway: by which name it is asked, whose pages may write to it, and who may read answers."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from baton_contracts.rest import ProblemDocument
from support.stage import Stage, stage

PROJECTS = "/api/v1/projects"
APP = "https://app.example"
IDEA = {"product_idea": "An app"}
PROBES = ("/livez", "/readyz", "/healthz", "/api/v1/healthz")
OTHER_HOSTS = (
    "evil.example",
    "rebind.example:80",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.localhost",
    "user@localhost",
    "2130706433",
    "0x7f.1",
    "[::2]",
    "localhost/x",
    "",
)
OTHER_ORIGINS = (
    "null",
    "http://evil.example",
    "http://127.0.0.1.evil.com",
    "http://localhost.evil.com",
    "http://evil.com#127.0.0.1",
    "http://127.0.0.1:80@evil.com",
    "http://2130706433",
    "http://localhost/",
    "https://app.example.evil.com",
    "http://app.example",
    "file://localhost",
)
ON_ALL = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "baton",
}


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path) as open_stage:
        await open_stage.post(PROJECTS, IDEA, status=201)  # every service is at work now
        yield open_stage


@pytest.fixture
async def shared(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path, allowed_origins=(APP,)) as open_stage:
        yield open_stage


async def told(
    api: Stage, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, Mapping[str, str]]:
    """Send a request with headers, whose names have `_` for `-`; give status and headers of the answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with api.client.request(method, path, json=body, headers=named) as response:
        if response.status >= 400 and response.content_type == "application/problem+json":
            assert ProblemDocument.model_validate_json(await response.read()).status == response.status
        return response.status, response.headers


async def test_a_name_that_is_not_ours_reads_and_writes_nothing(api: Stage) -> None:
    head = await api.head()
    for method, path, body in (
        ("GET", PROJECTS, None),
        ("POST", PROJECTS, IDEA),
        ("GET", "/ws", None),
        ("GET", "/docs", None),
        ("GET", "/api/v1/openapi.json", None),
    ):
        for host in OTHER_HOSTS:
            assert (await told(api, method, path, body, Host=host))[0] == 421, (path, host)
    assert await api.head() == head


async def test_probes_are_answered_under_any_name(api: Stage) -> None:
    for path in PROBES:
        status, _ = await told(api, "GET", path, Host="10.1.2.3:8080")
        assert status in (200, 503), path


async def test_a_target_in_absolute_form_is_a_name_too(api: Stage) -> None:
    for target, status in (("http://evil.example", 421), ("http://localhost", 200)):
        request = f"GET {target}{PROJECTS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert (await raw(api, request)).startswith(f"HTTP/1.1 {status} ")
    assert (await raw(api, f"GET {PROJECTS} HTTP/1.0\r\n\r\n")).startswith("HTTP/1.0 421 ")


async def raw(api: Stage, request: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(api.url).port)
    writer.write(request.encode("latin-1"))
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer.decode()


async def test_a_page_of_another_site_writes_nothing_and_opens_no_socket(api: Stage) -> None:
    head = await api.head()
    for method, path in (
        ("POST", PROJECTS),
        ("POST", "/api/v1/agents/status/analyst/reset"),
        ("DELETE", "/api/v1/artifacts/cleanup-old"),
    ):
        for origin in OTHER_ORIGINS:
            assert (await told(api, method, path, IDEA, Origin=origin))[0] == 403, (path, origin)
    for origin in OTHER_ORIGINS:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await api.client.ws_connect("/ws", headers={"Origin": origin})
    assert await api.head() == head


async def test_a_browser_that_hides_another_site_is_refused_and_its_own_page_is_not(api: Stage) -> None:
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 201), ("none", 201)):
        assert (await told(api, "POST", PROJECTS, IDEA, Sec_Fetch_Site=site))[0] == status
    assert (await told(api, "POST", PROJECTS, IDEA, Origin="http://localhost:5173", Sec_Fetch_Site="cross-site"))[
        0
    ] == 201


async def test_an_origin_longer_than_a_header_may_be_is_refused(api: Stage) -> None:
    request = f"POST {PROJECTS} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://{'a' * 9000}\r\n\r\n"
    assert (await raw(api, request)).startswith("HTTP/1.0 400 ")


async def test_without_a_list_no_page_may_read_an_answer(api: Stage) -> None:
    preflight = {"Origin": "http://localhost:5173", "Access_Control_Request_Method": "POST"}
    for method, status in (("OPTIONS", 405), ("GET", 200)):
        answered, headers = await told(api, method, PROJECTS, **preflight)
        assert answered == status
        assert not [name for name in headers if name.startswith("Access-Control")]
        assert "Vary" not in headers


async def test_a_preflight_of_a_listed_site_says_what_may_be_sent(shared: Stage) -> None:
    asked = {"Origin": APP, "Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization"}
    status, headers = await told(shared, "OPTIONS", PROJECTS, **asked)
    assert (status, headers["Access-Control-Allow-Methods"], headers["Access-Control-Max-Age"]) == (
        204,
        "GET, POST",
        "600",
    )
    assert headers["Access-Control-Allow-Origin"] == APP
    allowed = set(headers["Access-Control-Allow-Headers"].split(", "))
    assert allowed == {"Authorization", "Content-Type", "Idempotency-Key", "If-None-Match"}
    assert "Access-Control-Allow-Credentials" not in headers


async def test_whatever_else_asks_for_options_is_refused(shared: Stage) -> None:
    method = "Access-Control-Request-Method"
    for path, headers, status in (
        (PROJECTS, {"Origin": "https://evil.example", method: "POST"}, 403),
        (PROJECTS, {"Origin": "null", method: "POST"}, 403),
        (PROJECTS, {"Origin": "http://localhost:5173", method: "POST"}, 405),
        (PROJECTS, {"Origin": APP}, 405),
        (PROJECTS, {method: "POST"}, 405),
        ("/nowhere", {"Origin": APP, method: "GET"}, 404),
        (PROJECTS, {"Origin": APP, method: "GET", "Host": "evil.example"}, 421),
    ):
        async with shared.client.options(path, headers=headers) as response:
            assert response.status == status, headers
            assert "Access-Control-Allow-Methods" not in response.headers


async def test_a_listed_site_reads_answers_and_refusals_and_no_other_does(database: str, tmp_path: Path) -> None:
    async with stage(database, tmp_path, auth="on", allowed_origins=(APP,)) as guarded:
        for path, status in (("/livez", 200), (PROJECTS, 401), ("/nowhere", 404), ("/api/v1/openapi.json", 200)):
            answered, headers = await told(guarded, "GET", path, Origin=APP)
            assert (answered, headers["Access-Control-Allow-Origin"], headers["Vary"]) == (status, APP, "Origin")
            exposed = set(headers["Access-Control-Expose-Headers"].split(", "))
            assert {"Baton-Position", "ETag", "Location", "Retry-After", "WWW-Authenticate"} <= exposed
            for other in ("https://evil.example", "null", "http://localhost:1"):
                _, headers = await told(guarded, "GET", path, Origin=other)
                assert "Access-Control-Allow-Origin" not in headers
                assert headers["Vary"] == "Origin"
        status, headers = await told(
            guarded, "OPTIONS", PROJECTS, Origin=APP, Access_Control_Request_Method="POST", Authorization="Bearer wrong"
        )
        assert status == 204
        for origin, status in ((APP, 401), ("https://evil.example", 403), ("http://localhost:5173", 401)):
            assert (await told(guarded, "POST", PROJECTS, IDEA, Origin=origin))[0] == status


async def test_a_listed_site_that_asks_too_often_can_read_when_to_come_back(database: str, tmp_path: Path) -> None:
    async with stage(database, tmp_path, alone=True, requests_per_second=1, allowed_origins=(APP,)) as limited:
        answers = [await told(limited, "GET", PROJECTS, Origin=APP) for _ in range(4)]
        refused = [headers for status, headers in answers if status == 429]
        assert refused
        assert all(headers["Retry-After"] and headers["Access-Control-Allow-Origin"] == APP for headers in refused)


async def test_every_answer_tells_browsers_to_do_nothing_with_it(api: Stage) -> None:
    project: Any = await api.post(PROJECTS, IDEA, status=201)
    for method, path, status in (
        ("GET", f"{PROJECTS}/{project['project_id']}", 200),
        ("GET", "/livez", 200),
        ("GET", "/docs", 200),
        ("GET", "/nowhere", 404),
        ("PUT", PROJECTS, 405),
        ("POST", PROJECTS, 422),
        ("GET", "/ws", 426),
    ):
        answered, headers = await told(api, method, path, {})
        assert answered == status
        assert {name: headers.get(name) for name in ON_ALL} == ON_ALL, path
        assert "camera=()" in headers["Permissions-Policy"]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "Cache-Control" in headers


async def test_only_100_continue_may_be_expected(api: Stage) -> None:
    head = f"POST {PROJECTS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n"
    answer = await raw(api, head + "Expect: a-miracle\r\n\r\n{}")
    assert answer.startswith("HTTP/1.1 417 ")
    assert "application/problem+json" in answer
    answer = await raw(api, head + "Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n{}")
    assert answer.startswith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 422 ")
