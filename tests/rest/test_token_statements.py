"""How many statements an API token costs, and how fast it dies, on real databases and with a real reader."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from drf_lanyard import create_token, revoke_token, revoke_user
from drf_lanyard.core.errors import AuthError
from drf_lanyard.core.opaque import ApiTokens
from drf_lanyard.models import ApiToken
from drf_lanyard.wiring import get_api_tokens, get_lanyard

from .statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)


def code_of(token: str) -> str:
    try:
        get_api_tokens().authenticate(token)
    except AuthError as error:
        return error.code
    return "ok"


def costs(token: str) -> tuple[str, int]:
    """What is said to the token, and how many statements the request's thread needs for it."""
    with recorded(own_thread=True) as seen:
        code = code_of(token)
    return code, len(seen)


@pytest.fixture
def owner() -> Any:
    return get_user_model().objects.create_user("alice", password="wonderland")


def test_one_at_first_sight_then_none(owner: Any) -> None:
    token, _ = create_token(owner, "CI")
    assert [costs(token) for _ in range(4)] == [("ok", 1), ("ok", 0), ("ok", 0), ("ok", 0)]


def test_garbage_costs_none(owner: Any) -> None:
    token, _ = create_token(owner, "CI")
    for garbage in ("lan_", token[:-1] + ("a" if token[-1] != "a" else "b"), token + "a", "x.y.z", ""):
        assert costs(garbage) == ("token_malformed", 0)


def test_a_token_that_nobody_has_costs_one(owner: Any) -> None:
    assert costs(ApiTokens().mint()) == ("token_invalid", 1)


def test_a_raised_epoch_costs_one(owner: Any) -> None:
    token, _ = create_token(owner, "CI")
    costs(token)
    revoke_user(owner, keep_sessions=True)
    assert [costs(token) for _ in range(3)] == [("ok", 1), ("ok", 0), ("ok", 0)]


def test_a_revoked_token_costs_none(owner: Any) -> None:
    token, _ = create_token(owner, "CI")
    costs(token)
    revoke_token(token)
    assert costs(token) == ("token_revoked", 0)


def test_revoking_costs_three(owner: Any) -> None:
    """Lock, delete, log; in one transaction, however many there are."""
    ids = [create_token(owner, "CI")[1] for _ in range(3)]
    with recorded(own_thread=True) as seen:
        assert get_api_tokens().revoke(ids, "test") == 3
    assert [statement.split()[0] for statement in seen] == ["SELECT", "DELETE", "INSERT"]


def test_writing_the_last_use_of_many_costs_one(owner: Any) -> None:
    for _ in range(20):
        costs(create_token(owner, "CI")[0])
    with recorded(own_thread=True) as seen:
        assert get_api_tokens().flush() == 20
    assert [statement.split()[0] for statement in seen] == ["UPDATE"]
    assert not ApiToken.objects.filter(last_used_at=None).exists()


WORKER = """
import json, sys, time, django
django.setup()
from drf_lanyard.core.errors import AuthError
from drf_lanyard.wiring import get_api_tokens
for line in sys.stdin:
    began = time.monotonic()
    try:
        get_api_tokens().authenticate(line.strip())
        code = "ok"
    except AuthError as error:
        code = error.code
    print(json.dumps([began, code]), flush=True)
"""


@pytest.fixture
def worker(database: Any) -> Iterator["subprocess.Popen[str]"]:
    environment = {**database.environment(), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WORKER]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.communicate(timeout=30)


def ask(worker: "subprocess.Popen[str]", token: str) -> tuple[float, str]:
    assert worker.stdin is not None and worker.stdout is not None
    worker.stdin.write(f"{token}\n")
    worker.stdin.flush()
    began, code = json.loads(worker.stdout.readline())
    return began, code


@pytest.mark.parametrize("by_rows", [False, True])
def test_another_process_refuses_it_within_the_lease(
    owner: Any, worker: "subprocess.Popen[str]", by_rows: bool
) -> None:
    token, token_id = create_token(owner, "CI")
    assert ask(worker, token)[1] == "ok"

    if by_rows:
        ApiToken.objects.filter(pk=token_id).delete()
    else:
        revoke_token(token_id)
    committed = time.monotonic()  # the same clock in every process
    while (answer := ask(worker, token))[1] == "ok":
        assert answer[0] < committed + get_lanyard().policy.lease, "accepted after the lease"
        time.sleep(0.01)
    assert answer[1] == "token_revoked"


def test_another_process_sees_an_inactive_user_within_the_lease(owner: Any, worker: "subprocess.Popen[str]") -> None:
    token, _ = create_token(owner, "CI")
    assert ask(worker, token)[1] == "ok"
    owner.is_active = False
    owner.save()
    committed = time.monotonic()
    while (answer := ask(worker, token))[1] == "ok":
        assert answer[0] < committed + get_lanyard().policy.lease, "accepted after the lease"
        time.sleep(0.01)
    assert answer[1] == "user_inactive"
