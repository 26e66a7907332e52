"""The cross-site rule: which browser requests may use a cookie, or open or end a session.

Stateless and without CSRF tokens: browsers say by `Origin` (RFC 6454) and `Sec-Fetch-Site` (W3C Fetch Metadata) where a
request comes from, and no page can change either.
"""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from .errors import CsrfFailed

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a request says about the page it comes from. Empty text: the header is absent."""

    #: The `Host` that the request was sent to, validated by the framework, with its port.
    host: str
    #: Whether it came over TLS, as far as the framework knows: a proxy in front may not have told.
    is_secure: bool = False
    origin: str = ""
    fetch_site: str = ""

    @property
    def is_browser(self) -> bool:
        """Only browsers send these headers; they send at least one with every request that could do harm."""
        return bool(self.origin or self.fetch_site)

    @property
    def is_cross_site(self) -> bool:
        """Whether the page is on another site, so that its cookies must be SameSite=None and partitioned."""
        return self.fetch_site == "cross-site"


def is_trusted(source: Source, trusted_origins: Collection[str]) -> bool:
    """Whether the page is one of the own host or is listed.

    `Origin` decides where it is sent; without it only `same-origin` and `none` (typed by the user) pass. A page of the
    same host that the browser nevertheless calls cross-site (http beside https) has to be listed like any other.
    """
    if source.origin in trusted_origins:
        return True
    if source.origin and not _is_own(source):
        return False
    return source.fetch_site in ("", "same-origin", "none")


def check(source: Source, trusted_origins: Collection[str], *, method: str, by_cookie: bool) -> None:
    """Raise `CsrfFailed` for a request that must not be carried out.

    `by_cookie`: a cookie authenticates it; then a request that says nothing of its source is refused as well, since
    every current browser says something. Without a cookie, silence means a client that is not a browser.
    """
    if by_cookie and method in SAFE_METHODS:
        return
    if not source.is_browser and by_cookie:
        raise CsrfFailed("The request says neither its Origin nor its Sec-Fetch-Site.")
    if not is_trusted(source, trusted_origins):
        raise CsrfFailed


def _is_own(source: Source) -> bool:
    """`Origin: null`, and anything that is not scheme://host[:port], is nobody's; so is http when we are on https."""
    origin = source.origin
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme != "https" and (parts.scheme != "http" or source.is_secure):
        return False
    if not parts.hostname or "@" in parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
        return False
    default = 443 if parts.scheme == "https" else 80
    name, _, own_port = source.host.rpartition(":")
    if not own_port.isdigit():
        name, own_port = source.host, ""
    return parts.hostname == name.lower().strip("[]") and (port or default) == int(own_port or default)
