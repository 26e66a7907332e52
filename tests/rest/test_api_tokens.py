"""A user's own API tokens over HTTP: making, listing, revoking."""

from base64 import b64encode
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.db.models import F
from django.test import override_settings
from rest_framework.test import APIClient

from drf_lanyard.models import ApiToken, Session, UserEpoch
from drf_lanyard.wiring import get_api_tokens

from .calls import PASSWORD, bearer, login, refusal
from .token_calls import code_of, use

pytestmark = pytest.mark.django_db
URL = "/auth/api-tokens/"
SHAPE = {
    "id", "name", "ends_in", "scopes", "created_at", "expires_at", "expires_when_idle_for", "last_used_at",
}  # fmt: skip


def made(api: APIClient, **body: Any) -> dict[str, Any]:
    response = api.post(URL, {"name": "CI", **body})
    assert response.status_code == 201, response.data
    answer: dict[str, Any] = response.json()
    return answer


def lifetime(body: dict[str, Any]) -> float:
    return (datetime.fromisoformat(body["expires_at"]) - datetime.fromisoformat(body["created_at"])).total_seconds()


def test_a_token_is_shown_once_and_works(api, alice) -> None:
    response = api.post(URL, {"name": "CI"})
    body = response.json()

    assert set(body) == SHAPE | {"token"}
    assert response["Cache-Control"] == "no-store"
    assert use(body["token"]).data == {"user": alice.pk, "claims": {}, "scopes": []}
    assert (body["name"], body["scopes"], body["expires_at"], body["last_used_at"]) == ("CI", [], None, None)
    assert body["token"].endswith(body["ends_in"]) and len(body["ends_in"]) == 4
    (listed,) = api.get(URL).json()
    assert listed == {name: body[name] for name in SHAPE}
    assert body["token"] not in str(ApiToken.objects.values())


def test_the_list_is_the_users_own_newest_first(api, bob, client) -> None:
    names = ["first", "second", "third"]
    for age, name in zip((30, 20, 10), names, strict=True):
        ApiToken.objects.filter(pk=made(api, name=name)["id"]).update(created_at=F("created_at") - age)
    theirs = made(bearer(login(client, "bob")["access"]), name="of bob")

    assert [one["name"] for one in api.get(URL).json()] == names[::-1]
    assert refusal(api.delete(f"{URL}{theirs['id']}/")) == (404, "not_found")
    assert code_of(theirs["token"]) == "ok"


def test_the_last_use_is_listed_once_it_is_written(api) -> None:
    token = made(api)["token"]
    use(token)
    get_api_tokens().flush()
    last = datetime.fromisoformat(api.get(URL).json()[0]["last_used_at"]).timestamp()
    assert last == pytest.approx(get_api_tokens()._clock.time(), abs=30)


def test_revoking(api) -> None:
    body = made(api)
    assert code_of(body["token"]) == "ok"

    response = api.delete(f"{URL}{body['id']}/")

    assert (response.status_code, response.content) == (204, b"")
    assert code_of(body["token"]) == "token_revoked"
    assert api.get(URL).json() == []
    assert refusal(api.delete(f"{URL}{body['id']}/")) == (404, "not_found")


@pytest.mark.parametrize("token_id", ["1", "nonsense", "0190a0a0-0000-7000-8000-000000000000", "%00"])
def test_there_is_no_such_token(api, token_id) -> None:
    assert refusal(api.delete(f"{URL}{token_id}/")) == (404, "not_found")


def test_scopes_and_lifetimes(api) -> None:
    body = made(api, scopes=["read", "posts:write", "read"], expires_in=3600, expires_when_idle_for=7200)
    assert body["scopes"] == use(body["token"]).data["scopes"][::-1] == ["read", "posts:write"]
    assert lifetime(body) == pytest.approx(3600, abs=0.01)
    assert body["expires_when_idle_for"] == 7200


def test_the_default_lifetime(api) -> None:
    with override_settings(LANYARD={"API_TOKEN": {"LIFETIME": 86400}}):
        assert lifetime(made(api)) == pytest.approx(86400, abs=0.01)
        assert lifetime(made(api, expires_in=60)) == pytest.approx(60, abs=0.01)
        assert made(api, expires_in=None)["expires_at"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "a" * 101}, "name"),
        ({"name": 7}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "CI", "scopes": "read"}, "scopes"),
        ({"name": "CI", "scopes": ["read write"]}, "scopes"),
        ({"name": "CI", "scopes": ['"']}, "scopes"),
        ({"name": "CI", "scopes": ["é"]}, "scopes"),
        ({"name": "CI", "scopes": [1]}, "scopes"),
        ({"name": "CI", "scopes": ["a" * 1001]}, "scopes"),
        ({"name": "CI", "expires_in": 59}, "expires_in"),
        ({"name": "CI", "expires_in": -1}, "expires_in"),
        ({"name": "CI", "expires_in": "soon"}, "expires_in"),
        ({"name": "CI", "expires_in": True}, "expires_in"),
        ({"name": "CI", "expires_in": 10**10}, "expires_in"),
        ({"name": "CI", "expires_when_idle_for": 3599}, "expires_when_idle_for"),
    ],
)
def test_what_cannot_be_asked_for(api, body, field) -> None:
    response = api.post(URL, body)
    assert refusal(response) == (400, "invalid_request")
    assert set(response.json()["errors"]) == {field}
    assert not ApiToken.objects.exists()


