"""Tokens of an OpenID provider at the door: whose are taken, and that no other is, whatever is wrong with it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from time import monotonic, time
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from baton_gateway import provider as provider_module
from baton_gateway import rate
from support.api import asked, created
from support.keys import make_key
from support.oidc import AUDIENCE, DISCOVERY, JWKS, KEYS, OTHER_RSA, RSA, Issuer, encoded, logged_in, provider, signed
from support.stage import Stage, stage
from support.waiting import eventually

PATH = "/api/v1/projects"
TENANTS = {"oidc_tenant_claim": "tenant"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one address be wrong as often as a test likes, and keys be fetched again after a moment."""
    monkeypatch.setattr(rate, "_WRONG_PER_SECOND", 1e6)
    monkeypatch.setattr(provider_module, "_PAUSE", 0.3)


@pytest.fixture
async def api(database: str, tmp_path: Path, issuer: Issuer) -> AsyncIterator[Stage]:
    async with at(database, tmp_path, issuer.url, alone=True) as open_stage:
        yield open_stage


def at(database: str, directory: Path, issuer: str, **settings: Any) -> Any:  # noqa: ANN401 - as `stage` takes and gives
    return stage(database, directory, auth="on", oidc_issuer=issuer, oidc_audience=AUDIENCE, **settings)


async def answer(api: Stage, token: str, path: str = PATH) -> tuple[int, Mapping[str, str], str]:
    async with api.client.get(path, headers={"Authorization": f"Bearer {token}"}) as response:
        return response.status, response.headers, await response.text()


async def statuses(api: Stage, tokens: Mapping[str, str]) -> dict[str, int]:
    return {name: (await answer(api, token))[0] for name, token in tokens.items()}


async def test_a_token_of_every_asymmetric_algorithm_is_taken(api: Stage, issuer: Issuer) -> None:
    good = {algorithm: issuer.token(algorithm) for algorithm in KEYS}
    good["no kid"] = signed({"alg": "ES256"}, issuer.claims(), KEYS["ES256"], "ES256")
    good["among audiences"] = issuer.token(aud=["other", AUDIENCE])
    good["typ at+jwt"] = issuer.token(header={"typ": "at+jwt"})
    good["typ JWT"] = issuer.token(header={"typ": "JWT"})
    good["a header that we do not know"] = issuer.token(header={"x5t": "abc", "version": 1})
    good["ended within the leeway"] = issuer.token(exp=int(time()) - 10)
    good["begins within the leeway"] = issuer.token(nbf=int(time()) + 10, iat=time() + 10.5)
    good["the same again"] = good["RS256"]
    assert await statuses(api, good) == dict.fromkeys(good, 200)


def _wrong_algorithms(issuer: Issuer) -> dict[str, str]:
    claims, pem = issuer.claims(), RSA.as_pem(private=False)
    bare = {name: f"{encoded({'alg': name})}.{encoded(claims)}." for name in ("none", "None", "nOnE", "NONE", "")}
    signature = issuer.token().rpartition(".")[2]
    jwk = str(RSA.as_dict(private=False)).encode()
    return {f"alg {name!r}": token for name, token in bare.items()} | {
        "alg none with a signature": bare["none"] + signature,
        "alg none of a key": signed({"alg": "none", "kid": "rsa"}, claims, RSA, "RS256"),
        "no alg": signed({"kid": "rsa"}, claims, RSA, "RS256"),
        "alg a list": signed({"alg": ["RS256"], "kid": "rsa"}, claims, RSA, "RS256"),
        "alg rs256": signed({"alg": "rs256", "kid": "rsa"}, claims, RSA, "RS256"),
        "HS256 by the key's PEM": _hmac(claims, pem),
        "HS256 by the PEM without its last newline": _hmac(claims, pem.strip()),
        "HS256 by the JWK": _hmac(claims, jwk),
        "HS256 by n": _hmac(claims, str(RSA["n"]).encode()),
        "RS256 said, HS256 done": signed({"alg": "RS256", "kid": "rsa"}, claims, b"0" * 64, "HS256"),
        "RS256 of an EC key": signed({"alg": "RS256", "kid": "p-256"}, claims, KEYS["ES256"], "ES256"),
        "ES256 of an RSA key": signed({"alg": "ES256", "kid": "rsa"}, claims, RSA, "RS256"),
        "RS512 said, RS256 done": signed({"alg": "RS512", "kid": "rsa"}, claims, RSA, "RS256"),
        "PS256 said, RS256 done": signed({"alg": "PS256", "kid": "rsa"}, claims, RSA, "RS256"),
        "ES384 of a P-256 key": signed({"alg": "ES384", "kid": "p-256"}, claims, KEYS["ES256"], "ES256"),
        "Ed25519 of an EC key": signed({"alg": "Ed25519", "kid": "p-256"}, claims, KEYS["ES256"], "ES256"),
    }


