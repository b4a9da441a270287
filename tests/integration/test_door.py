"""What the door does with many who are nobody: they are limited, by their address, and nobody else is."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from baton_gateway.idempotency import HEADER, message_id_of
from baton_gateway.principal import Principal
from support.keys import bearing, make_key
from support.oidc import AUDIENCE, Issuer
from support.stage import Stage, stage

LIST = "/api/v1/projects"


@pytest.fixture
async def guarded(database: str, tmp_path: Path, issuer: Issuer) -> AsyncIterator[Stage]:
    """Give a gateway with the limits that it has by default."""
    async with stage(
        database,
        tmp_path,
        alone=True,
        auth="on",
        requests_per_second=200,
        allowed_hosts=("baton.example.org",),
        oidc_issuer=issuer.url,
        oidc_audience=AUDIENCE,
    ) as opened:
        yield opened


async def statuses(api: Stage, path: str, count: int, headers: dict[str, str]) -> Counter[int]:
    """Send a request so many times; count the statuses."""
    seen: Counter[int] = Counter()

    async def send() -> None:
        while sum(seen.values()) < count:
            async with api.client.get(path, headers=headers) as response:
                seen[response.status] += 1

    await asyncio.gather(*(send() for _ in range(8)))
    return seen


async def test_wrong_hosts_wrong_tokens_and_tokens_without_a_role_are_limited_and_so_are_their_lines(
    guarded: Stage, issuer: Issuer
) -> None:
    key = bearing(await make_key(guarded.host.pool))
    wrong = {
        421: {"Host": "evil.example"},
        401: bearing(issuer.token(exp=1)),
        403: bearing(issuer.token(role="nobody")),
    }
    for status, headers in wrong.items():
        with structlog.testing.capture_logs() as lines:
            seen = await statuses(guarded, LIST, 400, headers)
        assert set(seen) <= {status, 429}
        assert seen[429] > 200
        assert len([line for line in lines if line["log_level"] != "debug"]) < 200
        async with guarded.client.get(LIST, headers=key) as response:
            assert response.status == 200
        await asyncio.sleep(1)  # so that the next begins with some tries of its own


async def test_probes_are_answered_whatever_strangers_of_the_same_address_ask(guarded: Stage) -> None:
    assert (await statuses(guarded, "/api/v1/asyncapi.json", 800, {}))[429]
    assert (await statuses(guarded, "/livez", 800, {})).keys() == {200}
    assert (await statuses(guarded, "/readyz", 100, {})).keys() == {200}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "http://localhost:5173"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
        ({}, 200),
    ],
)
async def test_an_open_gateway_reads_nothing_for_pages_of_other_sites(
    database: str, tmp_path: Path, said: dict[str, str], status: int
) -> None:
    """They could not see it anyway, and would use up what the person at the machine may ask."""
    async with stage(database, tmp_path, alone=True) as opened, opened.client.get(LIST, headers=said) as response:
        assert response.status == status


def test_two_people_with_colons_in_their_names_never_have_one_id() -> None:
    def message_id(subject: str, key: str) -> object:
        request = type("Request", (), {"headers": {HEADER: key}})()
        return message_id_of(request, Principal(f"oidc:{subject}", "acme", "operator"))

    assert message_id("a", "b:c") != message_id("a:b", "c")
    assert message_id("a:b", "c") == message_id("a:b", "c")