def test_the_longest_of_everything(api) -> None:
    body = made(api, name="é" * 100, scopes=["a" * 1000], expires_in=100 * 366 * 86400)
    assert api.get(URL).json()[0]["name"] == "é" * 100
    assert code_of(body["token"]) == "ok"


def test_nobody_gets_nothing(client) -> None:
    for response in (client.get(URL), client.post(URL, {"name": "CI"}), client.delete(f"{URL}1/")):
        assert refusal(response) == (401, "not_authenticated")


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "Basic"])
def test_a_token_or_a_password_makes_no_tokens(api, client, scheme) -> None:
    """Whoever finds a leaked token cannot make himself another one with it."""
    body = made(api)
    credential = b64encode(f"alice:{PASSWORD}".encode()).decode() if scheme == "Basic" else body["token"]
    client.credentials(HTTP_AUTHORIZATION=f"{scheme} {credential}")
    for response in (client.get(URL), client.post(URL, {"name": "CI"}), client.delete(f"{URL}{body['id']}/")):
        assert refusal(response) == (403, "permission_denied")
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize("gone", [True, False])
def test_a_user_who_is_gone_or_inactive_meanwhile_gets_none(api, alice, gone) -> None:
    rows = type(alice).objects.filter(pk=alice.pk)  # no signal: the access token is still good
    if gone:
        Session.objects.all()._raw_delete("default")
        rows._raw_delete("default")
    else:
        rows.update(is_active=False)
    response = api.post(URL, {"name": "CI"})
    assert refusal(response) == (401, "user_inactive")
    assert not ApiToken.objects.exists()


# The session is over, and this process has not heard of it yet


@pytest.mark.parametrize("deleted", [True, False])
def test_a_session_that_another_process_has_just_ended_makes_none(api, deleted) -> None:
    """What is made here would outlive the lease for ever, so the database is asked."""
    rows = Session.objects.all()
    assert (rows._raw_delete("default") if deleted else rows.update(revoked_at=1.0)) == 1  # nobody tells the snapshot
    assert api.get("/auth/me/").status_code == 200
    assert refusal(api.post(URL, {"name": "CI"})) == (401, "token_revoked")
    assert not ApiToken.objects.exists()


def test_an_access_token_that_has_just_become_stale_makes_none(api, alice) -> None:
    UserEpoch.objects.create(user=alice, epoch=1)
    response = api.post(URL, {"name": "CI"})
    assert refusal(response) == (401, "token_stale")
    assert response["WWW-Authenticate"].endswith('error="invalid_token"')
    assert not ApiToken.objects.exists()


def test_a_password_that_was_changed_without_a_signal(api, alice) -> None:
    """The access token lives on for minutes; no refresh would be granted, and no token is."""
    type(alice).objects.update(password=make_password("another"))
    assert api.get("/auth/me/").status_code == 200
    assert refusal(api.post(URL, {"name": "CI"})) == (401, "token_revoked")


def test_a_django_session_makes_one_after_a_change_of_claims_and_none_when_it_is_over(alice) -> None:
    client = APIClient()
    assert client.login(username="alice", password=PASSWORD)
    alice.is_staff = True
    alice.save()
    assert client.post(URL, {"name": "CI"}).status_code == 201
    Session.objects.update(revoked_at=1.0)
    assert refusal(client.post(URL, {"name": "CI"})) == (401, "token_revoked")
    assert ApiToken.objects.count() == 1


# What happens to the user


def test_an_inactive_user_is_refused_at_once_and_let_in_again(api, alice) -> None:
    token = made(api)["token"]
    for active, expected in ((True, "ok"), (False, "user_inactive"), (True, "ok")):
        alice.is_active = active
        alice.save()
        assert code_of(token) == expected


def test_a_deleted_user(api, alice) -> None:
    token = made(api)["token"]
    assert code_of(token) == "ok"
    alice.delete()
    assert code_of(token) == "token_invalid"


def test_signing_out_everywhere_leaves_tokens_alone(api) -> None:
    token = made(api)["token"]
    assert code_of(token) == "ok"
    assert api.post("/auth/logout/all/").status_code == 204
    assert code_of(token) == "ok"


def test_rows_that_are_deleted_are_revoked(api, alice) -> None:
    one, two, three = (made(api) for _ in range(3))
    assert [code_of(body["token"]) for body in (one, two, three)] == ["ok"] * 3

    assert ApiToken.objects.get(pk=one["id"]).delete() == (1, {"lanyard.ApiToken": 1})
    assert code_of(one["token"]) == "token_revoked"
    assert alice.lanyard_api_tokens.filter(pk=two["id"]).delete() == (1, {"lanyard.ApiToken": 1})
    assert code_of(two["token"]) == "token_revoked"
    assert code_of(three["token"]) == "ok"
