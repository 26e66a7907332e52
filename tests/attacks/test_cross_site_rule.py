"""The rule itself, as a function."""

import pytest

from drf_lanyard.core.errors import CsrfFailed
from drf_lanyard.core.origin import Source, check, is_trusted


@pytest.mark.parametrize(
    ("host", "origin", "own"),
    [
        ("example.com", "https://example.com", True),
        ("example.com:443", "https://example.com", True),
        ("example.com", "https://example.com:443", True),
        ("EXAMPLE.com", "https://example.com", True),
        ("example.com:8443", "https://example.com:8443", True),
        ("example.com:8443", "https://example.com", False),
        ("example.com", "https://example.com:8443", False),
        ("example.com:80", "https://example.com", False),
        ("[::1]:8000", "https://[::1]:8000", True),
        ("[::1]", "https://[::1]", True),
        ("[::1]", "https://[::2]", False),
        ("127.0.0.1:8000", "https://localhost:8000", False),
        ("localhost:8000", "https://localhost:8000", True),
        ("localhost:8000", "https://localhost:80000", False),
        ("localhost:8000", "https://localhost:x", False),
        ("localhost", "https://[localhost", False),
        ("localhost", "https://", False),
        ("localhost", "//localhost", False),
        ("localhost", "localhost", False),
        ("localhost", "null", False),
        ("localhost", "ftp://localhost", False),
        ("localhost", "https://localhost?", False),
        ("localhost", "https://localhost/", False),
        ("localhost", " https://localhost", False),
        ("localhost", "https://localhost\n", False),
    ],
)
def test_whose_page_it_is(host: str, origin: str, own: bool) -> None:
    assert is_trusted(Source(host=host, is_secure=True, origin=origin), ()) is own


def test_http_beside_https() -> None:
    """A page without TLS may be anybody's who is on the line; behind a proxy that tells nothing, nobody can know."""
    assert not is_trusted(Source(host="example.com", is_secure=True, origin="http://example.com"), ())
    for origin in ("http://example.com", "https://example.com"):
        assert is_trusted(Source(host="example.com", origin=origin), ())
        assert not is_trusted(Source(host="example.com", origin=origin, fetch_site="cross-site"), ())
        assert is_trusted(Source(host="example.com", origin=origin, fetch_site="cross-site"), (origin,))


def test_origins_are_listed_letter_by_letter() -> None:
    for origin in ("https://APP.example", "https://app.example.", "https://app.example:443", "https://app.example/"):
        assert not is_trusted(Source(host="api.example", origin=origin), ("https://app.example",))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_safe_methods_with_a_cookie_pass(method: str) -> None:
    check(Source(host="a", origin="https://evil"), (), method=method, by_cookie=True)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "get", "PURGE", ""])
def test_everything_else_is_unsafe(method: str) -> None:
    with pytest.raises(CsrfFailed):
        check(Source(host="a"), (), method=method, by_cookie=True)
    check(Source(host="a"), (), method=method, by_cookie=False)
