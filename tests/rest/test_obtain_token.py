"""`obtain-token/`, for clients of REST framework's `obtain_auth_token`."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import override_settings

from drf_lanyard import passwords
from drf_lanyard.models import ApiToken
from drf_lanyard.rest import api_tokens

from .calls import PASSWORD, refusal
from .token_calls import use

pytestmark = pytest.mark.django_db
URL = "/auth/obtain-token/"
CREDENTIALS = {"username": "alice", "password": PASSWORD}


@pytest.mark.parametrize("format", ["json", "multipart"])
def test_a_token_for_a_password(client, alice, format) -> None:
    response = client.post(URL, CREDENTIALS, format=format)
    assert response.status_code == 200
    assert set(response.json()) == {"token"}
    assert response["Cache-Control"] == "no-store"
    assert use(response.json()["token"]).data["user"] == alice.pk


def test_form_encoded_as_the_old_clients_send_it(client, alice) -> None:
    body = "username=alice&password=correct+horse+battery"
    response = client.post(URL, body, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 200


def test_each_call_makes_another(client, alice) -> None:
    tokens = {client.post(URL, CREDENTIALS).json()["token"] for _ in range(2)}
    assert len(tokens) == ApiToken.objects.filter(user=alice).count() == 2


@pytest.mark.parametrize(
    ("extra", "agent", "name"),
    [
        ({}, "", "obtain-token"),
        ({}, "curl/8.0", "obtain-token curl/8.0"),
        ({"device": "Alice's phone"}, "curl/8.0", "obtain-token Alice's phone"),
        ({"device": "a\n" + "b" * 150}, "", "obtain-token a " + "b" * 85),
        ({}, "x" * 500, "obtain-token " + "x" * 87),
    ],
)
def test_it_is_named_after_the_client(client, alice, extra, agent, name) -> None:
    client.post(URL, {**CREDENTIALS, **extra}, HTTP_USER_AGENT=agent)
    assert ApiToken.objects.get().name == name


def test_it_lives_as_long_as_the_setting_says(client, alice) -> None:
    client.post(URL, CREDENTIALS)
    assert ApiToken.objects.get().expires_at is None
    with override_settings(LANYARD={"API_TOKEN": {"LIFETIME": timedelta(days=2)}}):
        client.post(URL, CREDENTIALS)
    row = ApiToken.objects.exclude(expires_at=None).get()
    assert row.expires_at is not None and row.expires_at - row.created_at == pytest.approx(2 * 86400, abs=0.01)


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"username": "nobody"}])
def test_one_answer_for_whatever_is_wrong(client, alice, wrong) -> None:
    assert refusal(client.post(URL, {**CREDENTIALS, **wrong})) == (401, "invalid_credentials")
    assert not ApiToken.objects.exists()


def test_an_inactive_user(client, alice) -> None:
    type(alice).objects.update(is_active=False)
    assert refusal(client.post(URL, CREDENTIALS)) == (401, "invalid_credentials")


def test_a_body_that_is_wrong(client) -> None:
    assert refusal(client.post(URL, {"username": "alice"})) == (400, "invalid_request")
    assert refusal(client.get(URL)) == (405, "method_not_allowed")


def test_a_stale_header_is_not_looked_at(client, alice) -> None:
    assert client.post(URL, CREDENTIALS, HTTP_AUTHORIZATION="Bearer dead").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"HTTP_ORIGIN": "https://evil.example"}, 403),
        ({"HTTP_ORIGIN": "null"}, 403),
        ({"HTTP_SEC_FETCH_SITE": "cross-site"}, 403),
        ({"HTTP_ORIGIN": "http://testserver", "HTTP_SEC_FETCH_SITE": "same-origin"}, 200),
    ],
)
def test_pages_of_others_get_none(client, alice, headers, status) -> None:
    response = client.post(URL, CREDENTIALS, **headers)
    assert response.status_code == status
    if status == 403:
        assert refusal(response) == (403, "csrf_failed")
    assert ApiToken.objects.exists() == (status == 200)


def test_it_is_limited_together_with_the_sign_in(client, alice) -> None:
    wrong = {**CREDENTIALS, "password": "wrong"}
    with override_settings(LANYARD={"THROTTLE": {"login_account": "3/hour"}}):
        assert refusal(client.post("/auth/login/", wrong)) == (401, "invalid_credentials")
        for _ in range(2):
            assert refusal(client.post(URL, wrong)) == (401, "invalid_credentials")
        response = client.post(URL, CREDENTIALS)
        assert refusal(response) == (429, "throttled")
        assert int(response["Retry-After"]) >= 1
        assert refusal(client.post("/auth/login/", CREDENTIALS)) == (429, "throttled")


def test_success_is_not_counted(client, alice) -> None:
    with override_settings(LANYARD={"THROTTLE": {"login_account": "2/hour"}}):
        for _ in range(4):
            assert client.post(URL, CREDENTIALS).status_code == 200


# Between the verification and the token


def between(monkeypatch: Any, change: Any, times: int = 1) -> list[Any]:
    """Let `change` happen right after the password was verified."""
    verify, seen = passwords.verified_user, list[Any]()

    def verified_user(*args: Any) -> Any:
        user = verify(*args)
        seen.append(user)
        if len(seen) <= times:
            change(type(user).objects.filter(pk=user.pk))
        return user

    monkeypatch.setattr(api_tokens, "verified_user", verified_user)
    return seen


def test_a_rehash_is_looked_at_again(client, alice, monkeypatch) -> None:
    seen = between(monkeypatch, lambda rows: rows.update(password=make_password(PASSWORD)))
    assert client.post(URL, CREDENTIALS).status_code == 200
    assert len(seen) == 2


def test_a_new_password_wins(client, alice, monkeypatch) -> None:
    between(monkeypatch, lambda rows: rows.update(password=make_password("another")))
    assert refusal(client.post(URL, CREDENTIALS)) == (401, "invalid_credentials")
    assert not ApiToken.objects.exists()


def test_passwords_that_change_all_the_time_end_in_a_refusal(client, alice, monkeypatch) -> None:
    seen = between(monkeypatch, lambda rows: rows.update(password=make_password(PASSWORD)), times=99)
    assert refusal(client.post(URL, CREDENTIALS)) == (401, "invalid_credentials")
    assert len(seen) == 2


@pytest.mark.parametrize("change", [lambda rows: rows.update(is_active=False), lambda rows: rows.delete()])
def test_a_user_who_is_gone_or_inactive_meanwhile(client, alice, monkeypatch, change) -> None:
    between(monkeypatch, change)
    assert refusal(client.post(URL, CREDENTIALS)) == (401, "invalid_credentials")
    assert not ApiToken.objects.exists()


def test_the_password_is_in_no_answer(client, alice) -> None:
    assert PASSWORD not in json.dumps(client.post(URL, CREDENTIALS).json())
