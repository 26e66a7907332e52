"""Cookies that were tossed in, doubled, disguised, or that come beside something else; on WSGI and ASGI."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from drf_lanyard import cookies
from drf_lanyard.core.errors import ConfigurationError, InvalidRequest
from tests.transports.kit import ACCESS, PASSWORD, REFRESH, Browser, code, script

pytestmark = pytest.mark.django_db


def request(header: str, *, secure: bool = True, **meta: str) -> Any:
    return SimpleNamespace(
        META={"HTTP_COOKIE": header, **meta}, is_secure=lambda: secure, get_host=lambda: "testserver"
    )


def raw(browser: Browser, method: str, path: str, *headers: str) -> Any:
    """A call with these Cookie headers and none of the browser's own. WSGI servers join two of a name with a comma."""
    browser.client.cookies.clear()
    if browser.stack == "wsgi":
        return browser.send(method, path, cookie=",".join(headers))
    browser.client.raw = tuple((b"cookie", header.encode("latin-1")) for header in headers)
    try:
        return browser.send(method, path)
    finally:
        browser.client.raw = ()


# Reading


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (f"{ACCESS}=good", "good"),
        (f"a=b; {ACCESS}=good; c=d", "good"),
        (f"a=b;{ACCESS}=good", "good"),
        (f"{ACCESS}=", None),
        (f"{ACCESS}", None),
        ("", None),
        ("a=b", None),
        (f"a=b;  {ACCESS}=evil", None),
        (f"\t{ACCESS}=evil", None),
        (f"a=b; \t{ACCESS}=evil", None),
        (f"a=b;\t{ACCESS}=evil", None),
        (f"\u2000{ACCESS}=evil", None),
        (f"\u2000{ACCESS}=evil".encode().decode("latin-1"), None),
        (f"\xa0{ACCESS}=evil", None),
        (f"\x85{ACCESS}=evil", None),
        (f"{ACCESS} =evil", None),
        (f"{ACCESS}\t=evil", None),
        (f"{ACCESS.lower()}=evil", None),
        (f"x{ACCESS}=evil", None),
        (f"{ACCESS}x=evil", None),
        (f"={ACCESS}=evil", None),
        (f"a=1,{ACCESS}=evil", None),
        (f'a="; {ACCESS}=good; "', "good"),
        ("lanyard-access=evil", None),
        ("__Secure-lanyard-access=evil", None),
    ],
)
def test_only_the_exact_name_is_ours(header: str, found: str | None) -> None:
    assert cookies.read(request(header), "access") == found


@given(st.lists(st.sampled_from([ACCESS, "=", ";", "; ", " ", ",", "\t", "a", "good", "lanyard-access"]), max_size=12))
def test_the_quick_look_finds_what_a_slow_one_does(parts: list[str]) -> None:
    header = "".join(parts)
    values = [
        value
        for given_name, _, value in (piece.removeprefix(" ").partition("=") for piece in f" {header}".split(";"))
        if given_name == ACCESS
    ]
    assert cookies._values(header, ACCESS) == values
    if len(values) > 1 or "," in "".join(values):
        with pytest.raises(InvalidRequest):
            cookies.read(request(header), "access")
    else:
        assert cookies.read(request(header), "access") == ("".join(values) or None)


