"""Changing a password, and resetting a forgotten one."""

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import override_settings
from django.utils.http import urlsafe_base64_encode
from rest_framework.test import APIClient

from drf_lanyard.models import Session
from drf_lanyard.rest import password as views
from drf_lanyard.rest import reset_mail
from drf_lanyard.wiring import get_lanyard

from .calls import NEW_PASSWORD, PASSWORD, bearer, login, refusal
from .statements import recorded

pytestmark = pytest.mark.django_db

RESET = {"PASSWORD_RESET_URL": "https://app.example.com/reset#{uid}/{token}"}
VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"}]


def change(client: APIClient, old: Any = PASSWORD, new: Any = NEW_PASSWORD) -> Any:
    return client.post("/auth/password/change/", {"old_password": old, "new_password": new})


def test_a_change_renews_this_session_and_ends_the_others(
    client: APIClient, tokens: dict[str, Any], api: APIClient, bob: Any
) -> None:
    other, bobs = login(client, "alice"), login(client, "bob")
    response = change(api)
    body = response.json()
    assert set(body) == set(tokens)
    assert body["session"] == tokens["session"]
    assert response["Cache-Control"] == "no-store"
    assert bearer(body["access"]).get("/protected/").status_code == 200
    assert refusal(bearer(tokens["access"]).get("/protected/")) == (401, "token_stale")
    assert refusal(client.post("/auth/refresh/", {"refresh": tokens["refresh"]})) == (401, "token_invalid")
    assert client.post("/auth/refresh/", {"refresh": body["refresh"]}).json()["session"] == tokens["session"]
    assert refusal(client.post("/auth/refresh/", {"refresh": other["refresh"]})) == (401, "token_revoked")
    assert bearer(other["access"]).get("/protected/").status_code == 401
    assert bearer(bobs["access"]).get("/protected/").status_code == 200
    assert {str(pk) for pk in Session.objects.live().values_list("pk", flat=True)} == {body["session"], bobs["session"]}
    login(client, "alice", NEW_PASSWORD)


def test_the_old_password_must_be_right(api: APIClient, hashes: list[str]) -> None:
    response = change(api, old="wrong")
    assert refusal(response) == (400, "invalid_request")  # a 401 would sign the client out
    assert set(response.json()["errors"]) == {"old_password"}
    assert hashes == ["wrong"]
    assert api.get("/protected/").status_code == 200


def test_the_new_password_is_validated(api: APIClient) -> None:
    with override_settings(AUTH_PASSWORD_VALIDATORS=VALIDATORS):
        response = change(api, new="short")
    assert refusal(response) == (400, "invalid_request")
    assert "too short" in response.json()["errors"]["new_password"][0]
    assert api.get("/protected/").status_code == 200


@pytest.mark.parametrize(("old", "new"), [(None, "x"), ("x", None), (7, "x"), ("x", 7), ("x", ""), ("x", "y" * 4097)])
def test_a_change_of_another_shape(api: APIClient, old: Any, new: Any) -> None:
    assert refusal(change(api, old, new)) == (400, "invalid_request")


def test_a_change_needs_a_session(client: APIClient, db: None) -> None:
    assert refusal(change(client)) == (401, "not_authenticated")


