"""`LanyardAuth`: what an httpx client needs to stay signed in."""

import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from functools import partial
from typing import Any

import httpx
from anyio import to_thread

from .errors import error_code
from .refresher import Refresher, Step
from .server import Account, Server
from .tokens import TokenStore

#: Answers that a refresh cures. Every other 401 means: sign in.
REFRESHABLE = frozenset({"token_expired", "token_stale"})


class LanyardAuth(httpx.Auth):
    """Attaches the access token, refreshes it when needed, repeats a call that came too late, once.

    Usable with `httpx.Client` (from several threads) and `httpx.AsyncClient`; any number of processes may share one
    `TokenFile`. Bodies are read into memory, so that a call can be repeated.

    url: the sign-in endpoints, such as `https://example.com/auth/`.
    store: a `TokenFile`, `MemoryTokens` or your own `TokenStore`.
    origins: further origins that get the access token (`https://api.example.com`). No other host is ever sent it.
    client: what login, refresh and logout are sent with (proxies, certificates); by default a new connection each.
    clock, sleep, on_step: for tests. `clock` counts seconds and never goes back; `on_step` is told of each
    step of a refresh, and may raise to die there.

    A call raises `SignInRequired` when the session turns out to be over, and `Unavailable` or `UnexpectedAnswer` when
    no refresh was possible for now (the tokens are kept). A 401 of any other kind is returned as it came: nothing is
    forgotten, and the application asks its user to sign in. Signed out, calls are sent without a token.
    """

    def __init__(
        self,
        url: str,
        store: TokenStore,
        *,
        origins: Iterable[str] = (),
        client: httpx.Client | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Any] = time.sleep,
        on_step: Callable[[Step], Any] = lambda step: None,
    ) -> None:
        self.url = url.rstrip("/") + "/"
        self._origins = frozenset(_origin(httpx.URL(each)) for each in (self.url, *origins))
        self._refresher = Refresher(Server(self.url, client), store, clock=clock, sleep=sleep, on_step=on_step)

    def __repr__(self) -> str:
        return f"LanyardAuth({self.url!r})"

    @property
    def signed_in(self) -> bool:
        """Whether there are tokens; the server may still have ended their session."""
        return self._refresher.load() is not None

    def login(self, username: str, password: str, *, device: str = "", username_field: str = "username") -> Account:
        """Sign in and keep the tokens; ones of an earlier sign-in are replaced.

        device: a name for the user's list of devices. Raises `SignInRefused`, `Unavailable` or `UnexpectedAnswer`.
        """
        credentials = {username_field: username, "password": password, "transport": "bearer"}
        return self._refresher.login(credentials | ({"device": device} if device else {}))

    def logout(self) -> None:
        """End the session on the server, then forget the tokens. Signed out already: nothing happens.

        Raises `Unavailable` or `UnexpectedAnswer` when the server did not confirm; the tokens are then kept, so that
        it can be tried again. `forget()` drops them regardless.
        """
        self._refresher.logout()

    def forget(self) -> None:
        """Drop the tokens without telling the server."""
        self._refresher.forget()

    def refresh(self) -> None:
        """Refresh now. Raises `SignInRequired`, `Unavailable` or `UnexpectedAnswer`."""
        tokens = self._refresher.load()
        self._refresher.refresh(stale=tokens.access if tokens else "")

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if _origin(request.url) not in self._origins:
            yield request
            return
        request.read()
        access = self._refresher.access()
        response = yield _with_token(request, access)
        if access is None or response.status_code != httpx.codes.UNAUTHORIZED:
            return
        response.read()
        if error_code(response) in REFRESHABLE:
            yield _with_token(request, self._refresher.refresh(stale=access))

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        # The same steps; whatever may wait for a file, a lock or the server waits in a thread.
        if _origin(request.url) not in self._origins:
            yield request
            return
        await request.aread()
        access = await to_thread.run_sync(self._refresher.access)
        response = yield _with_token(request, access)
        if access is None or response.status_code != httpx.codes.UNAUTHORIZED:
            return
        await response.aread()
        if error_code(response) in REFRESHABLE:
            yield _with_token(request, await to_thread.run_sync(partial(self._refresher.refresh, stale=access)))


def _with_token(request: httpx.Request, access: str | None) -> httpx.Request:
    if access is not None:
        request.headers["Authorization"] = f"Bearer {access}"
    return request


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