def _hmac(claims: object, secret: bytes) -> str:
    return signed({"alg": "HS256", "kid": "rsa"}, claims, secret, "HS256")


def _wrong_claims(issuer: Issuer) -> dict[str, str]:
    now = int(time())
    wrong: dict[str, dict[str, Any]] = {
        "another audience": {"aud": "other"},
        "audiences without ours": {"aud": ["other", "baton2", "Baton"]},
        "no audience": {"aud": None},
        "no audiences": {"aud": []},
        "an audience within one": {"aud": "batonette"},
        "audiences that are no strings": {"aud": [["baton"]]},
        "audience an object": {"aud": {"baton": True}},
        "another issuer": {"iss": "https://accounts.example.org"},
        "issuer with a slash": {"iss": issuer.url + "/"},
        "issuers": {"iss": [issuer.url]},
        "no issuer": {"iss": None},
        "expired": {"exp": now - 31},
        "no exp": {"exp": None},
        "exp a string": {"exp": str(now + 300)},
        "exp true": {"exp": True},
        "exp a list": {"exp": [now + 300]},
        "exp NaN": {"exp": float("nan")},
        "exp for ever": {"exp": float("inf")},
        "not valid yet": {"nbf": now + 60},
        "nbf a string": {"nbf": "0"},
        "issued far in the future": {"iat": now + 86400},
        "no sub": {"sub": None},
        "empty sub": {"sub": ""},
        "sub a number": {"sub": 7},
        "sub too long": {"sub": "a" * 201},
        "sub of two lines": {"sub": "alice\nadmin"},
        "sub with NUL": {"sub": "alice\x00"},
        "sub with half a character": {"sub": "\ud800"},
        "sub that turns the line round": {"sub": "alice\u202e"},
    }
    return {name: issuer.token(**claims) for name, claims in wrong.items()}


def _wrong_headers(issuer: Issuer) -> dict[str, str]:
    wrong: dict[str, dict[str, Any]] = {
        "an unknown kid": {"kid": "unknown"},
        "another key's kid": {"kid": "p-256"},
        "kid a path": {"kid": "../../../../dev/null"},
        "kid SQL": {"kid": "rsa' OR '1'='1"},
        "kid an object": {"kid": {"kid": "rsa"}},
        "kid null": {"kid": None},
        "kid empty": {"kid": ""},
        "crit of nobody": {"crit": ["exp2"], "exp2": 1},
        "crit of b64": {"crit": ["b64"], "b64": True},
        "crit a number": {"crit": 1},
        "crit empty": {"crit": []},
        "b64 false": {"b64": False},
        "jku no URL": {"jku": 1},
        "typ of a log-out": {"typ": "logout+jwt"},
        "typ of DPoP": {"typ": "dpop+jwt"},
        "typ a list": {"typ": ["JWT"]},
    }
    return {name: issuer.token(header=header) for name, header in wrong.items()}


