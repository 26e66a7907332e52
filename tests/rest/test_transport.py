"""Reading requests: absent, present, malformed; and who sent them."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings

from drf_lanyard.core.errors import InvalidRequest, TokenMalformed
from drf_lanyard.transport import MAX_DEVICE, MAX_USER_AGENT, address_of, client_of, network_of, read


def request(**meta: str) -> Any:
    return SimpleNamespace(META=meta)


def with_header(value: str) -> Any:
    return request(HTTP_AUTHORIZATION=value)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_has_no_case(scheme: str) -> None:
    credential = read(with_header(f"{scheme} abc.def-_~+/="))
    assert credential is not None
    assert (credential.scheme, credential.token) == ("bearer", "abc.def-_~+/=")
    assert "abc" not in repr(credential)


@pytest.mark.parametrize(
    "value",
    ["", "Basic dXNlcjpwYXNz", "Token abc", "JWT abc", "Bearerx abc", "Bear", "=", "  ", "\t", 'Digest a="b", c=d'],
)
def test_nothing_or_a_foreign_scheme_is_absent(value: str) -> None:
    assert read(with_header(value)) is None
    assert read(request()) is None


@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer ",
        "Bearer  abc",
        "Bearer\tabc",
        "Bearer \tabc",
        "Bearer abc ",
        "Bearer abc def",
        "Bearer abc\n",
        "Bearer a\0c",
        "Bearer\0abc",
        "Bearer ünïcode",
        "Bearer \udcff",
        "Bearer a=b",
        'Bearer "abc"',
        "Bearer " + "a" * 8193,
    ],
)
def test_what_is_not_one_token_is_malformed(value: str) -> None:
    with pytest.raises(TokenMalformed):
        read(with_header(value))


@pytest.mark.parametrize(
    "value",
    [
        "Bearer abc,Bearer def",
        "Bearer abc, Bearer def",
        "Bearer abc,Basic dXNlcjpwYXNz",
        "Bearer abc,",
        "Basic dXNlcjpwYXNz,Bearer abc",
        "Basic dXNlcjpwYXNz,\tbearer abc",
        "Token a,Token b,bearer c",
    ],
)
def test_two_headers_are_an_invalid_request(value: str) -> None:
    with pytest.raises(InvalidRequest):
        read(with_header(value))


def test_a_credential_is_shown_without_its_token() -> None:
    credential = read(with_header("Bearer secret"))
    assert credential is not None
    assert "secret" not in f"{credential!r} {credential} {credential.__rich_repr__()}"


def test_a_scheme_is_ascii() -> None:
    assert read(with_header("to\u212aen abc"), {"token"}) is None  # the sign for Kelvin, a k in lower case


def test_other_schemes_can_be_asked_for() -> None:
    found = read(with_header("JWT abc"), {"jwt"})
    assert found is not None
    assert found.scheme == "jwt"
    assert read(with_header("Bearer abc"), {"jwt"}) is None


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "6.6.6.6", "192.0.2.1"),
        (1, "6.6.6.6", "6.6.6.6"),
        (1, "6.6.6.6, 7.7.7.7", "7.7.7.7"),
        (2, "6.6.6.6, 7.7.7.7", "6.6.6.6"),
        (2, "6.6.6.6, 7.7.7.7,8.8.8.8", "7.7.7.7"),
        (2, "7.7.7.7", "192.0.2.1"),
        (1, None, "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "6.6.6.6, nonsense", "192.0.2.1"),
        (1, "6.6.6.6, ", "192.0.2.1"),
        (1, "::ffff:7.7.7.7", "7.7.7.7"),
        (1, "2001:DB8:0::1", "2001:db8::1"),
    ],
)
def test_the_address_is_counted_from_the_right(proxies: int, forwarded: str | None, expected: str) -> None:
    meta = {"REMOTE_ADDR": "192.0.2.1"} | ({} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded})
    with override_settings(LANYARD={"NUM_PROXIES": proxies}):
        assert address_of(request(**meta)) == expected


def test_a_unix_socket_has_no_address() -> None:
    assert address_of(request()) == address_of(request(REMOTE_ADDR="")) == ""


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
    ],
)
def test_the_network_of_one_client(address: str, network: str) -> None:
    assert network_of(address) == network


def test_the_client_fits_into_a_session() -> None:
    long = request(REMOTE_ADDR="fe80::1%eth0", HTTP_USER_AGENT="a\0b\udcff" + "c" * 1000)
    client = client_of(long, device="d\n" * 500)
    assert client.ip == "fe80::1"
    assert client.user_agent.startswith("a b cc")
    assert len(client.user_agent) == MAX_USER_AGENT
    assert client.device == "d " * (MAX_DEVICE // 2)
