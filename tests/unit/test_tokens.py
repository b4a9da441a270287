"""What of an OpenID provider is believed, how long its keys serve, and which settings do not fit."""

import asyncio
import warnings
from collections.abc import AsyncIterator
from time import monotonic, time
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from structlog.testing import capture_logs

from baton_gateway import provider as provider_module
from baton_gateway.doorway import opened_tokens
from baton_gateway.key_ring import key_ring
from baton_gateway.principal import Principal
from baton_gateway.problems import Unavailable
from baton_gateway.provider import Provider
from baton_gateway.tokens import Tokens
from baton_runtime.door_settings import DoorSettings
from baton_runtime.settings import UnfitSettings, load_settings
from support.oidc import AUDIENCE, DISCOVERY, JWKS, OTHER_RSA, RSA, Issuer, signed
from support.waiting import eventually, until


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer().serving() as serving:
        yield serving


def settings(issuer: Issuer, **other: Any) -> DoorSettings:  # noqa: ANN401 - any setting
    return DoorSettings(oidc_issuer=issuer.url, oidc_audience=AUDIENCE, **other)


class Later:
    """A clock that is ahead by as much as is added to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        monkeypatch.setattr(provider_module, "monotonic", lambda: monotonic() + self.seconds)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    return Later(monkeypatch)


async def test_a_token_is_its_persons_until_it_ends(issuer: Issuer) -> None:
    ends = int(time()) + 300
    async with Provider(issuer.url) as provider:
        found = await Tokens(provider, settings(issuer)).principal_of(issuer.token(exp=ends, role=["viewer", "admin"]))
    assert isinstance(found, Principal)
    assert (found.actor, found.tenant, found.role) == ("oidc:alice", None, "admin")
    assert found.expires_at
    assert found.expires_at.timestamp() == ends


async def test_a_token_that_was_taken_is_refused_when_its_time_is_over(issuer: Issuer) -> None:
    """Though who it was for is remembered, so that its signature is verified once."""
    now = time()
    async with Provider(issuer.url) as provider:
        tokens = Tokens(provider, settings(issuer), clock=lambda: now)
        token = issuer.token(exp=now + 100)
        assert await tokens.principal_of(token)
        now += 99
        assert await tokens.principal_of(token)
        now += 29
        assert await tokens.principal_of(token)  # within the leeway
        now += 5
        assert await tokens.principal_of(token) is None


async def test_a_token_that_was_taken_is_refused_when_its_key_was_withdrawn(issuer: Issuer, later: Later) -> None:
    async with Provider(issuer.url) as provider:
        tokens = Tokens(provider, settings(issuer))
        token = issuer.token()
        assert await tokens.principal_of(token)
        issuer.keys.remove(RSA)
        later.seconds = 11
        await provider.refresh()
        assert await tokens.principal_of(token) is None


@pytest.mark.parametrize("given", ["", ".", "..", "a" * 20_000, "\x00.\x00.\x00", "é.é.é", "\udcff.a.b", "a.b.c.d.e"])
async def test_what_is_no_token_is_nobodys(given: str, issuer: Issuer) -> None:
    async with Provider(issuer.url) as provider:
        assert await Tokens(provider, settings(issuer)).principal_of(given) is None


async def test_a_token_that_is_too_long_is_refused_though_it_is_good_and_leads_to_no_fetch(
    issuer: Issuer, later: Later
) -> None:
    async with Provider(issuer.url) as provider:
        tokens = Tokens(provider, settings(issuer))
        assert await tokens.principal_of(issuer.token(more="x" * 10_000))
        issuer.asked.clear()
        later.seconds = 11
        assert await tokens.principal_of(issuer.token(more="x" * 20_000)) is None
        assert await tokens.principal_of(issuer.token(header={"kid": "x" * 1_000_000})) is None
        assert not issuer.asked


async def test_a_token_that_never_ends_is_taken_as_one_that_ends_with_the_calendar(issuer: Issuer) -> None:
    async with Provider(issuer.url) as provider:
        for ends in (10**11, 10**400, 1e300):
            assert await Tokens(provider, settings(issuer)).principal_of(issuer.token(exp=ends))


async def test_keys_are_fetched_once_by_all_who_wait_and_again_after_ten_seconds_at_the_earliest(
    issuer: Issuer, later: Later
) -> None:
    async with Provider(issuer.url) as provider:
        await asyncio.gather(*(provider.ring() for _ in range(100)))
        assert issuer.asked == {DISCOVERY: 1, JWKS: 1}
        later.seconds = 9
        await asyncio.gather(*(provider.refresh() for _ in range(100)))
        assert issuer.asked[JWKS] == 1
        later.seconds = 11
        await asyncio.gather(*(provider.refresh() for _ in range(100)))
        assert issuer.asked[JWKS] == 2


async def test_keys_are_fetched_again_by_themselves(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_module, "_EVERY", 0.05)
    monkeypatch.setattr(provider_module, "_PAUSE", 0.01)
    async with Provider(issuer.url) as provider:
        first = await provider.ring()
        await until(lambda: issuer.asked[JWKS] >= 3)
        assert await provider.ring() is first  # the same keys: what was verified with them stands
        issuer.keys = [OTHER_RSA]

        async def are_other() -> bool:
            return await provider.ring() is not first

        await eventually(are_other)


async def test_keys_serve_for_an_hour_while_the_provider_is_away(issuer: Issuer, later: Later) -> None:
    async with Provider(issuer.url) as provider:
        tokens = Tokens(provider, settings(issuer))
        assert await tokens.principal_of(issuer.token())
        issuer.status = 500
        later.seconds = 3590
        await provider.refresh()
        assert await tokens.principal_of(issuer.token())
        later.seconds = 3610
        with pytest.raises(Unavailable, match="cannot be reached"):
            await tokens.principal_of(issuer.token())
        issuer.status = 200
        await provider.refresh()
        assert await tokens.principal_of(issuer.token())


async def _refused(issuer: Issuer) -> str:
    with capture_logs() as logs:
        async with Provider(issuer.url) as provider:
            with pytest.raises(Unavailable):
                await provider.ring()
    (told,) = [entry["reason"] for entry in logs if entry["event"] == "provider_away"]
    return str(told)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"issuer": "https://other.example.org"}, "another issuer"),
        ({"issuer": None}, "another issuer"),
        ({"jwks_uri": None}, "not of https"),
        ({"jwks_uri": "file:///etc/passwd"}, "not of https"),
        ({"jwks_uri": "ftp://127.0.0.1/jwks"}, "not of https"),
    ],
)
async def test_a_discovery_document_that_does_not_fit_is_not_believed(
    said: dict[str, Any], reason: str, issuer: Issuer
) -> None:
    issuer.discovery = said
    assert reason in await _refused(issuer)
    assert not issuer.asked[JWKS]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"keys": []' + b" " * (1 << 20) + b"}",
    ],
)
async def test_what_is_no_set_of_keys_is_not_believed(body: bytes, issuer: Issuer) -> None:
    issuer.jwks = body
    await _refused(issuer)


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500])
async def test_a_provider_that_sends_us_elsewhere_is_not_followed(status: int, issuer: Issuer) -> None:
    issuer.status = status
    assert str(status) in await _refused(issuer)
    assert not issuer.asked["/elsewhere"]


async def test_a_provider_that_takes_too_long_is_not_waited_for(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_module, "_DEADLINE", 0.2)
    issuer.seconds = 5
    start = monotonic()
    async with Provider(issuer.url) as provider:
        with pytest.raises(Unavailable):
            await provider.ring()
    assert monotonic() - start < 2


def test_only_keys_that_may_sign_are_kept() -> None:
    """No secrets, none that encrypt, none that are weak or cannot be read, and a hundred at most."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weak = RSAKey.generate_key(1024).as_dict(private=False)
    published: list[object] = [
        OctKey.generate_key(256).as_dict(private=True),
        RSAKey.generate_key(2048, {"use": "enc"}).as_dict(private=False),
        weak,
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "RSA"},
        {"kty": ["RSA"]},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "ML-DSA"},
        {},
        "key",
        None,
        RSA.as_dict(private=False),
    ]
    assert [key.kid for key in key_ring({"keys": published}).keys] == ["rsa"]
    many = [ECKey.generate_key("P-256").as_dict(private=False) for _ in range(40)]
    assert len(key_ring({"keys": many}).keys) == 32


