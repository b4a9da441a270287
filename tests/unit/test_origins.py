"""Who may ask for us by which name, and whose pages may use us: every spelling that somebody might try."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from baton_gateway.origins import Neighbourhood
from baton_gateway.problems import Denied
from baton_runtime.loopback import is_loopback

OURS = Neighbourhood(
    ["baton.example", "B\u00fccher.example", "fd00::7", "192.0.2.7", "127.0.0.1"],
    ["https://app.example", "http://dev.example:3000"],
    local=True,
)
REMOTE = Neighbourhood(["baton.example"], [], local=False)


def request_of(*headers: tuple[str, str], target: str = "/api/v1/projects") -> web.Request:
    return make_mocked_request("POST", target, headers=CIMultiDict(headers))


def refusal_of_host(request: web.Request, neighbourhood: Neighbourhood = OURS) -> int | None:
    try:
        neighbourhood.check_host(request)
    except Denied as denied:
        return denied.status
    return None


def refusal_of_origin(*headers: tuple[str, str], neighbourhood: Neighbourhood = OURS) -> int | None:
    host = [] if any(name == "Host" for name, _ in headers) else [("Host", "baton.example:8080")]
    try:
        neighbourhood.check_origin(request_of(*host, *headers))
    except Denied as denied:
        return denied.status
    return None


OUR_HOSTS = (
    "localhost",
    "localhost:8080",
    "LocalHost:1",
    "localhost.",
    "127.0.0.1",
    "127.0.0.1:8080",
    "127.9.8.7",
    "[::1]",
    "[::1]:8080",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]:80",
    "baton.example",
    "BATON.example:443",
    "baton.example.:8080",
    "xn--bcher-kva.example",
    "[fd00::7]:8080",
    "192.0.2.7",
)
OTHER_HOSTS = (
    "",
    " ",
    "evil.example",
    "rebind.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.localhost",
    "evil-localhost",
    "baton.example.evil.example",
    "evilbaton.example",
    "sub.baton.example",
    "baton.example@evil.example",
    "user@localhost",
    "localhost:80@evil.example",
    "localhost:8080:8080",
    "localhost:",
    "localhost:x",
    "localhost/evil",
    "localhost#x",
    "localhost..",
    ".localhost",
    "localhost, evil.example",
    "localhost evil.example",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "127.0.0.1%25lo",
    "0.0.0.0",  # noqa: S104 - asked for, not bound
    "[::]",
    "::1",
    "[::1%lo]",
    "[::1",
    "[::1]x",
    "[::2]",
    "b\u00fccher.example",
    "loc\u0430lhost",
    "\u24db\u24deca\u24dbhost",
    "http://localhost",
)


@pytest.mark.parametrize("host", OUR_HOSTS)
def test_a_host_of_ours_is_answered(host: str) -> None:
    assert refusal_of_host(request_of(("Host", host))) is None


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_any_other_host_is_misdirected(host: str) -> None:
    assert refusal_of_host(request_of(("Host", host))) == 421


def test_a_request_for_nobody_is_misdirected_and_a_proxy_has_no_say() -> None:
    assert refusal_of_host(request_of()) == 421
    forwarded = (("X-Forwarded-Host", "localhost"), ("Forwarded", "host=localhost"))
    assert refusal_of_host(request_of(("Host", "evil.example"), *forwarded)) == 421
    assert refusal_of_host(request_of(("Host", "localhost"), ("X-Forwarded-Host", "evil.example"))) is None


def test_every_name_in_a_request_must_be_ours() -> None:
    """A target in absolute form names a server, too, and a `Host` may be given twice."""
    assert refusal_of_host(request_of(("Host", "localhost"), ("Host", "evil.example"))) == 421
    for target, status in (
        ("http://evil.example/livez", 421),
        ("HTTP://evil.example:8080/livez", 421),
        ("http://localhost@evil.example/livez", 421),
        ("http://localhost:8080/livez", None),
        ("//evil.example/livez", None),  # a path
    ):
        assert refusal_of_host(request_of(("Host", "localhost"), target=target)) == status, target


def test_where_no_hosts_are_listed_any_is_answered() -> None:
    anybody = Neighbourhood(None, [], local=False)
    assert refusal_of_host(request_of(("Host", "evil.example")), anybody) is None
    assert refusal_of_host(request_of(), anybody) is None


WELCOME = (
    "http://localhost",
    "http://localhost:3000",
    "https://localhost:5173",
    "http://127.0.0.1:8080",
    "http://127.8.8.8",
    "http://[::1]:3000",
    "HTTP://LOCALHOST:3000",
    "http://baton.example:8080",
    "https://baton.example:8080",
    "https://app.example",
    "https://app.example:443",
    "https://APP.example",
    "http://dev.example:3000",
)
UNWELCOME = (
    "null",
    "",
    "*",
    "localhost",
    "//localhost",
    "http://",
    "http:///",
    "http://evil.example",
    "http://127.0.0.1.evil.com",
    "http://localhost.evil.com",
    "http://evil.com#127.0.0.1",
    "http://evil.com/localhost",
    "http://evil.com?localhost",
    "http://127.0.0.1:80@evil.com",
    "http://localhost@evil.com",
    "http://evil.com\\@localhost",
    "http://2130706433",
    "http://0x7f.0.0.1",
    "http://0177.0.0.1",
    "http://127.1",
    "http://0.0.0.0",
    "http://[::]",
    "http://evil.localhost",
    "http://localhost/",
    "http://localhost:3000/x",
    "http://localhost:",
    "http://localhost:port",
    "http://localhost http://evil.com",
    "http://localhost,http://evil.com",
    "file://",
    "file://localhost",
    "ftp://localhost",
    "chrome-extension://localhost",
    "javascript://localhost",
    "http://baton.example",
    "http://baton.example:8081",
    "https://app.example:8443",
    "http://app.example",
    "https://sub.app.example",
    "https://app.example.evil.com",
    "http://dev.example",
    "http://loc\u0430lhost",
    "http://" + "a" * 9000 + ".example",
)


@pytest.mark.parametrize("origin", WELCOME)
def test_pages_of_this_machine_of_ours_and_of_listed_sites_are_welcome(origin: str) -> None:
    assert refusal_of_origin(("Origin", origin)) is None


@pytest.mark.parametrize("origin", UNWELCOME)
def test_pages_of_any_other_site_are_not(origin: str) -> None:
    assert refusal_of_origin(("Origin", origin)) == 403


def test_two_origins_are_none() -> None:
    assert refusal_of_origin(("Origin", "http://localhost"), ("Origin", "http://localhost")) == 403


def test_a_gateway_for_others_knows_its_own_pages_and_no_loopback() -> None:
    """What is a loopback address is the browser's own machine, not the gateway's."""
    own = ("Host", "baton.example")
    for origin, status in (
        ("https://baton.example", None),
        ("http://baton.example:80", None),
        ("https://baton.example:8443", 403),
        ("http://localhost", 403),
        ("https://app.example", 403),
    ):
        assert refusal_of_origin(own, ("Origin", origin), neighbourhood=REMOTE) == status, origin


def test_a_host_that_is_named_twice_makes_no_page_our_own() -> None:
    hosts = (("Host", "evil.example"), ("Host", "baton.example"))
    assert refusal_of_origin(*hosts, ("Origin", "http://evil.example"), neighbourhood=REMOTE) == 403


@pytest.mark.parametrize(
    ("site", "status"),
    [("same-origin", None), ("none", None), ("cross-site", 403), ("same-site", 403), ("CROSS-SITE", 403), ("", 403)],
)
def test_without_an_origin_the_browsers_word_for_the_site_counts(site: str, status: int | None) -> None:
    assert refusal_of_origin(("Sec-Fetch-Site", site)) == status
    assert refusal_of_origin(("Sec-Fetch-Site", site), ("Origin", "https://app.example")) is None
    assert refusal_of_origin() is None


@pytest.mark.parametrize(
    ("name", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),  # noqa: S104 - asked for, not bound
        ("::", False),
        ("::ffff:192.0.2.1", False),
        ("localhost.example", False),
        ("192.0.2.1", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(name: str, loopback: bool) -> None:  # noqa: FBT001 - a column
    assert is_loopback(name) == loopback
