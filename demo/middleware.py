"""Two headers that let you look inside: which process answered, and how many database queries that took."""

import os
from collections.abc import Callable
from contextlib import ExitStack
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
