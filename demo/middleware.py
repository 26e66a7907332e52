"""Headers that let you look inside: which process answered, how many database queries that took, which cookies went.

For a demo only: the page draws what scripts cannot see. None of them holds a value of a cookie.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from http.cookies import Morsel
from typing import Any

from django.db import connections
from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]


def worker(get_response: GetResponse) -> GetResponse:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["X-Worker"] = str(os.getpid())
        return response

    return middleware


def queries(get_response: GetResponse) -> GetResponse:
    """Count the statements on the connections of this request. The small read that all requests share is not one."""

    def middleware(request: HttpRequest) -> HttpResponse:
        count = 0

        def counting(execute: Callable[..., Any], *args: Any) -> Any:
            nonlocal count
            count += 1
            return execute(*args)

        with ExitStack() as stack:
            for connection in connections.all():
                stack.enter_context(connection.execute_wrapper(counting))
            response = get_response(request)
        response["X-Queries"] = str(count)
        return response

    return middleware


def cookies(get_response: GetResponse) -> GetResponse:
    """The names of the cookies that came, and those that go out with what protects them."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["X-Cookies-Seen"] = ", ".join(sorted(request.COOKIES))
        response["X-Cookies-Set"] = ", ".join(_described(morsel) for _, morsel in sorted(response.cookies.items()))
        return response

    return middleware


def _described(morsel: "Morsel[str]") -> str:
    """`lanyard-refresh HttpOnly SameSite=Lax`, or `lanyard-refresh deleted`."""
    if str(morsel["max-age"]) == "0":
        return f"{morsel.key} deleted"
    flags = [name for name in ("HttpOnly", "Secure", "Partitioned") if morsel.get(name.lower())]
    return " ".join([morsel.key, *flags, f"SameSite={morsel['samesite'] or 'unset'}"])
