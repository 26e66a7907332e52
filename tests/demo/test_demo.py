"""The demo as a newcomer meets it: real processes, real requests."""

import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from .conftest import PATIENCE, Demo

WORKERS = 2


def test_the_tour_shows_every_worker_refusing(demo, base):
    text = "\n".join(demo.lines)
    refusals = re.findall(r"worker (\d+) refuses the token after (\d+) ms: 401 token_revoked", text)
    assert len({pid for pid, _ in refusals}) == WORKERS
    assert "The phone's refresh token: 401 token_revoked" in text
    assert re.search(r"without a token: (\d+) database queries; with her token: \1\n", text)
    assert f"curl -s {base}/auth/login/" in text
    assert len(demo.lines) < 30


def test_a_session_ended_elsewhere_is_refused_by_every_worker(http, sign_in):
    phone, laptop = sign_in("alice", "phone"), sign_in("alice", "laptop")
    created = http.post("/api/posts/", json={"text": "Down the rabbit-hole"}, headers=phone["header"])
    assert created.status_code == 201
    assert created.headers["X-Queries"] == "1"
    devices = http.get("/auth/sessions/", headers=laptop["header"])
    assert {phone["session"], laptop["session"]} <= {device["id"] for device in devices.json()}
    assert http.delete(f"/auth/sessions/{phone['session']}/", headers=laptop["header"]).status_code == 204

    refused_by: set[str] = set()
    deadline = time.monotonic() + PATIENCE
    with ThreadPoolExecutor(4) as pool:

        def ask(_):
            return http.get("/api/posts/", headers=phone["header"])

        while len(refused_by) < WORKERS and time.monotonic() < deadline:
            refused_by |= {each.headers["X-Worker"] for each in pool.map(ask, range(4)) if each.status_code == 401}
        answers = list(pool.map(ask, range(50)))
    assert len(refused_by) == WORKERS
    assert {(each.status_code, each.json()["code"]) for each in answers} == {(401, "token_revoked")}
    dead = http.post("/auth/refresh/", json={"refresh": phone["refresh"]})
    assert (dead.status_code, dead.json()["code"]) == (401, "token_revoked")
    assert http.get("/auth/me/", headers=laptop["header"]).status_code == 200


def test_authors_and_staff_delete(http, sign_in):
    alice, bob, admin = sign_in("alice"), sign_in("bob"), sign_in("admin")
    assert (alice["claims"], admin["claims"]) == ({"roles": ["author"]}, {"roles": ["staff"]})

    def post():
        return http.post("/api/posts/", json={"text": "mine"}, headers=alice["header"]).json()["id"]

    first, second = post(), post()
    assert http.delete(f"/api/posts/{first}/").status_code == 401
    assert http.delete(f"/api/posts/{first}/", headers=bob["header"]).status_code == 403
    assert http.delete(f"/api/posts/{first}/", headers=alice["header"]).status_code == 204
    assert http.delete(f"/api/posts/{second}/", headers=admin["header"]).status_code == 204
    assert http.delete(f"/api/posts/{second}/", headers=admin["header"]).status_code == 404


def test_the_moderation_list_is_for_staff_by_the_claim_alone(http, sign_in):
    assert http.get("/api/moderation/").status_code == 401
    refused = http.get("/api/moderation/", headers=sign_in("alice")["header"])
    assert (refused.status_code, refused.headers["X-Queries"]) == (403, "0")
    allowed = http.get("/api/moderation/", headers=sign_in("admin")["header"])
    public = http.get("/api/posts/")
    assert allowed.json()["count"] == public.json()["count"]
    assert allowed.headers["X-Queries"] == public.headers["X-Queries"]


def test_anyone_reads_and_only_the_signed_in_write(http, sign_in):
    listed = http.get("/api/posts/").json()
    assert {"alice", "bob"} <= {post["author_name"] for post in listed["results"]}
    refused = http.post("/api/posts/", json={"text": "hello"})
    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
    header = sign_in("bob")["header"]
    for text in ["", "   ", "x" * 501, None]:
        invalid = http.post("/api/posts/", json={"text": text}, headers=header)
        assert invalid.status_code == 400
        assert invalid.json()["code"] == "invalid_request"
        assert list(invalid.json()["errors"]) == ["text"]


def test_the_command_line_client(demo, base, tmp_path):
    phone, laptop = tmp_path / "phone" / "tokens.json", tmp_path / "laptop.json"

    def run(file, *command, ok=True):
        done = demo.mobile(base, file, *command)
        assert done.returncode == (0 if ok else 1), done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if ok else done.stderr

    assert "Sign in again: `login NAME`" in run(phone, "whoami", ok=False)
    assert run(phone, "login", "alice") == "Signed in as alice, roles: author.\n"
    assert phone.stat().st_mode & 0o077 == 0
    assert run(phone, "whoami") == "alice, roles: author.\n"
    assert run(phone, "post", "From the command line").startswith("Posted as number ")
    assert "text: " in run(phone, "post", "x" * 501, ok=False)
    assert "alice: From the command line" in run(phone, "list")

    run(laptop, "login", "alice")
    [here] = [line.split()[1] for line in run(phone, "devices").splitlines() if line.startswith("*")]
    assert run(laptop, "revoke", here) == "Signed out there.\n"
    deadline = time.monotonic() + PATIENCE
    while (last := demo.mobile(base, phone, "whoami")).returncode == 0 and time.monotonic() < deadline:
        pass
    assert "You are signed out (token_revoked)" in last.stderr
    assert "HTTP 404" in run(laptop, "revoke", here, ok=False)
    assert run(laptop, "logout") == "Signed out.\n"
    assert not laptop.exists()
    assert "roles" not in run(laptop, "whoami", ok=False)


def test_the_command_line_client_without_a_network(demo, base, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
    done = demo.mobile(nowhere, tmp_path / "tokens.json", "list")
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr and "stay signed in" in done.stderr


def test_a_wrong_password_is_told(demo, base, tmp_path, monkeypatch):
    monkeypatch.setitem(demo.env, "DEMO_PASSWORD", "wrong")
    done = demo.mobile(base, tmp_path / "tokens.json", "login", "bob")
    assert done.returncode == 1
    assert "No active account" in done.stderr
    assert "wrong" not in done.stderr


def test_a_taken_port_is_a_clear_message(demo, base, tmp_path):
    port = base.rsplit(":", 1)[1]
    second = Demo(tmp_path, "--port", port)
    assert f"Port {port} cannot be used" in second.until("Port ")
    assert second.process.wait(PATIENCE) == 1
    second.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_and_starts_again_on_the_same_data(tmp_path, number):
    ids = []
    for _ in range(2):
        demo = Demo(tmp_path / "var")
        base = demo.wait_until_serving()
        ids.append([post["id"] for post in httpx.get(f"{base}/api/posts/").json()["results"]])
        assert demo.stop(number) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(base)
    assert ids[0] == ids[1]
    assert (tmp_path / "var" / "secret_key").stat().st_mode & 0o077 == 0
