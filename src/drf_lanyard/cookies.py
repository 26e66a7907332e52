"""Our two cookies: `__Host-<name>-access` and `__Host-<name>-refresh`, written and read without Django's help.

Django's `request.COOKIES` strips exotic white space and lets the last duplicate win, so that a sibling subdomain could
toss a cookie of a protected name; `http.cookies` of Python 3.11 cannot write `Partitioned`.

The prefix `__Host-` (RFC 6265bis section 4.1.3.2) makes browsers refuse the cookie from anything but this host over
TLS. In development over http (DEBUG) the names have no prefix, since Safari keeps no Secure cookie there.
"""

from http.cookies import Morsel
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from django.conf import settings as django_settings

from .browser import source_of
from .conf import get_settings
from .core.errors import ConfigurationError, InvalidRequest

Kind = Literal["access", "refresh"]
KINDS: tuple[Kind, ...] = ("access", "refresh")
#: Bytes of name, value and attributes that every browser keeps (RFC 6265 section 6.1); a larger cookie vanishes.
MAX_COOKIE = 4096
_FORGOTTEN = "Thu, 01 Jan 1970 00:00:00 GMT"

if TYPE_CHECKING:
    _Base = Morsel[str]
else:
    _Base = Morsel


class PartitionedMorsel(_Base):
    """A cookie that may have the attribute `Partitioned`, on every Python; response handlers write it as any other."""

    _reserved = {**Morsel._reserved, "partitioned": "Partitioned"}  # type: ignore[attr-defined]
    _reserved_defaults = MappingProxyType(dict.fromkeys(_reserved, ""))  # Python 3.13 starts from these
    _flags = {*Morsel._flags, "partitioned"}  # type: ignore[attr-defined]


def read(request: Any, kind: Kind) -> str | None:
    """The token in the cookie, or None. Raises `InvalidRequest` if the cookie comes twice.

    Prefixed names count over TLS only, the others only in development without it.
    """
    if not request.META.get("HTTP_COOKIE"):
        return None
    name = f"{get_settings().cookie.name}-{kind}"  # may fail, and then no frame is to hold what the client sent
    header: str = request.META["HTTP_COOKIE"]
    if name not in header:
        return None
    if request.is_secure():
        name = f"__Host-{name}"
    elif not django_settings.DEBUG:
        return None
    before, found, after = header.partition(f"{name}=")
    if found and (not before or before.endswith("; ")) and name not in before and name not in after:
        values = [after.partition(";")[0]]  # nearly always; `_values` would find the same
    else:
        values = _values(header, name)
    if not values:
        return None
    # A comma is in no token of ours: somebody joined two Cookie headers with it.
    if len(values) > 1 or "," in values[0]:
        raise InvalidRequest(f"The cookie {name} is there more than once.")
    return values[0] or None


def read_leniently(request: Any, kind: Kind) -> str | None:
    """`read`, where a doubtful cookie is as good as none."""
    try:
        return read(request, kind)
    except InvalidRequest:
        return None


def write(response: Any, request: Any, kind: Kind, token: str, max_age: int) -> None:
    """Set a cookie for `max_age` seconds. Raises ConfigurationError if browsers would drop it for its size."""
    morsel = _morsel(request, kind, token)
    morsel["max-age"] = str(max_age)
    size = len(morsel.OutputString())
    if size > MAX_COOKIE:
        raise ConfigurationError(
            f"The cookie {morsel.key} would have {size} bytes; browsers drop it over {MAX_COOKIE}."
        )
    response.cookies[morsel.key] = morsel


def clear(response: Any, request: Any, kind: Kind) -> None:
    """Let the browser forget a cookie; the attributes are those that it was set with."""
    morsel = _morsel(request, kind, "")
    morsel["max-age"], morsel["expires"] = "0", _FORGOTTEN
    response.cookies[morsel.key] = morsel


def _values(header: str, name: str) -> list[str]:
    """The values of a cookie as RFC 6265 section 4.2.1 writes them: only "; " is between them, nothing is stripped."""
    values = []
    for piece in f" {header}".split(";"):
        given, _, value = piece.removeprefix(" ").partition("=")
        if given == name:
            values.append(value)
    return values


def _name(request: Any, kind: Kind) -> str:
    return _bare_name(kind) if _is_development(request) else f"__Host-{_bare_name(kind)}"


def _bare_name(kind: Kind) -> str:
    return f"{get_settings().cookie.name}-{kind}"


def _is_development(request: Any) -> bool:
    return django_settings.DEBUG and not request.is_secure()


def _morsel(request: Any, kind: Kind, value: str) -> "Morsel[str]":
    """SameSite=Lax; for a page on another site, None, which browsers keep only Secure and send only Partitioned."""
    cross_site = source_of(request).is_cross_site
    morsel = PartitionedMorsel()
    morsel.set(_name(request, kind), value, value)
    morsel["path"] = "/"
    morsel["httponly"] = True
    morsel["samesite"] = "None" if cross_site else "Lax"
    if cross_site or not _is_development(request):
        morsel["secure"] = True
    if cross_site:
        morsel["partitioned"] = True
    return morsel
