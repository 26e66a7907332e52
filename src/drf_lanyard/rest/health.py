"""A health view: whether this process knows what is revoked. The project mounts it where its probes look."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from ..core.counts import counts
from ..core.errors import StoreUnavailable
from ..wiring import get_lanyard
from .base import EveryAlias


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200, or 503 `store_unavailable` when requests with a token would get the same. Takes at most `READ_TIMEOUT`.

    It asks for a fresh snapshot as a request does, on the reader's connection: none of the request's own is touched.
    `age` is in seconds since the start of the last good read; `push` is null without one.
    """
    reader = get_lanyard().reader
    counts.other_checks += 1
    try:
        reader.fresh()
    except StoreUnavailable as error:
        return _answer({"status": "unavailable", "detail": error.detail, "code": error.code}, error.retry_after)
    report = reader.report()
    return _answer(
        {
            "status": "ok",
            "age": round(report.age, 3),
            "position": report.position,
            "push": report.push_state or None,
        }
    )


def _answer(body: dict[str, object], retry_after: int | None = None) -> JsonResponse:
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return JsonResponse(body, status=200 if retry_after is None else 503, headers=headers)


health._non_atomic_requests = EveryAlias()  # type: ignore[attr-defined]
