"""What these tests do to sessions and ask about them, over the public functions and the rows."""

from typing import Any
from uuid import UUID

from django.contrib.auth import authenticate, get_user_model
from django.db import connections
from django.db.models import F
from rest_framework.test import APIClient

from drf_lanyard.api import sign_in
from drf_lanyard.core.errors import AuthError
from drf_lanyard.core.model import Client, Denied, Issued
from drf_lanyard.core.revocation import Snapshot
from drf_lanyard.models import Session
from drf_lanyard.stores.orm_log import read_log
from drf_lanyard.wiring import alias, get_lanyard

PASSWORD = "wonderland"
HOUR = 3600.0


def new_user(name: str = "alice", **fields: Any) -> Any:
    return get_user_model()._default_manager.create_user(username=name, password=PASSWORD, **fields)


def log_in(name: str = "alice", password: str = PASSWORD) -> Issued | None:
    """What a sign-in view does: None when it is refused."""
    user = authenticate(None, username=name, password=password)
    if user is None:
        return None
    try:
        return sign_in(None, user)
    except AuthError:
        return None


def refresh(token: str, key: str | None = None) -> Issued | Denied:
    return get_lanyard().refresh(token, client=Client(), idempotency_key=key)


def code(outcome: Issued | Denied) -> str:
    return outcome.error.code if isinstance(outcome, Denied) else "ok"


def pass_time(session_id: UUID, seconds: float = HOUR) -> None:
    """As if the last rotation had been so much earlier by the database's clock."""
    assert Session.objects.filter(pk=session_id).update(rotated_at=F("rotated_at") - seconds) == 1


def refusal(access: str) -> str:
    """What a process that has just started says to an access token: a code, or "ok"."""
    lanyard, snapshot = get_lanyard(), Snapshot()
    snapshot.apply(read_log(connections[alias()], 0))
    verdict = snapshot.verdict(lanyard.access.verify(access, lanyard.clock.time()))
    return "ok" if verdict is None else verdict.code


def assert_lives(issued: Issued) -> None:
    assert code(refresh(issued.refresh)) == "ok"
    assert refusal(issued.access) == "ok"


def assert_dead(*issued: Any) -> None:
    """No credential that was ever handed out works any more, in no process, nor does what it could be exchanged for."""
    for each in issued:
        if each is not None and not isinstance(each, Denied):
            assert refusal(each.access) in {"token_revoked", "token_stale"}
            assert isinstance(refresh(each.refresh), Denied)
            assert isinstance(refresh(each.refresh, "another key"), Denied)


def post(path: str, body: dict[str, str], **headers: str) -> tuple[int, Any]:
    """A request to an endpoint of ours through Django's whole stack, in this thread: status and body."""
    response = APIClient(raise_request_exception=False).post(f"/auth/{path}", body, headers=headers)
    return response.status_code, response.json() if response.content else None