@pytest.mark.parametrize(
    "disguise",
    ["\t{0}=evil", "\u2000{0}=evil", "\xa0{0}=evil", " {0}=evil", "{0} =evil", "{0}x=evil", "{1}=evil", "a=1,{0}=evil"],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_disguised_one_never_wins(disguise: str, first: bool) -> None:
    pieces = [f"{ACCESS}=good", disguise.format(ACCESS, ACCESS.lower())]
    assert cookies.read(request("; ".join(reversed(pieces) if first else pieces)), "access") in ("good", None)
    assert cookies.read(request("; ".join(pieces)), "access") == "good"


@pytest.mark.parametrize(
    "header",
    [
        f"{ACCESS}=good; {ACCESS}=good",
        f"{ACCESS}=good; a=b; {ACCESS}=evil",
        f"{ACCESS}=good; {ACCESS}=",
        f"{ACCESS}; {ACCESS}=good",
        f"{ACCESS}=good,{ACCESS}=evil",
        f"{ACCESS}=good, a=b",
    ],
)
def test_twice_is_an_invalid_request(header: str) -> None:
    with pytest.raises(InvalidRequest):
        cookies.read(request(header), "access")
    assert cookies.read_leniently(request(header), "access") is None


def test_a_prefixed_name_counts_over_tls_and_the_bare_one_in_development_only() -> None:
    both = f"{ACCESS}=tls; lanyard-access=development"
    assert cookies.read(request(both), "access") == "tls"
    assert cookies.read(request(both, secure=False), "access") is None
    with override_settings(DEBUG=True):
        assert cookies.read(request(both), "access") == "tls"
        assert cookies.read(request(both, secure=False), "access") == "development"


def test_names_of_one_s_own() -> None:
    with override_settings(LANYARD={"COOKIE": {"NAME": "shop"}}):
        assert cookies.read(request(f"{ACCESS}=evil; __Host-shop-access=good"), "access") == "good"


# Through the handlers


@pytest.mark.parametrize("path", ["/protected/", "/public/", "/auth/me/"])
def test_two_of_a_name_are_refused_everywhere(browser: Browser, alice: Any, path: str) -> None:
    browser.sign_in("cookie")
    good = f"{ACCESS}={browser.holds(ACCESS)}"
    for headers in ([f"{good}; {good}"], [f"{good}; {ACCESS}=evil"], [good, good], [good, f"{ACCESS}=evil"]):
        refused = raw(browser, "get", path, *headers)
        assert refused.status_code == 400, headers
        assert refused.json()["code"] == "invalid_request"
    assert raw(browser, "get", path, good).status_code == 200


def test_two_refresh_cookies_refresh_nothing_and_block_no_way_in_or_out(browser: Browser, alice: Any) -> None:
    browser.sign_in("cookie")
    good = f"{REFRESH}={browser.holds(REFRESH)}"
    twice = (good, f"{REFRESH}=evil")
    refused = raw(browser, "post", "/auth/refresh/", *twice)
    assert code(refused) == (400, "invalid_request")
    assert not refused.cookies
    assert raw(browser, "post", "/auth/logout/", *twice).status_code == 204
    assert raw(browser, "post", "/auth/refresh/", good).status_code == 200


def test_a_tossed_cookie_does_not_displace_the_user(browser: Browser, alice: Any) -> None:
    """What a sibling subdomain can set: a name that Django's own parser would take for ours."""
    get_user_model().objects.create_user("mallory", password=PASSWORD)
    browser.sign_in("cookie", "mallory")
    mallory = browser.holds(ACCESS)
    browser.client.cookies.clear()
    browser.sign_in("cookie")
    own = f"{ACCESS}={browser.holds(ACCESS)}"
    for tossed in (f"\t{ACCESS}", f"\u2000{ACCESS}".encode().decode("latin-1"), f"{ACCESS} "):
        for header in (f"{own}; {tossed}={mallory}", f"{tossed}={mallory}; {own}"):
            assert raw(browser, "get", "/protected/", header).json() == {"user": alice.pk}
        assert raw(browser, "get", "/protected/", f"{tossed}={mallory}").status_code == 401


def test_two_authorization_headers(browser: Browser, alice: Any) -> None:
    access = script().sign_in()["access"]
    for first, second in (
        (f"Bearer {access}", f"Bearer {access}"),
        ("Basic YTpi", f"Bearer {access}"),
        (f"Bearer {access}", "Token x"),
    ):
        if browser.stack == "wsgi":
            refused = browser.get("/public/", authorization=f"{first},{second}")
        else:
            browser.client.raw = tuple((b"authorization", one.encode()) for one in (first, second))
            refused = browser.get("/public/")
        assert code(refused) == (400, "invalid_request")


@pytest.mark.parametrize("header", ["Bearer nonsense", "Digest x", "Token x", "Basic x"])
def test_a_header_decides_alone(browser: Browser, alice: Any, header: str) -> None:
    """A good cookie does not help a bad header, nor a doubled cookie hurt a good one."""
    browser.sign_in("cookie")
    assert browser.get("/protected/", authorization=header).status_code == 401
    session = Browser(browser.stack)
    session.sign_in("session")
    assert session.get("/protected/", authorization=header).status_code == 401
    access = script().sign_in()["access"]
    doubled = f"{ACCESS}=a; {ACCESS}=b"
    browser.client.cookies.clear()
    assert browser.get("/public/", cookie=doubled, authorization=f"Bearer {access}").json() == {"user": alice.pk}


# Writing


def morsel(kind: Any = "access", *, secure: bool = True, **meta: str) -> str:
    response = HttpResponse()
    cookies.write(response, request("", secure=secure, **meta), kind, "value", 300)
    [(_, written)] = response.cookies.items()
    return written.OutputString()


def test_attributes() -> None:
    lax = "HttpOnly; Max-Age=300; Path=/; SameSite=Lax"
    other_site = "HttpOnly; Max-Age=300; Partitioned; Path=/; SameSite=None; Secure"
    assert morsel() == f"{ACCESS}=value; {lax}; Secure"
    assert morsel("refresh", secure=False) == f"{REFRESH}=value; {lax}; Secure"
    for same in ("same-origin", "same-site", "none"):
        assert morsel(HTTP_SEC_FETCH_SITE=same) == morsel()
    assert morsel(HTTP_SEC_FETCH_SITE="cross-site") == f"{ACCESS}=value; {other_site}"
    with override_settings(DEBUG=True):
        assert morsel() == f"{ACCESS}=value; {lax}; Secure"
        assert morsel(secure=False) == f"lanyard-access=value; {lax}"
        assert morsel(secure=False, HTTP_SEC_FETCH_SITE="cross-site") == f"lanyard-access=value; {other_site}"


@override_settings(LANYARD={"TRUSTED_ORIGINS": ["https://app.example"]})
def test_another_site_gets_partitioned_cookies_for_all_their_life(browser: Browser, alice: Any) -> None:
    browser.page = {"origin": "https://app.example", "sec-fetch-site": "cross-site"}
    answers = [
        browser.post("/auth/login/", {"username": "alice", "password": PASSWORD, "transport": "cookie"}),
        browser.post("/auth/refresh/"),
        browser.post("/auth/logout/"),
    ]
    for answer in answers:
        written = [value.OutputString() for value in answer.cookies.values()]
        assert len(written) == 2
        for one in written:
            assert "; Partitioned; Path=/; SameSite=None; Secure" in one
    assert all("Max-Age=0" in value.OutputString() for value in answers[-1].cookies.values())
    for name in (ACCESS, REFRESH):
        assert answers[0].cookies[name]["max-age"] == str(14 * 86400)


def claims_of_size(size: int) -> Any:
    return lambda user, session: {"much": "x" * size}


def test_a_cookie_that_browsers_would_drop_is_an_error_that_says_why(alice: Any) -> None:
    client = script()
    client.client.raise_request_exception = False
    body = {"username": "alice", "password": PASSWORD, "transport": "cookie"}
    with override_settings(LANYARD={"CLAIMS": claims_of_size(2500)}):
        assert client.post("/auth/login/", body).status_code == 200
    with override_settings(LANYARD={"CLAIMS": claims_of_size(3200)}):
        failed = client.post("/auth/login/", body)
        assert failed.status_code == 500
        assert not failed.cookies
        client.client.raise_request_exception = True
        with pytest.raises(ConfigurationError, match=r"over 4096.* gives 3\d\d\d bytes"):
            client.post("/auth/login/", body)
        assert client.post("/auth/login/", {**body, "transport": "hybrid"}).status_code == 200
    assert alice.lanyard_sessions.filter(revoked_reason="not_issued").count() == 2
    assert alice.lanyard_sessions.filter(revoked_at=None).count() == 1