async def test_a_key_signs_as_its_alg_and_its_curve_say_and_no_other_way(issuer: Issuer) -> None:
    """The same key, published for one algorithm, is none for another; Ed448 is none for EdDSA."""
    narrow = RSAKey.import_key(RSA.as_dict(private=True) | {"alg": "PS256"})
    ed448 = OKPKey.generate_key("Ed448", {"kid": "ed448"})
    issuer.keys = [narrow, ed448]
    async with Provider(issuer.url) as provider:
        tokens = Tokens(provider, settings(issuer))
        assert await tokens.principal_of(issuer.token("PS256"))
        assert await tokens.principal_of(issuer.token("RS256")) is None
        old = signed({"alg": "EdDSA", "kid": "ed448"}, issuer.claims(), ed448, "EdDSA")
        assert await tokens.principal_of(old) is None


async def test_the_log_tells_why_a_token_was_refused(issuer: Issuer) -> None:
    cases = {
        "its aud": issuer.token(aud="other"),
        "its exp": issuer.token(exp=1),
        "its algorithm": signed({"alg": "HS256"}, issuer.claims(), b"0" * 32, "HS256"),
        "its form": "nonsense",
        "its header asks for an extension": issuer.token(header={"crit": ["x"], "x": 1}),
        "its claim that names the person": issuer.token(sub="a\nb"),
    }
    with capture_logs() as logs:
        async with Provider(issuer.url) as provider:
            tokens = Tokens(provider, settings(issuer))
            assert [await tokens.principal_of(token) for token in cases.values()] == [None] * len(cases)
    refused = [(one["log_level"], one["reason"]) for one in logs if one["event"] == "token_refused"]
    assert refused == [("warning", reason) for reason in cases]


