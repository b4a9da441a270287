"""`Idempotency-Key`: one effect and one answer a key, at any gateway, whatever became of the first answer."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from aiohttp.test_utils import make_mocked_request
from pydantic import BaseModel
from yarl import URL

from baton_contracts.commands import Refused
from baton_contracts.rest_lifecycle import Age, Cancellation
from baton_gateway.commands import order
from baton_gateway.idempotency import HEADER, answered_once
from baton_gateway.principal import Principal
from baton_gateway.query import Query
from baton_gateway.route import Call
from baton_gateway.service import GatewayService
from baton_orchestrator.service import OrchestratorService
from support.api import IDEA, asked, created, view
from support.stage import Stage, stage

BODY = {"product_idea": IDEA}


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path) as open_stage:
        yield open_stage


@contextlib.asynccontextmanager
async def another_gateway(api: Stage) -> AsyncIterator[str]:
    """Run a second gateway on the same database and bus; gives its URL."""
    other = GatewayService()
    running = asyncio.create_task(other.run(api.host))
    try:
        await asyncio.wait_for(other.ready.wait(), 10)
        yield other.url
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def post(api: Stage, path: str, body: object = None, *, key: str, status: int = 200) -> Any:  # noqa: ANN401 - any JSON
    """Post JSON under a key, expecting this status; give the answer's JSON."""
    return await api.post(path, body, status=status, **{HEADER: key})


async def count(api: Stage, event_type: str) -> int:
    return int(await api.host.pool.fetchval("SELECT count(*) FROM event_log WHERE event_type = $1", event_type))


def headers(key: str) -> dict[str, str]:
    return {HEADER: key}


async def test_the_same_key_gives_the_same_answer_also_when_it_was_a_refusal(api: Stage) -> None:
    path = f"/api/v1/projects/{await created(api)}"
    first = await post(api, f"{path}/pause", key="p")
    assert await post(api, f"{path}/pause", key="p") == first
    refusal = await post(api, f"{path}/pause", status=409, key="again")
    await api.post(f"{path}/resume")
    assert await post(api, f"{path}/pause", status=409, key="again") == refusal
    assert await post(api, f"{path}/pause", key="p") == first
    assert (await count(api, "project_paused"), await count(api, "project_resumed")) == (1, 1)


async def test_a_key_serves_for_one_body_one_path_and_one_method(api: Stage) -> None:
    project_id, other = await created(api), await created(api)
    await post(api, f"/api/v1/projects/{project_id}/cancel", {"reason": "a"}, key="k")
    head = await api.head()
    for path, body in [
        (f"/api/v1/projects/{project_id}/cancel", {"reason": "b"}),
        (f"/api/v1/projects/{project_id}/cancel", None),
        (f"/api/v1/projects/{other}/cancel", {"reason": "a"}),
        (f"/api/v1/projects/{other}/pause", None),
        (f"/api/v1/artifacts/{project_id}/generate", None),
        ("/api/v1/projects", BODY),
    ]:
        problem = await post(api, path, body, status=422, key="k")
        assert problem["title"] == "Idempotency key reused"
    path = f"/api/v1/artifacts/{project_id}/artifacts"
    async with api.client.delete(path, headers=headers("k")) as response:
        assert (response.status, (await response.json(content_type=None))["title"]) == (422, "Idempotency key reused")
    assert await api.head() == head


async def test_no_body_and_an_empty_one_and_one_of_defaults_are_the_same_request(api: Stage) -> None:
    path = f"/api/v1/projects/{await created(api)}/cancel"
    async with api.client.post(path, headers=headers("k")) as response:
        first = await response.json()
        assert response.status == 200
    for body in ({}, {"reason": None}):
        assert await post(api, path, body, key="k") == first


async def test_a_body_that_did_not_fit_may_be_mended_and_sent_with_its_key(api: Stage) -> None:
    await post(api, "/api/v1/projects", {"product_idea": ""}, status=422, key="k")
    await post(api, "/api/v1/projects", BODY, status=201, key="k")


async def test_a_request_without_a_key_leaves_no_claim_and_a_key_on_a_read_none_either(api: Stage) -> None:
    project_id = await created(api)
    for _ in range(2):
        async with api.client.get(f"/api/v1/projects/{project_id}", headers=headers("k")) as response:
            assert response.status == 200
    assert await api.host.pool.fetchval("SELECT count(*) FROM inbox WHERE consumer = 'gateway'") == 0


async def test_twenty_of_the_same_request_at_two_gateways_make_one_project(api: Stage) -> None:
    async with another_gateway(api) as url:
        sent = [post(api, f"{base}/api/v1/projects", BODY, status=201, key="k") for base in (api.url, url) * 10]
        answers = await asyncio.gather(*sent)
    assert len({answer["project_id"] for answer in answers}) == 1
    assert await count(api, "project_created") == 1