def _broken(issuer: Issuer) -> dict[str, str]:
    good = issuer.token()
    header, payload, signature = good.split(".")
    forged = encoded(issuer.claims(role="admin"))
    listed = encoded([1])
    return {
        "a payload that was changed": f"{header}.{forged}.{signature}",
        "signed by nobody's key": signed({"alg": "RS256", "kid": "rsa"}, issuer.claims(), OTHER_RSA, "RS256"),
        "signed by nobody's key, no kid": signed({"alg": "RS256"}, issuer.claims(), OTHER_RSA, "RS256"),
        "without its signature": f"{header}.{payload}.",
        "without its last part": f"{header}.{payload}",
        "without its payload": f"{header}..{signature}",
        "half a signature": f"{header}.{payload}.{signature[:-40]}",
        "a zero signature for ES256": f"{encoded({'alg': 'ES256', 'kid': 'p-256'})}.{payload}.{encoded(bytes(64))}",
        "five parts, encrypted": f"{encoded({'alg': 'RSA-OAEP', 'enc': 'A256GCM'})}.AA.AA.AA.AA",
        "five parts, signed": f"{good}.AA.AA",
        "padded": f"{header}=.{payload}.{signature}",
        "in quotes": f'"{good}"',
        "in JSON": '{"payload":"x","signatures":[]}',
        "not of base64": "a.b.c",
        "only dots": "..",
        "one word": "token",
        "header a list": f"{listed}.{payload}.{signature}",
        "header a number": f"{encoded(1)}.{payload}.{signature}",
        "header with alg, a list": f"{encoded(['alg'])}.{payload}.{signature}",
        "header deep": f"{encoded(b'[' * 2000)}.{payload}.{signature}",
        "header no UTF-8": ".".join((encoded(b"\xff\xfe{"), payload, signature)),
        "payload a list": signed({"alg": "RS256", "kid": "rsa"}, [1], RSA, "RS256"),
        "payload no JSON": signed({"alg": "RS256", "kid": "rsa"}, b"\xff", RSA, "RS256"),
        "payload deep": signed({"alg": "RS256", "kid": "rsa"}, b"[" * 4000, RSA, "RS256"),
        "letters beyond ASCII": good + "\u00e9",
        "an API key's beginning": f"baton_{good}",
        "a ticket": "ticket_" + "0" * 32 + "_" + "A" * 43,
    }


@pytest.mark.parametrize("kind", [_wrong_algorithms, _wrong_claims, _wrong_headers, _broken])
async def test_whatever_is_wrong_with_a_token_the_answer_is_the_same_401(kind: Any, api: Stage, issuer: Issuer) -> None:  # noqa: ANN401
    wrong = kind(issuer)
    assert (await answer(api, issuer.token()))[0] == 200
    with capture_logs() as logs:
        answers = {name: await answer(api, token) for name, token in wrong.items()}
    print(f"{len(wrong)} wrong tokens of {kind.__name__.strip('_')}")
    assert {name: status for name, (status, _, _) in answers.items()} == dict.fromkeys(wrong, 401)
    assert len({text for _, _, text in answers.values()}) == 1
    assert {headers["WWW-Authenticate"] for _, headers, _ in answers.values()} == {
        'Bearer realm="baton", error="invalid_token"'
    }
    told = str(logs)
    assert not [name for name, token in wrong.items() for part in token.split(".") if len(part) > 20 and part in told]


@pytest.mark.parametrize("wrong", [b"A" * 20_000, b"A" * 1_100_000, b"a\x00.b.c", b"a.b.c\r\n x", b"\xff\xfe.b.c"])
async def test_what_is_no_header_at_all_is_refused_before_anybody_reads_it(wrong: bytes, api: Stage) -> None:
    """As it comes over the wire, for no proper client sends it: too long, NUL, a folded line, no UTF-8."""
    host, _, port = api.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n" % (PATH.encode(), wrong))
    try:
        line = await asyncio.wait_for(reader.readline(), 10)
    except ConnectionError:
        line = b""
    writer.close()
    assert line.split(b" ")[1:2] in ([b"400"], [b"401"], [b"431"], [])


async def test_a_key_that_a_token_brings_or_points_to_is_never_used_and_its_server_never_asked(
    api: Stage, issuer: Issuer
) -> None:
    async with Issuer(keys=[OTHER_RSA]).serving() as attacker:
        where = f"{attacker.url}/jwks"
        brought: list[dict[str, Any]] = [
            {"jwk": OTHER_RSA.as_dict(private=False)},
            {"jwk": OTHER_RSA.as_dict(private=False), "kid": "rsa"},
            {"jku": where},
            {"jku": where, "kid": "other"},
            {"jku": where, "kid": "rsa"},
            {"x5u": where},
            {"x5c": [encoded(b"certificate")]},
            {"jku": where, "x5u": where, "jwk": OTHER_RSA.as_dict(private=False), "kid": where},
        ]
        tokens = [signed({"alg": "RS256"} | header, issuer.claims(), OTHER_RSA, "RS256") for header in brought]
        assert [(await answer(api, token))[0] for token in tokens] == [401] * len(tokens)
        assert not attacker.asked


