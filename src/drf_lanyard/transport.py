"""From a request to the credential it carries, and to what is known of the client that sent it.

Reading has three outcomes: absent, present, malformed. An Authorization header (RFC 9110 section 11.6.2) decides alone.
"""

import ipaddress
import re
from collections.abc import Collection
from typing import Protocol

import msgspec

from .conf import get_settings
from .core.access import MAX_TOKEN_LENGTH
from .core.errors import InvalidRequest, TokenMalformed
from .core.model import Client

BEARER = frozenset({"bearer"})

#: Characters that the columns of a session hold.
MAX_USER_AGENT = 300
MAX_DEVICE = 200

_SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token of RFC 9110 section 5.6.2
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")
_TWICE = "There is more than one Authorization header."
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class HasMeta(Protocol):
    """A request of Django or of REST framework."""

    @property
    def META(self) -> dict[str, str]: ...


class Credential(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A credential as it was presented; nothing about it has been verified."""

    #: The scheme of the Authorization header in lower case.
    scheme: str
    token: str

    def __repr__(self) -> str:
        return f"Credential(scheme={self.scheme!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        """Without the token: rich shows local variables in tracebacks."""
        return [("scheme", self.scheme)]


def has_header(request: HasMeta) -> bool:
    """Whether there is an Authorization header, of whatever scheme: then no cookie is read (some clients send both)."""
    return bool(request.META.get("HTTP_AUTHORIZATION"))


def read(request: HasMeta, schemes: Collection[str] = BEARER) -> Credential | None:
    """The credential of one of `schemes` (lower case), or None when there is none or it is of a foreign scheme.

    Raises `InvalidRequest` for two Authorization headers and `TokenMalformed` for one that is not exactly a scheme,
    one space, and a token68 (RFC 6750 section 2.1).
    """
    header = request.META.get("HTTP_AUTHORIZATION")
    if not header:
        return None
    name, _, token = header.partition(" ")
    scheme = name.lower()
    if scheme not in schemes or not name.isascii():
        _refuse_malformed(header, schemes)
        return None
    _check_token68(token)
    return Credential(scheme=scheme, token=token)


def _check_token68(token: str) -> None:
    if "," in token:  # never part of one: servers join two headers with a comma (RFC 9110 section 5.3)
        raise InvalidRequest(_TWICE)
    if len(token) > MAX_TOKEN_LENGTH or not _TOKEN68.match(token):
        raise TokenMalformed


def _refuse_malformed(header: str, schemes: Collection[str]) -> None:
    """Raises unless what comes first is of a foreign scheme, and nothing of ours follows."""
    match = _SCHEME.match(header)
    if match is not None and match[0].lower() in schemes:  # and then no space
        raise InvalidRequest(_TWICE) if "," in header else TokenMalformed
    # A foreign scheme may contain commas, but not one of our schemes after a comma.
    for part in header.split(",")[1:]:
        match = _SCHEME.match(part.lstrip(" \t"))
        if match is not None and match[0].lower() in schemes and match.end() < len(part.lstrip(" \t")):
            raise InvalidRequest(_TWICE)


def is_presented(request: HasMeta, schemes: Collection[str] = BEARER) -> bool:
    """Whether a credential of ours was sent, be it well-formed or not."""
    try:
        return read(request, schemes) is not None
    except (InvalidRequest, TokenMalformed):
        return True


def client_of(request: HasMeta, device: str = "") -> Client:
    """The address, user agent and device, cut to what a session stores and without control characters."""
    return Client(
        ip=address_of(request),
        user_agent=clean(request.META.get("HTTP_USER_AGENT", ""), MAX_USER_AGENT),
        device=clean(device, MAX_DEVICE),
    )


def clean(text: str, length: int) -> str:
    """At most `length` characters, and none that cannot be printed or stored."""
    return _UNPRINTABLE.sub(" ", text[:length])


def address_of(request: HasMeta) -> str:
    """The client's address: REMOTE_ADDR, or what the outermost of NUM_PROXIES own proxies saw; "" if there is none.

    X-Forwarded-For is counted from the right, since everything further left is the client's to invent.
    """
    remote = _address(request.META.get("REMOTE_ADDR", ""))
    proxies = get_settings().num_proxies
    if proxies == 0:
        return remote
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    return (_address(forwarded[-proxies]) if len(forwarded) >= proxies else "") or remote


def _address(text: str) -> str:
    """Canonical text of an address (RFC 5952), of an IPv4 one also when it is mapped into IPv6; "" if it is none."""
    try:
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def network_of(address: str) -> str:
    """What one client has to itself: an IPv4 address, or the /64 of an IPv6 one (RFC 4291 section 2.5.1)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
