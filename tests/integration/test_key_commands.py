"""`baton keys` as a person types it, and what a key that it made is good for."""

import asyncio
import re
from pathlib import Path

import pytest

from baton_eventlog.database import connect
from baton_eventlog.migrations import migrate
from baton_gateway.keys import KEY_PREFIX
from support.commands import baton, ended, up
from support.keys import bearing, id_of
from support.stage import stage

FORM = re.compile(r"baton_[0-9a-f]{32}_[A-Za-z0-9_-]{43}\n")
OPERATOR = ("--role", "operator", "--tenant", "acme")


@pytest.fixture
async def migrated(database: str) -> str:
    """Give a database with our schema."""
    await migrate(database)
    return database


async def keys(database: str, *words: str) -> tuple[int, str, str]:
    """Run `baton keys` on a database; return status, output and errors."""
    process = baton("keys", *words, environment={"BATON_DATABASE_URL": database})
    return await asyncio.to_thread(ended, process, 60)


async def test_a_key_stands_alone_on_standard_output_and_the_words_beside_it(migrated: str) -> None:
    status, key, words = await keys(migrated, "create", *OPERATOR, "--name", "ann@example.org", "--expires-days", "2")
    assert status == 0
    assert FORM.fullmatch(key)
    for part in ("ann@example.org", "operator", "tenant acme", "not shown again", "Authorization: Bearer", "API_KEY"):
        assert part in words
    assert key.strip() not in words
    status, key, words = await keys(migrated, "create", "--role", "admin")
    assert (status, "in every tenant, for it is of none" in words) == (0, True)
    assert f"The key {id_of(key.strip()).hex[:8]} counts until it is revoked" in words


async def test_a_database_of_somebody_else_is_left_as_it_is(database: str) -> None:
    """Whoever names the wrong one makes no schema there."""
    status, key, words = await keys(database, "create", *OPERATOR)
    assert (status, key) == (1, "")
    assert "Run `baton db up` first" in words
    connection = await connect(database, name="test")
    assert await connection.fetchval("SELECT to_regclass('event_log')") is None
    await connection.close()


async def test_a_list_shows_every_key_and_no_secret(migrated: str) -> None:
    await keys(migrated, "create", *OPERATOR, "--name", "kept", "--expires-days", "2")
    made = [(await keys(migrated, "create", "--role", "admin", "--name", name))[1] for name in ("gone", "over")]
    await keys(migrated, "revoke", "gone")
    connection = await connect(migrated, name="test")
    await connection.execute("UPDATE api_keys SET expires_at = now() WHERE name = 'over'")
    hashes = [row[0].hex() for row in await connection.fetch("SELECT hash FROM api_keys")]
    await connection.close()
    status, output, errors = await keys(migrated, "list")
    assert (status, errors) == (0, "")
    header, *lines = (line.split() for line in output.splitlines())
    assert header == ["NAME", "ID", "ROLE", "TENANT", "CREATED", "EXPIRES", "STATE"]
    assert [(line[0], line[2], line[3], line[-1]) for line in lines] == [
        ("kept", "operator", "acme", "valid"),
        ("gone", "admin", "-", "revoked"),
        ("over", "admin", "-", "expired"),
    ]
    assert [line[1] for line in lines[1:]] == [id_of(key.strip()).hex[:8] for key in made]
    assert not any(part in output for part in (*hashes, *(key.strip()[39:59] for key in made)))


async def test_the_longest_names_are_listed_in_full(migrated: str) -> None:
    await keys(migrated, "create", "--role", "viewer", "--name", "n" * 64, "--tenant", "t" * 64)
    _, output, _ = await keys(migrated, "list")
    assert all(long in output.splitlines()[1] for long in ("n" * 64, "t" * 64, "valid"))


async def test_a_revoked_key_can_be_revoked_again_and_keeps_its_name(migrated: str) -> None:
    _, key, _ = await keys(migrated, "create", *OPERATOR, "--name", "ci")
    for said in ("ci", str(id_of(key.strip())), key.strip()[6:14], key.strip()):
        status, output, errors = await keys(migrated, "revoke", said)
        assert (status, errors) == (0, "")
        assert (output.startswith("Revoked ci"), "was revoked before" in output) == (said == "ci", said != "ci")
        assert key.strip()[39:] not in output
    status, output, errors = await keys(migrated, "create", *OPERATOR, "--name", "ci")
    assert (status, output, errors.count("\n")) == (1, "", 1)
    assert errors.startswith("baton: There is, or was, a key named ci")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "--role", "viewer"), "belongs to a tenant: name it with --tenant"),
        (("create", "--role", "operator", "--name", "x"), "belongs to a tenant"),
        (("create", "--role", "viewer", "--tenant", "A b"), "cannot be a tenant's name"),
        (("create", "--role", "viewer", "--tenant", "acme\n"), "cannot be a tenant's name"),
        (("create", "--role", "admin", "--tenant", ""), "cannot be a tenant's name"),
        (("create", "--role", "admin", "--name", ""), "cannot be a key's name"),
        (("create", "--role", "admin", "--name", "\x1b[31m"), "cannot be a key's name"),
        (("revoke", "nobody"), "There is no key of that name"),
        (("revoke", ""), "There is no key of that name"),
    ],
)
async def test_what_cannot_be_is_one_plain_line_and_changes_nothing(
    database: str, words: tuple[str, ...], said: str
) -> None:
    await migrate(database)
    status, output, errors = await keys(database, *words)
    assert (status, output, errors.count("\n")) == (1, "", 1)
    assert errors.startswith("baton: ")
    assert said in errors
    connection = await connect(database, name="test")
    assert await connection.fetchval("SELECT count(*) FROM api_keys") == 0
    await connection.close()


