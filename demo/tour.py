"""A look around in a few seconds. Every figure that it prints was measured on the spot."""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from demo import PASSWORD

#: Seconds to find every worker, and for every worker to refuse a revoked token.
PATIENCE = 10.0
#: How often to ask once all have refused, to see that none goes back on it.
ASSURANCE = 50


class TourFailed(Exception):
    """The demo does not do what it says; the message says where."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one worker said, and when (seconds, monotonic)."""

    worker: str
    status: int
    code: str
    at: float


def tour(base: str, workers: int) -> None:
    """Print the tour of the demo at `base`. Raises `TourFailed`."""
    with httpx.Client(base_url=base, timeout=10) as http, ThreadPoolExecutor(2 * workers) as pool:
        print(f"drf-lanyard: {workers} worker processes, one SQLite file, no Redis\n")
        phone, laptop = sign_in(http, "phone"), sign_in(http, "laptop")
        print(f"1  alice signs in on a phone and on a laptop; her token says roles={phone['claims']['roles']}")
        show_queries(http, bearer(phone))
        show_devices(http, bearer(laptop))
        show_revocation(http, pool, workers, phone, laptop)
        show_refresh(http, phone)
        expect(http.post("/auth/logout/", json={"refresh": laptop["refresh"]}), 204)
    print(COMMANDS.format(base=base, password=PASSWORD, python=os.path.relpath(sys.executable)))


def show_queries(http: httpx.Client, phone: dict[str, str]) -> None:
    without = expect(http.get("/api/posts/"), 200).headers["X-Queries"]
    signed = expect(http.get("/api/posts/", headers=phone), 200).headers["X-Queries"]
    print(f"2  GET /api/posts/   without a token: {without} database queries; with her token: {signed}")
    posted = expect(http.post("/api/posts/", headers=phone, json={"text": "Hello from the tour"}), 201)
    print(f"   POST /api/posts/  201, queries: {posted.headers['X-Queries']} (the INSERT)")
    denied = expect(http.get("/api/moderation/", headers=phone), 403)
    print(f"   GET /api/moderation/  403, not staff, says the token; queries: {denied.headers['X-Queries']}")
    print("   (beside these, each busy worker reads one small index about twice a second)")
    expect(http.delete(f"/api/posts/{posted.json()['id']}/", headers=phone), 204)


def show_devices(http: httpx.Client, laptop: dict[str, str]) -> None:
    devices = expect(http.get("/auth/sessions/", headers=laptop), 200).json()
    print(f"3  GET /auth/sessions/  alice's devices: {', '.join(device['device'] or '?' for device in devices)}")


def show_revocation(
    http: httpx.Client, pool: ThreadPoolExecutor, workers: int, phone: dict[str, Any], laptop: dict[str, Any]
) -> None:
    def ask(_: object = None) -> Answer:
        response = http.get("/api/posts/", headers=bearer(phone))
        code = "" if response.is_success else str(response.json().get("code"))
        return Answer(response.headers.get("X-Worker", "?"), response.status_code, code, time.monotonic())

    accepted = first_answers(pool, workers, ask, lambda answer: answer.status == 200)
    print(f"4  The phone's token is accepted by workers {', '.join(accepted)}")
    expect(http.delete(f"/auth/sessions/{phone['session']}/", headers=bearer(laptop)), 204)
    revoked = time.monotonic()
    print("   DELETE /auth/sessions/{id}/  the laptop ends the phone's session. From then on:")
    refused = first_answers(pool, workers, ask, lambda answer: answer.code == "token_revoked")
    for worker, answer in refused.items():
        print(f"   worker {worker} refuses the token after {(answer.at - revoked) * 1000:.0f} ms: 401 {answer.code}")
    again = [answer for answer in pool.map(ask, range(ASSURANCE)) if answer.code != "token_revoked"]
    if again:
        raise TourFailed(f"A revoked token was answered with {again[0].status} {again[0].code}.")
    print(f"   {ASSURANCE} more requests: all refused")


def show_refresh(http: httpx.Client, phone: dict[str, Any]) -> None:
    dead = expect(http.post("/auth/refresh/", json={"refresh": phone["refresh"]}), 401)
    print(f"5  The phone's refresh token: 401 {dead.json()['code']}")


def first_answers(
    pool: ThreadPoolExecutor, workers: int, ask: Callable[[object], Answer], wanted: Callable[[Answer], bool]
) -> dict[str, Answer]:
    """Ask until every worker has given the wanted answer; the first of each, by worker."""
    found: dict[str, Answer] = {}
    deadline = time.monotonic() + PATIENCE
    while len(found) < workers:
        answers = sorted(pool.map(ask, range(2 * workers)), key=lambda answer: answer.at)
        for answer in filter(wanted, answers):
            found.setdefault(answer.worker, answer)
        if time.monotonic() > deadline:
            raise TourFailed(f"After {PATIENCE:.0f} s only {len(found)} of {workers} workers answered as they should.")
    return dict(sorted(found.items()))


def sign_in(http: httpx.Client, device: str) -> dict[str, Any]:
    body = {"username": "alice", "password": PASSWORD, "device": device}
    answer: dict[str, Any] = expect(http.post("/auth/login/", json=body), 200).json()
    return answer


def bearer(credentials: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {credentials['access']}"}


def expect(response: httpx.Response, status: int) -> httpx.Response:
    if response.status_code != status:
        request = f"{response.request.method} {response.request.url.path}"
        raise TourFailed(f"{request}: HTTP {response.status_code} instead of {status}: {response.text[:300]}")
    return response


COMMANDS = """
Try it yourself (alice, bob and admin; password {password}):
  curl -s {base}/auth/login/ -H "Content-Type: application/json" \\
    -d '{{"username": "alice", "password": "{password}"}}'
  ACCESS=...  # "access" of the answer; "session" is the ID of the sign-in
  curl -i {base}/api/posts/ -H "Authorization: Bearer $ACCESS" -d "text=Hello"
  curl -s {base}/auth/sessions/ -H "Authorization: Bearer $ACCESS"
  curl -i -X DELETE {base}/auth/sessions/$ID/ -H "Authorization: Bearer $ACCESS"
  {python} -m demo.mobile --server {base} login alice"""
