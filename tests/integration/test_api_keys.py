"""API keys: who comes in with one and who does not, on a real gateway and a real PostgreSQL."""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast
from uuid import uuid4

import aiohttp
import pytest
import structlog

from baton_gateway.bearer import Bearer, new_bearer
from baton_gateway.keys import KEY_PREFIX, Keys
from baton_gateway.reading import READS
from support.keys import bearing, expire, id_of, make_key, owner_of, revoke
from support.stage import Stage, stage

PROJECTS = "/api/v1/projects"
UNKNOWN = "The key or token is not known here, or it has expired or was revoked."


@pytest.fixture
async def guarded(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """Give a gateway that asks everybody for a key."""
    async with stage(database, tmp_path, alone=True, auth="on", requests_per_second=100_000) as opened:
        yield opened


async def asked(guarded: Stage, headers: dict[str, str] | list[tuple[str, str]], path: str = PROJECTS) -> int:
    """Ask for the projects; give the status, and expect of a 401 what every 401 says."""
    async with guarded.client.get(path, headers=headers) as response:
        if response.status == 401:
            assert response.headers["WWW-Authenticate"].startswith('Bearer realm="baton"')
            assert response.content_type == "application/problem+json"
        return response.status


async def refused(guarded: Stage, key: str) -> str:
    """Expect that a key does not count; give the words."""
    async with guarded.client.get(PROJECTS, headers=bearing(key)) as response:
        assert response.status == 401
        return str((await response.json())["detail"])


async def test_a_key_lets_in_until_its_time_is_over(guarded: Stage) -> None:
    pool = guarded.host.pool
    for key in (await make_key(pool), await make_key(pool, days=1), await make_key(pool, "admin", None)):
        assert await asked(guarded, bearing(key)) == 200
        await expire(pool, key)
        assert await refused(guarded, key) == UNKNOWN


async def test_a_key_that_was_revoked_is_worth_nothing_from_the_next_request_on(guarded: Stage) -> None:
    pool = guarded.host.pool
    kept, lost = await make_key(pool), await make_key(pool)
    assert [await asked(guarded, bearing(key)) for key in (kept, lost)] == [200, 200]
    await revoke(pool, lost)
    assert await refused(guarded, lost) == UNKNOWN
    assert await asked(guarded, bearing(kept)) == 200


async def test_keys_are_revoked_at_once_for_500_who_ask_at_a_time(
    guarded: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who ask share slow statements, and still none that began before a revocation answers who asks after it."""
    slow = f"SELECT k.* FROM ({READS['valid_keys']}) k CROSS JOIN pg_sleep(0.02)"  # noqa: S608 - ours
    monkeypatch.setitem(cast("dict[str, str]", READS), "valid_keys", slow)
    pool, keys = guarded.host.pool, Keys(guarded.host.pool)
    made = [await make_key(pool) for _ in range(30)]
    answers: list[tuple[str, float, float, bool]] = []
    revoked: dict[str, tuple[float, float]] = {}

    async def ask_again_and_again() -> None:
        while len(revoked) < len(made):
            await asyncio.sleep(random.random() / 100)  # noqa: S311 - so that there is somebody at every moment
            key, began = random.choice(made), time.perf_counter()  # noqa: S311
            found = await keys.principal_of(key)
            answers.append((key, began, time.perf_counter(), found is not None))

    async with asyncio.TaskGroup() as asking:
        for _ in range(500):
            asking.create_task(ask_again_and_again())
        for key in made:
            await asyncio.sleep(0.02)
            before = time.perf_counter()
            await revoke(pool, key)
            revoked[key] = (before, time.perf_counter())
    early = [valid for key, _, ended, valid in answers if ended < revoked[key][0]]
    late = [valid for key, began, _, valid in answers if began > revoked[key][1]]
    assert (early.count(False), late.count(True)) == (0, 0)
    assert min(len(early), len(late)) > 500


async def test_500_requests_with_keys_take_few_statements(guarded: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: list[int] = []
    keys = Keys(guarded.host.pool)
    look_up = keys._inquiry._look_up

    async def counted(ids: list[object]) -> object:
        statements.append(len(ids))
        return await look_up(ids)  # type: ignore[arg-type]

    monkeypatch.setattr(keys._inquiry, "_look_up", counted)
    made = [await make_key(guarded.host.pool) for _ in range(20)]
    found = await asyncio.gather(*(keys.principal_of(made[n % 20]) for n in range(500)))
    assert {one.key_id for one in found if one} == set(map(id_of, made))
    assert all(found)
    assert statements == [20]


async def test_a_principal_is_what_its_key_says(guarded: Stage) -> None:
    pool, keys = guarded.host.pool, Keys(guarded.host.pool)
    operator = await make_key(pool, "operator", "acme", name="ann@example.org", days=7)
    found = await keys.principal_of(operator)
    assert found
    assert (found.actor, found.tenant, found.role, found.key_id) == (
        "key:ann@example.org", "acme", "operator", id_of(operator),
    )  # fmt: skip
    assert found.expires_at
    admin = await keys.principal_of(await make_key(pool, "admin", None))
    assert admin
    assert (admin.tenant, admin.role, admin.expires_at) == (None, "admin", None)


async def test_a_wrong_secret_and_an_unknown_id_end_in_the_same_words(guarded: Stage) -> None:
    pool = guarded.host.pool
    key, other = await make_key(pool), await make_key(pool)
    secret = key[len(KEY_PREFIX) + 33 :]
    wrong = {
        "a wrong secret with a right id": Bearer(id_of(key), new_bearer().secret).text(KEY_PREFIX),
        "a right secret under another's id": Bearer(id_of(other), secret).text(KEY_PREFIX),
        "a right secret under an unknown id": Bearer(uuid4(), secret).text(KEY_PREFIX),
        "nothing right": new_bearer().text(KEY_PREFIX),
        "upper case": KEY_PREFIX + key.removeprefix(KEY_PREFIX).upper(),
        "a letter more": key + "A",
        "a letter less": key[:-1],
        "an id with dashes": f"{KEY_PREFIX}{id_of(key)}_{secret}",
        "the hash that is kept": Bearer(id_of(key), Bearer(id_of(key), secret).hash.hex()[:43]).text(KEY_PREFIX),
        "a ticket's form": "ticket_" + key.removeprefix(KEY_PREFIX),
        "no key at all": "hello",
        "a space in the middle": key[:50] + " " + key[50:],
    }
    assert {what: await refused(guarded, sent) for what, sent in wrong.items()} == dict.fromkeys(wrong, UNKNOWN)
    assert await asked(guarded, bearing(key)) == 200


async def test_a_key_counts_in_one_header_of_one_scheme_alone(guarded: Stage) -> None:
    key = await make_key(guarded.host.pool)
    header = f"Bearer {key}"
    assert await asked(guarded, {"Authorization": f"bEARER   {key}  "}) == 200  # a scheme has no case (RFC 9110, 11.1)
    assert await asked(guarded, {}) == 401
    assert await asked(guarded, [("Authorization", header), ("Authorization", header)]) == 401
    for value in ("", "Bearer", "Bearer ", key, f"Basic {key}", f"Token {key}", f"Bearer:{key}", f"Bearer {header}"):
        assert await asked(guarded, {"Authorization": value}) == 401, value
    assert await asked(guarded, {"X-Api-Key": key, "Proxy-Authorization": header, "Cookie": f"key={key}"}) == 401


@pytest.mark.parametrize("name", ["key", "api_key", "access_token", "token", "ticket", "Authorization"])
async def test_a_key_in_the_query_lets_nobody_in(guarded: Stage, name: str) -> None:
    key = await make_key(guarded.host.pool)
    assert await asked(guarded, {}, f"{PROJECTS}?{name}={key}") == 401
    async with guarded.client.get(f"/ws?{name}={key}") as response:
        assert response.status == 401


async def test_what_has_not_the_form_of_a_key_is_never_looked_up(guarded: Stage) -> None:
    """Not even a million characters, which no header may have."""
    keys = Keys(guarded.host.pool)

    async def look_up(_: object) -> dict[object, object]:
        pytest.fail("the database was asked")

    keys._inquiry._look_up = look_up  # type: ignore[assignment]
    for sent in ("", "baton_", "baton_x", "baton_" + "0" * 1_000_000, (await make_key(guarded.host.pool))[:-1] + "\n"):
        assert await keys.principal_of(sent) is None


async def test_ten_thousand_guesses_are_slowed_down_and_valid_keys_from_the_same_address_are_not(
    guarded: Stage,
) -> None:
    """The first are 401, the others 429 and when to come back; nobody is let in."""
    key = await make_key(guarded.host.pool)
    guesses = iter([Bearer(id_of(key), new_bearer().secret).text(KEY_PREFIX) for _ in range(10_000)])
    seen: Counter[int] = Counter()
    valid: Counter[int] = Counter()

    async def guess() -> None:
        for sent in guesses:
            async with guarded.client.get(PROJECTS, headers=bearing(sent)) as response:
                seen[response.status] += 1
                assert (response.status == 429) == ("Retry-After" in response.headers)
                assert response.status == 401 or 1 <= int(response.headers["Retry-After"]) <= 5

    async def work() -> None:
        while sum(seen.values()) < 10_000:
            valid[await asked(guarded, bearing(key))] += 1

    with structlog.testing.capture_logs():
        began = time.perf_counter()
        await asyncio.gather(*(guess() for _ in range(32)), work())
    assert set(seen) == {401, 429}
    assert 40 <= seen[401] <= 60 + 10 * (time.perf_counter() - began)
    assert set(valid) == {200}
    assert valid[200] > 10


async def test_a_secret_is_in_no_table_and_no_log(guarded: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    pool = guarded.host.pool
    key, gone = await make_key(pool, "admin", None), await make_key(pool)
    secrets = [one[len(KEY_PREFIX) + 33 :] for one in (key, gone)]
    with structlog.testing.capture_logs() as logged:
        await revoke(pool, gone)
        for sent in (key, gone, key[:-1] + "-", key.upper()):
            await asked(guarded, bearing(sent))
            await asked(guarded, {"Authorization": f"Basic {sent}"})
            await asked(guarded, bearing(sent), f"/api/v1/projects/{sent}")
        async with guarded.client.post(PROJECTS, data="{", headers=bearing(key)) as response:
            assert response.status in (400, 415)
    said = "".join(capfd.readouterr()) + repr(logged)
    assert "denied" in said
    async with owner_of(pool) as owner:
        tables = await owner.fetch("SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND oid >= 16384")
        rows = [str(row[0]) for (table,) in tables for row in await owner.fetch(f"SELECT t::text FROM {table} t")]  # noqa: S608
    assert any(str(id_of(key)) in row for row in rows)
    assert len(tables) > 10
    for secret in secrets:
        for form in (secret, secret.encode().hex(), secret.upper(), secret[:20]):
            assert form not in said
            assert not any(form in row for row in rows), form


async def test_services_can_neither_make_nor_revoke_keys(guarded: Stage) -> None:
    """Their role reads the table: who breaks into a gateway makes no key of it."""
    key = await make_key(guarded.host.pool)
    for statement in (
        "UPDATE api_keys SET role = 'admin', tenant = NULL",
        "UPDATE api_keys SET revoked_at = NULL",
        "INSERT INTO api_keys SELECT gen_random_uuid(), 'more', 'admin', NULL, hash FROM api_keys",
        "DELETE FROM api_keys",
    ):
        with pytest.raises(Exception, match="permission denied"):
            await guarded.host.pool.execute(statement)
    assert await asked(guarded, bearing(key)) == 200


async def test_a_key_opens_a_socket_too(guarded: Stage) -> None:
    key = await make_key(guarded.host.pool)
    async with guarded.client.ws_connect("/ws", headers=bearing(key)) as socket:
        assert re.search("caught_up", str(await socket.receive(5)))
    with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
        await guarded.client.ws_connect("/ws", headers=bearing(key[:-1]))
