"""A browser, as far as a server can tell one, through Django's WSGI or ASGI handler."""

from typing import Any

from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

PASSWORD = "wonderland"
HOST = "https://testserver"
OWN_PAGE = {"origin": HOST, "sec-fetch-site": "same-origin"}
ACCESS, REFRESH = "__Host-lanyard-access", "__Host-lanyard-refresh"


class RawAsyncClient(AsyncClient):
    """Sends further headers as they are, also a second one of a name."""

    raw: tuple[tuple[bytes, bytes], ...] = ()

    def _base_scope(self, **request: Any) -> Any:
        scope = super()._base_scope(**request)  # type: ignore[misc]
        headers = [header for header in scope["headers"] if header != (b"cookie", b"")]
        if sum(name == b"host" for name, _ in headers) > 1:  # it sends its own beside the one that is asked for
            headers.remove((b"host", b"testserver"))
        scope["headers"] = [*headers, *self.raw]
        return scope


class Browser:
    """Keeps cookies, and says where its page comes from with everything that it sends."""

    def __init__(self, stack: str = "wsgi", page: dict[str, str] | None = None, *, secure: bool = True) -> None:
        self.stack = stack
        self.page = OWN_PAGE if page is None else page
        self.secure = secure
        self.client: Any = Client(enforce_csrf_checks=True) if stack == "wsgi" else RawAsyncClient(True)

    def send(self, method: str, path: str, data: Any = None, **headers: str | None) -> Any:
        """`headers` are added to those of the page; None takes one away."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content_type = named.pop("content-type", None) or "application/json"
        sent = {name: value for name, value in {**self.page, **named}.items() if value is not None}
        options: dict[str, Any] = {"headers": sent, "secure": self.secure}
        if method != "get":
            options |= {"content_type": content_type, "data": {} if data is None else data}
        call = getattr(self.client, method)
        if self.stack == "asgi":
            call = async_to_sync(call)
        return call(path, **options)

    def get(self, path: str, **headers: str | None) -> Any:
        return self.send("get", path, **headers)

    def post(self, path: str, data: Any = None, **headers: str | None) -> Any:
        return self.send("post", path, data, **headers)

    def delete(self, path: str, **headers: str | None) -> Any:
        return self.send("delete", path, **headers)

    def sign_in(self, transport: str | None = None, username: str = "alice") -> dict[str, Any]:
        body = {"username": username, "password": PASSWORD}
        answer = self.post("/auth/login/", body if transport is None else {**body, "transport": transport})
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()
        return found

    def csrf(self) -> dict[str, str | None]:
        """What a script adds to a request that a Django session authenticates."""
        return {"x_csrftoken": self.client.cookies["csrftoken"].value}

    def holds(self, name: str) -> str:
        """The value of a cookie; "" if there is none, or a cleared one."""
        morsel = self.client.cookies.get(name)
        return "" if morsel is None else morsel.value


def script(stack: str = "wsgi") -> Browser:
    """A client that is no browser: it says nothing about a page."""
    return Browser(stack, {})


def code(answer: Any) -> tuple[int, str]:
    body = answer.json() if answer.content else {}
    return answer.status_code, body.get("code", "")