def test_a_change_that_another_one_has_overtaken(alice: Any, api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old password was right when it was checked, and is not any more when the row is locked."""
    validate = views._validate

    def overtaken(password: str, user: Any) -> None:
        validate(password, user)
        get_user_model().objects.filter(pk=user.pk).update(password="somebody else's")

    monkeypatch.setattr(views, "_validate", overtaken)
    assert refusal(change(api)) == (400, "invalid_request")
    alice.refresh_from_db()
    assert alice.password == "somebody else's"


def test_a_change_whose_session_ends_meanwhile_changes_nothing(
    alice: Any, api: APIClient, tokens: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    validate = views._validate

    def ended(password: str, user: Any) -> None:
        validate(password, user)
        get_lanyard().revoke_sessions([Session.objects.get().pk], "logout")

    monkeypatch.setattr(views, "_validate", ended)
    assert refusal(change(api))[0] == 401
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_a_user_deactivated_meanwhile(alice: Any, api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    validate = views._validate

    def deactivated(password: str, user: Any) -> None:
        validate(password, user)
        get_user_model().objects.filter(pk=user.pk).update(is_active=False)

    monkeypatch.setattr(views, "_validate", deactivated)
    assert refusal(change(api)) == (401, "user_inactive")


# Reset


def ask(client: APIClient, email: Any = "alice@example.com", **headers: Any) -> Any:
    with override_settings(LANYARD=RESET):
        return client.post("/auth/password/reset/", {"email": email}, **headers)


def link(client: APIClient) -> dict[str, str]:
    """The uid and token that the mail to alice holds."""
    mail.outbox.clear()
    assert ask(client).status_code == 204
    (message,) = mail.outbox
    found = re.search(r"^https://app\.example\.com/reset#([^/\s]+)/(\S+)$", str(message.body), re.MULTILINE)
    assert found is not None, message.body
    return {"uid": found[1], "token": found[2]}


def confirm(client: APIClient, **body: Any) -> Any:
    return client.post("/auth/password/reset/confirm/", {"new_password": NEW_PASSWORD, **body})


def test_a_reset_ends_every_session(client: APIClient, tokens: dict[str, Any]) -> None:
    parts = link(client)
    response = confirm(client, **parts)
    assert (response.status_code, response.content) == (204, b"")
    assert not Session.objects.live().exists()
    assert refusal(bearer(tokens["access"]).get("/protected/"))[0] == 401
    assert refusal(client.post("/auth/refresh/", {"refresh": tokens["refresh"]})) == (401, "token_revoked")
    login(client, "alice", NEW_PASSWORD)
    again = confirm(client, **parts)
    assert refusal(again) == (400, "invalid_request")
    assert set(again.json()["errors"]) == {"token"}


def test_the_mail(client: APIClient, alice: Any) -> None:
    link(client)
    (message,) = mail.outbox
    assert message.to == ["alice@example.com"]
    assert message.subject == "Reset your password"
    assert "&" not in message.body


def test_the_link_never_comes_from_the_host_header(client: APIClient, alice: Any) -> None:
    with override_settings(ALLOWED_HOSTS=["*"]):
        ask(client, HTTP_HOST="evil.example", HTTP_X_FORWARDED_HOST="evil.example")
    assert "evil" not in mail.outbox[0].body


@pytest.mark.parametrize("email", ["alice@example.com", "ALICE@EXAMPLE.COM", "nobody@example.com", "bob@example.com"])
def test_the_same_answer_and_no_work_whoever_asks(
    client: APIClient, alice: Any, bob: Any, monkeypatch: pytest.MonkeyPatch, email: str
) -> None:
    bob.set_unusable_password()
    bob.save()
    waiting: list[Any] = []
    monkeypatch.setattr(reset_mail, "in_test_environment", lambda: False)
    monkeypatch.setattr(reset_mail._background, "run", waiting.append)
    with recorded() as statements:
        response = ask(client, email)
    assert (response.status_code, response.content, statements, mail.outbox) == (204, b"", [], [])
    assert len(waiting) == 1


def test_nobody_else_gets_a_mail(client: APIClient, alice: Any, bob: Any) -> None:
    get_user_model().objects.filter(pk=bob.pk).update(is_active=False)
    for email in ("nobody@example.com", "bob@example.com", "al\u0131ce@example.com"):
        assert ask(client, email).status_code == 204
    assert mail.outbox == []


@pytest.mark.parametrize("email", [None, 7, "", "x", "a\0@example.com", "a@b.c\nBcc: d@e.f", "a@" + "b" * 254 + ".de"])
def test_no_address(client: APIClient, email: Any, db: None) -> None:
    assert refusal(ask(client, email)) == (400, "invalid_request")


def test_without_a_url_there_is_no_reset(client: APIClient, alice: Any) -> None:
    response = client.post("/auth/password/reset/", {"email": "alice@example.com"})
    assert refusal(response) == (404, "not_found")
    assert "PASSWORD_RESET_URL" in response.json()["detail"]
    assert mail.outbox == []


def test_a_mail_server_that_fails_changes_no_answer(
    client: APIClient, alice: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any) -> None:
        raise OSError("no route to the mail server")

    monkeypatch.setattr(reset_mail, "send_mail", fail)
    assert ask(client).status_code == 204
    assert f"user {alice.pk} could not be sent" in caplog.text


@pytest.mark.parametrize(
    "broken",
    [
        {"uid": "!"},
        {"uid": ""},
        {"uid": "é"},
        {"uid": urlsafe_base64_encode(b"\xff")},
        {"uid": urlsafe_base64_encode(b"0")},
        {"uid": urlsafe_base64_encode(b"x")},
        {"uid": urlsafe_base64_encode(b"7\0")},
        {"uid": urlsafe_base64_encode(b"9" * 300)},
        {"token": "x"},
        {"token": "x-y"},
        {"token": ""},
        {"token": "é-é"},
        {"token": None},
        {"uid": None},
        {"new_password": None},
        {"new_password": ""},
    ],
)
def test_a_broken_link(client: APIClient, alice: Any, broken: dict[str, Any]) -> None:
    assert refusal(confirm(client, **{**link(client), **broken})) == (400, "invalid_request")
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_somebody_else_s_uid(client: APIClient, alice: Any, bob: Any) -> None:
    uid = urlsafe_base64_encode(str(bob.pk).encode())
    assert refusal(confirm(client, **{**link(client), "uid": uid})) == (400, "invalid_request")


def test_a_weak_new_password_does_not_use_up_the_link(client: APIClient, alice: Any) -> None:
    parts = link(client)
    with override_settings(AUTH_PASSWORD_VALIDATORS=VALIDATORS):
        response = confirm(client, **parts, new_password="short")
    assert refusal(response) == (400, "invalid_request")
    assert set(response.json()["errors"]) == {"new_password"}
    assert confirm(client, **parts).status_code == 204


def test_an_inactive_user_s_link_is_dead(client: APIClient, alice: Any) -> None:
    parts = link(client)
    get_user_model().objects.filter(pk=alice.pk).update(is_active=False)
    assert refusal(confirm(client, **parts)) == (400, "invalid_request")


def test_one_link_used_by_two_at_once(client: APIClient, alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = link(client)
    validate = views._validate

    def overtaken(password: str, user: Any) -> None:
        validate(password, user)
        get_user_model().objects.filter(pk=user.pk).update(password="somebody else's")

    monkeypatch.setattr(views, "_validate", overtaken)
    assert refusal(confirm(client, **parts)) == (400, "invalid_request")
    alice.refresh_from_db()
    assert alice.password == "somebody else's"


@pytest.mark.parametrize("path", ["reset", "reset/confirm"])
def test_a_stale_header_does_not_block(client: APIClient, alice: Any, path: str) -> None:
    with override_settings(LANYARD=RESET):
        response = client.post(f"/auth/password/{path}/", {}, HTTP_AUTHORIZATION="Bearer a.b.c")
    assert refusal(response) == (400, "invalid_request")


@pytest.mark.django_db(transaction=True)
def test_in_production_a_thread_sends_the_mail(client: APIClient, alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reset_mail, "in_test_environment", lambda: False)
    assert ask(client).status_code == 204
    reset_mail._background._pool.shutdown(wait=True)
    reset_mail._background.start_afresh()
    assert [message.to for message in mail.outbox] == [["alice@example.com"]]


def test_too_many_waiting_mails_are_dropped(
    client: APIClient, alice: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reset_mail, "MAX_WAITING", 0)
    monkeypatch.setattr(reset_mail, "in_test_environment", lambda: False)
    monkeypatch.setattr(reset_mail, "_background", reset_mail._Background())
    assert ask(client).status_code == 204
    assert "dropped" in caplog.text