async def test_of_different_requests_under_one_key_at_two_gateways_one_is_done(api: Stage) -> None:
    async def send(base: str, name: str) -> int:
        async with api.client.post(
            f"{base}/api/v1/projects", json=BODY | {"name": name}, headers=headers("k")
        ) as response:
            return response.status

    async with another_gateway(api) as url:
        sent = await asyncio.gather(*(send(base, f"{n}") for n, base in enumerate((api.url, url) * 5)))
    assert Counter(sent) == {201: 1, 422: 9}
    assert await count(api, "project_created") == 1


async def send_and_hang_up(url: URL, key: str, delay: float) -> None:
    """Send a new project and close the connection some seconds later, whatever was answered."""
    body = orjson.dumps(BODY)
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST /api/v1/projects HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}{HEADER}: {key}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    await asyncio.sleep(delay)
    writer.close()


async def test_an_answer_that_was_lost_is_given_by_another_gateway_and_nothing_is_done_twice(api: Stage) -> None:
    async with another_gateway(api) as other:
        for n in range(12):
            await send_and_hang_up(URL(api.url), f"k-{n}", n / 500)
            first = await post(api, f"{other}/api/v1/projects", BODY, status=201, key=f"k-{n}")
            assert await post(api, "/api/v1/projects", BODY, status=201, key=f"k-{n}") == first
            assert await count(api, "project_created") == n + 1
            assert (await view(api, first["project_id"])).product_idea == IDEA


async def test_a_decision_that_is_sent_twice_with_its_key_is_no_conflict(api: Stage) -> None:
    request = await asked(api, await created(api))
    path, body = f"/api/v1/hitl/{request.request_id}/respond", {"action": "approve"}
    first = await post(api, path, body, key="k")
    assert await post(api, path, body, key="k") == first
    await api.post(path, body, status=409)


async def test_an_owner_that_comes_back_does_what_was_asked_once(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert order.__kwdefaults__
    monkeypatch.setitem(order.__kwdefaults__, "deadline", 0.3)
    async with stage(database, tmp_path, alone=True) as api:
        for _ in range(3):
            async with api.client.post("/api/v1/projects", json=BODY, headers=headers("k")) as response:
                assert (response.status, response.headers["Retry-After"]) == (503, "2")
                assert "same Idempotency-Key" in (await response.json(content_type=None))["detail"]
        owner = asyncio.create_task(OrchestratorService().run(api.host))
        try:
            monkeypatch.setitem(order.__kwdefaults__, "deadline", 10.0)
            answer = await post(api, "/api/v1/projects", BODY, status=201, key="k")
            assert (await view(api, answer["project_id"])).status == "active"
            assert await count(api, "project_created") == 1
        finally:
            owner.cancel()
            await asyncio.gather(owner, return_exceptions=True)


class Drawn(BaseModel):
    """An answer that would be another one each time."""

    lot: int


def asking(
    api: Stage, name: str | None, path: str = "/draw", body: BaseModel | None = None
) -> Call[BaseModel | None, Query]:
    """Return a request for an answer that no owner gives."""
    assert api.service.gateway
    request = make_mocked_request("POST", path, headers=headers(name) if name else {})
    return Call(request, api.service.gateway, Principal("user", "default", "admin"), {}, body, Query())


async def test_an_answer_that_no_owner_gives_is_the_first_one_for_its_key(api: Stage) -> None:
    async def draw(lot: int, call: Call[BaseModel | None, Query]) -> str | None:
        return (await answered_once(call, lambda: Drawn(lot=lot))).text

    drawn = await asyncio.gather(*(draw(n, asking(api, "k")) for n in range(20)))
    assert len(set(drawn)) == 1
    assert [await draw(n, asking(api, None)) for n in range(2)] == ['{"lot":0}', '{"lot":1}']
    assert await draw(21, asking(api, "other")) == '{"lot":21}'
    for changed in (
        asking(api, "k", path="/drawn"),
        asking(api, "k", body=Age(max_age_hours=1)),
        asking(api, "k", body=Cancellation(reason="x")),
    ):
        with pytest.raises(Refused) as refused:
            await draw(22, changed)
        assert refused.value.status == 422
    assert await draw(23, asking(api, "k")) == drawn[0]


async def test_claims_go_with_the_rest_of_the_inbox(api: Stage) -> None:
    await post(api, "/api/v1/projects", BODY, status=201, key="k")
    claims = await api.host.pool.fetch(
        "SELECT message_id, settled_at > now() - interval '1 minute' AS new FROM inbox WHERE consumer = 'gateway'"
    )
    assert [(isinstance(row["message_id"], UUID), row["new"]) for row in claims] == [(True, True)]
