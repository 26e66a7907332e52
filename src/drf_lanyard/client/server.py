"""The sign-in endpoints as calls: one request each, no store, no retry."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from .errors import SignInRefused, SignInRequired, Unavailable, UnexpectedAnswer, error_code, error_detail

#: Seconds for each part of a call (connecting, sending, waiting for the answer).
TIMEOUT = 10.0
#: The longest Retry-After, in seconds, that is believed.
MAX_RETRY_AFTER = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who signed in: the session's id, the user and the claims, as the server describes them."""

    session: str
    user: dict[str, Any]
    claims: dict[str, Any]


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What login and refresh answer. `expires_in` is in seconds from now on."""

    access: str
    refresh: str
    expires_in: float
    session: str
    user: dict[str, Any] = msgspec.field(default_factory=dict)
    claims: dict[str, Any] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Grant(session={self.session!r})"


@dataclass(frozen=True, slots=True)
class Server:
    """Where to sign in. `url` ends with a slash; without a `client`, each call uses a connection of its own."""

    url: str
    client: httpx.Client | None = field(default=None, repr=False)

    def login(self, credentials: Mapping[str, str]) -> Grant:
        """Sign in. Raises `SignInRefused`, `Unavailable` or `UnexpectedAnswer`."""
        response = self._post("login/", dict(credentials))
        if response.status_code in {400, 401, 403} and (code := error_code(response)):
            raise SignInRefused(error_detail(response), code)
        return _granted(response)

    def refresh(self, token: str, idempotency_key: str) -> Grant:
        """Exchange a refresh token. Raises `SignInRequired`, `Unavailable` or `UnexpectedAnswer`.

        A 401 without a code comes from something in between (a gateway's own login), and ends no session.
        """
        response = self._post("refresh/", {"refresh": token}, {"Idempotency-Key": idempotency_key})
        if response.status_code == httpx.codes.UNAUTHORIZED and (code := error_code(response)):
            raise SignInRequired(error_detail(response), code)
        return _granted(response)

    def logout(self, token: str) -> None:
        """End the session. One that is dead already is fine. Raises `Unavailable` or `UnexpectedAnswer`."""
        response = self._post("logout/", {"refresh": token})
        if response.is_success or (response.status_code == httpx.codes.UNAUTHORIZED and error_code(response)):
            return
        raise _unexpected(response)

    def _post(self, path: str, body: dict[str, str], headers: Mapping[str, str] | None = None) -> httpx.Response:
        request: Callable[..., httpx.Response] = self.client.request if self.client else httpx.request
        options: dict[str, Any] = {"auth": None, "follow_redirects": False, "timeout": TIMEOUT}
        try:
            response = request("POST", self.url + path, json=body, headers=dict(headers or {}), **options)
        except httpx.RequestError as error:
            failure = f"{type(error).__name__}: {error}".rstrip(": ")
        else:
            if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
                raise Unavailable(error_detail(response), _retry_after(response))
            return response
        # Not inside the handler: httpx's exception holds the request, and the request holds the token or password.
        raise Unavailable(f"No answer from {self.url} ({failure})")


def _granted(response: httpx.Response) -> Grant:
    if response.status_code == httpx.codes.OK:
        try:
            return msgspec.json.decode(response.content, type=Grant)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # a page that says 200, as captive portals do
    raise _unexpected(response)


def _unexpected(response: httpx.Response) -> UnexpectedAnswer:
    return UnexpectedAnswer(f"Unexpected answer from {response.url}: {error_detail(response)}", response.status_code)


def _retry_after(response: httpx.Response) -> float | None:
    """Retry-After in seconds (RFC 9110 section 10.2.3). Its other form, a date, would need a clock that is right."""
    value = response.headers.get("Retry-After", "").strip()
    if not (value.isascii() and value.isdigit()):
        return None
    return min(float(value[:9]), MAX_RETRY_AFTER)