async def test_the_highest_role_of_the_claim_counts_and_without_one_it_is_403(api: Stage, issuer: Issuer) -> None:
    """A wrong type is no role; the person is known all the same, and told in plain words."""
    roles: dict[int, list[Any]] = {
        200: ["viewer", "operator", "admin", ["viewer"], ["other", "admin", 7, None], ["operator", "viewer"]],
        403: [None, "", "Admin", "owner", "admin ", True, 1, [], ["root"], [["admin"]], {"admin": True}],
    }
    cases = [(status, given) for status, many in roles.items() for given in many]
    answers = [await answer(api, issuer.token(role=given)) for _, given in cases]
    assert [(status, given) for (status, _, _), (_, given) in zip(answers, cases, strict=True)] == cases
    assert all("'role' must hold viewer, operator or admin" in text for status, _, text in answers if status == 403)
    respond = f"/api/v1/hitl/{uuid4()}/respond"
    for role in ("viewer", "operator", "admin"):
        token = issuer.token(role=["viewer", role], sub=role)
        headers = {"Authorization": f"Bearer {token}"}
        async with api.client.post(respond, json={"action": "approve"}, headers=headers) as response:
            assert response.status == (403 if role == "viewer" else 404)  # it came in; there is no such request


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("https://example.org/role", {"https://example.org/role": "viewer"}),
        ("resource_access.baton.roles", {"resource_access": {"baton": {"roles": ["x", "viewer"]}}}),
        ("a.b", {"a.b": "viewer", "a": {"b": "no role"}}),
    ],
)
async def test_the_role_is_found_by_the_claims_whole_name_or_by_its_path(
    claim: str, claims: dict[str, Any], database: str, tmp_path: Path, issuer: Issuer
) -> None:
    async with at(database, tmp_path, issuer.url, alone=True, oidc_role_claim=claim) as api:
        assert (await answer(api, issuer.token(**claims)))[0] == 200
        assert (await answer(api, issuer.token()))[0] == 403


async def test_the_tenant_is_the_claims_and_only_an_admin_is_of_all(
    database: str, tmp_path: Path, issuer: Issuer
) -> None:
    wrong: list[Any] = [None, "", "Acme", "a/b", "acme\n", "*", "**", ["acme"], 7, "a" * 65, {"acme": 1}]
    async with at(database, tmp_path, issuer.url, alone=True, **TENANTS) as api:
        for role in ("viewer", "operator", "admin"):
            assert (await answer(api, issuer.token(role=role, tenant="acme")))[0] == 200
        given = [(await answer(api, issuer.token(tenant=tenant)))[0] for tenant in wrong]
        assert given == [403] * len(wrong)
        spans = "/api/v1/agents/status/nobody/reset"
        for tenant, status in {"acme": 403, "*": 404}.items():
            token = issuer.token(role="admin", tenant=tenant)
            async with api.client.post(spans, headers={"Authorization": f"Bearer {token}"}) as response:
                assert response.status == status, await response.text()


async def test_rotated_keys_are_taken_without_a_restart_and_the_old_ones_no_more(api: Stage, issuer: Issuer) -> None:
    old = issuer.token("ES256")
    assert (await answer(api, old))[0] == 200
    issuer.keys = [OTHER_RSA]
    new = signed({"alg": "RS256", "kid": "other"}, issuer.claims(), OTHER_RSA, "RS256")

    async def is_taken() -> bool:
        return (await answer(api, new))[0] == 200

    await eventually(is_taken)
    assert (await answer(api, old))[0] == 401
    assert (await answer(api, issuer.token("ES256")))[0] == 401


async def test_a_key_that_changed_without_a_name_is_fetched_too(api: Stage, issuer: Issuer) -> None:
    """Some providers name no key in their tokens."""
    assert (await answer(api, issuer.token()))[0] == 200  # so the keys of before were fetched
    issuer.keys = [OTHER_RSA]
    token = signed({"alg": "RS256"}, issuer.claims(), OTHER_RSA, "RS256")

    async def is_taken() -> bool:
        return (await answer(api, token))[0] == 200

    await eventually(is_taken)


