"""The rows of the matrix: how each method on each transport is opened, shown, and made to end."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session as Stored
from django.utils import timezone

from drf_lanyard import revoke_session, wiring
from drf_lanyard.models import ApiToken, Session
from drf_lanyard.wiring import get_api_tokens, get_lanyard

from .kit import ACCESS, PASSWORD, script

Headers = dict[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A credential in use."""

    headers: Headers
    #: Lets its time pass.
    expire: Callable[[], None] | None = None
    revoke: Callable[[], object] | None = None
    #: What a request that changes something needs besides.
    unsafe: Headers | None = None
    by_cookie: bool = False

    def call(self, method: str = "get", **more: str | None) -> int:
        """The status of a protected view, for a client without a memory. It says no more of itself than it is told."""
        status: int = script().send(method, "/protected/", **{**self.headers, **more}).status_code
        return status


def jwt(transport: str) -> Shown:
    """An access token, in the header or in the cookie. After its time: the same session's, an hour old."""
    browser = script()
    body = browser.sign_in(transport)
    session = Session.objects.get(pk=body["session"])
    token = body.get("access") or browser.holds(ACCESS)
    headers: Headers = {}

    def show(text: str) -> None:
        headers.update({"cookie": f"{ACCESS}={text}"} if transport == "cookie" else {"authorization": f"Bearer {text}"})

    def expire() -> None:
        lanyard = get_lanyard()
        past = lanyard.clock.time() - 3600
        show(lanyard.access.mint(subject=str(session.user_id), session_id=session.pk, epoch=0, now=past))

    show(token)
    origin: Headers = {"origin": "https://testserver"}
    return Shown(
        headers=headers,
        expire=expire,
        revoke=lambda: revoke_session(session),
        unsafe=origin if transport == "cookie" else None,
        by_cookie=transport == "cookie",
    )


def django_session(user: Any) -> Shown:
    browser = script()
    session = browser.sign_in("session")["session"]
    csrf = browser.holds("csrftoken")

    def expire() -> None:
        Stored.objects.update(expire_date=timezone.now() - timedelta(seconds=1))

    return Shown(
        headers={"cookie": f"sessionid={browser.holds('sessionid')}; csrftoken={csrf}"},
        expire=expire,
        revoke=lambda: revoke_session(session),
        unsafe={"x_csrftoken": csrf, "origin": "https://testserver"},
        by_cookie=True,
    )


def api_token(write: Callable[[str], str]) -> Callable[[Any], Shown]:
    def shown(user: Any) -> Shown:
        token, token_id = get_api_tokens().create(user.pk, "script")

        def expire() -> None:
            ApiToken.objects.update(expires_at=1.0)
            wiring.reset()  # as when what a process remembers of it has been forgotten

        return Shown(
            headers={"authorization": write(token)},
            expire=expire,
            revoke=lambda: get_api_tokens().revoke([token_id], "revoked"),
        )

    return shown


def basic(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


#: Method and transport, what opens it, statements per request once it is known, and whether it outlives the password.
ROWS: dict[str, tuple[Callable[[Any], Shown], int, bool]] = {
    "access token, header (bearer)": (lambda user: jwt("bearer"), 0, False),
    "access token, header (hybrid)": (lambda user: jwt("hybrid"), 0, False),
    "access token, cookie (cookie)": (lambda user: jwt("cookie"), 0, False),
    "Django session (session)": (django_session, 2, False),
    "API token, Token": (api_token(lambda token: f"Token {token}"), 0, True),
    "API token, Bearer": (api_token(lambda token: f"Bearer {token}"), 0, True),
    "API token, Basic without a name": (api_token(lambda token: basic("", token)), 0, True),
    "API token, Basic with the name": (api_token(lambda token: basic("alice", token)), 1, True),
    "password, Basic": (lambda user: Shown(headers={"authorization": basic("alice", PASSWORD)}), 1, False),
}
