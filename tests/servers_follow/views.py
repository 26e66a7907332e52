"""Views that show what goes on in a worker process."""

import os
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import sync_and_async_middleware

from drf_lanyard.core.errors import AuthError
from drf_lanyard.core.reader import Reader
from drf_lanyard.wiring import get_lanyard

from . import waits

GetResponse = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def worker(get_response: GetResponse) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    """A header with the process that answered."""
    if iscoroutinefunction(get_response):

        async def awaiting(request: HttpRequest) -> HttpResponse:
            return marked(await get_response(request))

        return awaiting
    return lambda request: marked(get_response(request))


def marked(response: HttpResponse) -> HttpResponse:
    response["X-Worker"] = str(os.getpid())
    return response


def inside(request: HttpRequest) -> JsonResponse:
    """What our threads have waited, and whether push is connected and has brought anything."""
    reader = get_lanyard().reader
    assert isinstance(reader, Reader)
    push = reader.push
    return JsonResponse(
        {
            "waits": waits.noted(),
            "connected": push is not None and push.connected,
            "received": 0 if push is None else push.received,
        }
    )


async def alive(request: HttpRequest) -> HttpResponse:
    """Asks nobody anything, so it answers as long as the event loop turns."""
    return HttpResponse("alive")


def still(request: HttpRequest) -> HttpResponse:
    """The same under WSGI. (With gevent, two greenlets cannot run an async view at once: they share a thread.)"""
    return HttpResponse("alive")


async def whoami(request: HttpRequest) -> JsonResponse:
    """Authenticates on the event loop."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        principal = await get_lanyard().aauthenticate(token)
    except AuthError as error:
        return JsonResponse({"code": error.code}, status=503 if error.code == "store_unavailable" else 401)
    return JsonResponse({"user": principal.user_id})