async def test_a_thousand_unknown_keys_lead_to_two_fetches_at_most(
    api: Stage, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await answer(api, issuer.token()))[0] == 200
    monkeypatch.setattr(provider_module, "_PAUSE", 10.0)
    monkeypatch.setattr(provider_module, "monotonic", lambda: monotonic() + 20)  # the start was a while ago
    issuer.asked.clear()
    for n in range(0, 1000, 50):
        tokens = [issuer.token("ES256", {"kid": f"unknown-{n + m}"}) for m in range(50)]
        assert {status for status, _, _ in await asyncio.gather(*(answer(api, token) for token in tokens))} == {401}
    assert 1 <= issuer.asked[JWKS] <= 2
    assert issuer.asked[DISCOVERY] == issuer.asked[JWKS]
    assert (await answer(api, issuer.token()))[0] == 200


async def test_while_the_provider_is_away_a_gateway_starts_and_keys_work_and_tokens_get_503_until_it_is_back(
    database: str, tmp_path: Path
) -> None:
    issuer = Issuer()
    async with at(database, tmp_path, issuer.url, alone=True) as api:
        status, headers, text = await answer(api, issuer.token())
        assert (status, headers["Retry-After"]) == (503, "2")
        assert "OpenID provider cannot be reached" in text
        assert (await answer(api, await make_key(api.host.pool)))[0] == 200
        async with issuer.serving():

            async def is_taken() -> bool:
                return (await answer(api, issuer.token()))[0] == 200

            await eventually(is_taken)
        assert (await answer(api, issuer.token(sub="bob")))[0] == 200  # away again: its keys serve for an hour


async def test_who_created_and_who_decided_stand_in_the_log_by_the_claim_that_names_them(
    database: str, tmp_path: Path, issuer: Issuer
) -> None:
    async with at(database, tmp_path, issuer.url, oidc_actor_claim="email") as api:
        api.client.headers["Authorization"] = f"Bearer {issuer.token(email='alice@example.org', sub='1')}"
        project_id = await created(api)
        request = await asked(api, project_id)
        api.client.headers["Authorization"] = f"Bearer {issuer.token(email='zoë@example.org', sub='2')}"
        await api.post(f"/api/v1/hitl/{request.request_id}/respond", {"action": "approve"})
        statement = "SELECT event_type, actor FROM event_log WHERE event_type IN ('project_created', 'hitl_response')"
        assert dict(await api.host.pool.fetch(statement)) == {
            "project_created": "oidc:alice@example.org",
            "hitl_response": "oidc:zoë@example.org",
        }
        shown = await api.get(f"/api/v1/hitl/{request.request_id}")
        assert shown["responded_by"] == "oidc:zoë@example.org"


async def test_users_of_a_real_provider_come_in_with_the_tokens_that_they_got_by_logging_in(
    database: str, tmp_path: Path
) -> None:
    users: list[dict[str, Any]] = [
        {"sub": "alice", "role": "operator", "tenant": "acme"},
        {"sub": "bob", "tenant": "acme"},
        {"sub": "carol", "role": ["viewer", "admin"], "tenant": "*"},
    ]
    async with provider(*users) as url, at(database, tmp_path, url, **TENANTS) as api:
        alice = await logged_in(url, "alice")
        tokens = {user["sub"]: await logged_in(url, user["sub"]) for user in users}
        tokens["of another application"] = await logged_in(url, "alice", "other")
        assert await statuses(api, tokens) == {"alice": 200, "bob": 403, "carol": 200, "of another application": 401}
        body = {"product_idea": "A tool that counts the birds in a garden"}
        await api.post(PATH, body, status=201, Authorization=f"Bearer {alice}")
        statement = "SELECT actor, payload->>'tenant' FROM event_log WHERE event_type = 'project_created'"
        assert tuple(await api.host.pool.fetchrow(statement)) == ("oidc:alice", "acme")
        await api.post(PATH, body, status=403, Authorization=f"Bearer {tokens['bob']}")


async def test_the_old_tokens_of_a_real_provider_end_with_its_keys(database: str, tmp_path: Path) -> None:
    user = {"sub": "alice", "role": "viewer"}
    """This one makes new ones at each start."""
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(provider(user))
        async with at(database, tmp_path, url, alone=True) as api:
            old = await logged_in(url, "alice")
            assert (await answer(api, old))[0] == 200
            await stack.aclose()
            async with provider(user, port=int(url.rpartition(":")[2])):
                new = await logged_in(url, "alice")

                async def is_taken() -> bool:
                    return (await answer(api, new))[0] == 200

                await eventually(is_taken)
                assert (await answer(api, old))[0] == 401