@pytest.mark.parametrize("words", [("--role", "owner"), ("--role", "admin", "--expires-days", "0"), ()])
async def test_what_no_option_allows_is_a_usage_error(database: str, words: tuple[str, ...]) -> None:
    status, output, _ = await keys(database, "create", *words)
    assert (status, output) == (2, "")


async def test_a_login_without_the_rights_is_told_so(database: str) -> None:
    """A service's role reads keys and makes none."""
    await migrate(database)
    status, output, errors = await keys(f"{database}?role=baton_app", "create", *OPERATOR)
    assert (status, output, errors.count("\n")) == (1, "", 1)
    status, _, listed = await keys(f"{database}?role=baton_app", "list")
    assert status == 0
    assert "no key yet" in listed


async def test_list_and_revoke_make_no_database(tmp_path: Path) -> None:
    for words in (("list",), ("revoke", "ci")):
        status, _, errors = ended(baton("keys", *words, "--data-dir", str(tmp_path / "none")))
        assert (status, "There is no database in" in errors) == (1, True)
    assert list(tmp_path.iterdir()) == []


async def test_a_key_of_the_command_opens_the_gateway_until_the_command_revokes_it(
    database: str, tmp_path: Path
) -> None:
    async with stage(database, tmp_path, auth="on") as opened:
        _, made, _ = await keys(database, "create", *OPERATOR, "--name", "ci")
        headers = bearing(made.strip())
        async with opened.client.post("/api/v1/projects", json={"product_idea": "Plants"}, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
        (row,) = await opened.host.pool.fetch("SELECT actor, payload FROM event_log WHERE version = 1 AND position > 1")
        assert row["actor"] == "key:ci"
        assert '"acme"' in str(row["payload"])
        await keys(database, "revoke", "ci")
        async with opened.client.get("/api/v1/projects", headers=headers) as answer:
            assert answer.status == 401


async def test_a_run_says_who_it_is_by_the_environment(database: str, tmp_path: Path) -> None:
    """Without a key, with a wrong one and with too small a role it says what to do, at once and in one line."""

    async def run(url: str, key: str) -> tuple[int, str, str]:
        named = {"BATON_API_KEY": key} if key else {}
        process = baton("run", "Plants", "--url", url, "--out", str(tmp_path / "out"), environment=named)
        return await asyncio.to_thread(ended, process, 20)

    async with stage(database, tmp_path, auth="on") as opened:
        _, viewer, _ = await keys(database, "create", "--role", "viewer", "--tenant", "acme")
        for key, part, word in (
            ("", "401 to GET /ws", "Set BATON_API_KEY to an API key"),
            (viewer[:-2] + "-", "401 to GET /ws", "Set BATON_API_KEY to another API key"),
            (viewer, "403 to POST /api/v1/projects", "`baton keys create --role operator --tenant NAME`"),
            ("two words", "BATON_API_KEY is no API key or token", "Set it again"),
        ):
            status, _, errors = await run(opened.url, key)
            assert (status, errors.count("\n")) == (1, 1), errors
            assert part in errors
            assert word in errors
            assert not key or key.strip() not in errors


def test_a_key_made_beside_a_running_baton_counts_there_and_its_secret_is_in_no_file(tmp_path: Path) -> None:
    """From the first command on an unused directory to the last: one place has the key, where its user put it."""
    data, out = ("--data-dir", str(tmp_path / "data")), ("--out", str(tmp_path / "out"))
    _, first, _ = ended(baton("keys", "create", "--role", "admin", "--name", "first", *data), 60)
    with up(*data, environment={"BATON_AUTH": "on"}) as (url, _):
        _, second, _ = ended(baton("keys", "create", *OPERATOR, "--name", "second", *data), 60)
        run = ("run", "Plants", "--yes", *out, "--url", url)
        status, _, errors = ended(baton(*run, environment={"BATON_API_KEY": second.strip()}), 60)
        assert (status, errors) == (0, "")
        ended(baton("keys", "revoke", "second", *data), 60)
        status, _, errors = ended(baton(*run, environment={"BATON_API_KEY": second.strip()}), 60)
        assert (status, "401" in errors) == (1, True)
    _, output, _ = ended(baton("keys", "list", *data), 60)
    assert re.search(r"(?m)^second .* revoked *$", output)
    cluster = (tmp_path / "data" / "postgres" / "cluster").resolve()
    files = [path for folder in (tmp_path, cluster) for path in folder.rglob("*") if path.is_file()]
    found = {name: sum(name in path.read_bytes() for path in files) for name in secrets_of(first, second)}
    assert found == dict.fromkeys(found, 0)
    assert any(b"second" in path.read_bytes() for path in files)


def secrets_of(*keys: str) -> list[bytes]:
    """Return what must be nowhere."""
    return [key.strip()[len(KEY_PREFIX) + 33 :].encode() for key in keys]