async def test_with_authentication_off_no_provider_is_asked_and_the_log_says_so(issuer: Issuer) -> None:
    with capture_logs() as logs:
        async with opened_tokens(settings(issuer, auth="off")) as tokens:
            assert tokens is None
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("openid_provider_is_not_asked", "warning")]
    assert not issuer.asked


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"ISSUER": "https://example.org"}, "BATON_OIDC_AUDIENCE"),
        ({"ISSUER": "https://example.org", "AUDIENCE": ""}, "BATON_OIDC_AUDIENCE"),
        ({"AUDIENCE": "baton"}, "BATON_OIDC_AUDIENCE"),
        ({"ISSUER": "http://example.org", "AUDIENCE": "baton"}, "BATON_OIDC_ISSUER"),
        ({"ISSUER": "http://localhost.example.org", "AUDIENCE": "baton"}, "BATON_OIDC_ISSUER"),
        ({"ISSUER": "http://localhost@example.org", "AUDIENCE": "baton"}, "BATON_OIDC_ISSUER"),
        ({"ISSUER": "https://user:secret@example.org", "AUDIENCE": "baton"}, "BATON_OIDC_ISSUER"),
        ({"ISSUER": "https://[", "AUDIENCE": "baton"}, "BATON_OIDC_ISSUER"),
        ({"ISSUER": "https://", "AUDIENCE": "baton"}, "BATON_OIDC_ISSUER"),
        ({"ISSUER": "example.org", "AUDIENCE": "baton"}, "BATON_OIDC_ISSUER"),
        ({"ISSUER": "https://example.org?a=b", "AUDIENCE": "baton"}, "BATON_OIDC_ISSUER"),
        ({"ROLE_CLAIM": "a b"}, "BATON_OIDC_ROLE_CLAIM"),
        ({"TENANT_CLAIM": ""}, "BATON_OIDC_TENANT_CLAIM"),
    ],
)
def test_settings_that_do_not_fit_name_the_variable(
    given: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"BATON_OIDC_{name}", value)
    with pytest.raises(UnfitSettings, match=named) as raised:
        load_settings()
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "issuer", ["https://example.org/realms/x", "https://example.org/", "http://localhost:9400", "http://[::1]:1"]
)
def test_settings_of_usual_providers_fit(issuer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_OIDC_ISSUER", issuer)
    monkeypatch.setenv("BATON_OIDC_AUDIENCE", "baton")
    monkeypatch.setenv("BATON_OIDC_ROLE_CLAIM", "https://example.org/role")
    loaded = load_settings()
    assert (loaded.oidc_issuer, loaded.oidc_role_claim) == (issuer, "https://example.org/role")
    monkeypatch.setenv("BATON_OIDC_ISSUER", "")
    monkeypatch.setenv("BATON_OIDC_AUDIENCE", "")
    assert (load_settings().oidc_issuer, load_settings().oidc_audience) == (None, None)
