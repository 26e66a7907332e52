"""API tokens in Django's admin."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session as DjangoSession
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from drf_lanyard import create_token
from drf_lanyard.core.errors import AuthError
from drf_lanyard.models import ApiToken
from drf_lanyard.wiring import get_api_tokens

from .people import user

pytestmark = pytest.mark.django_db
LIST = "admin:lanyard_apitoken_changelist"
VIEW, ADD, DELETE = "view_apitoken", "add_apitoken", "delete_apitoken"
DAY = 86400.0
LONG_AGO = 981173106.0  # 2001-02-03 04:05:06 UTC
TOKEN = re.compile(r"lan_[0-9A-Za-z]{46}")


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def staff(*permissions: str) -> Client:
    return signed_in(user("staff", is_staff=True, permissions=permissions))


@pytest.fixture
def root() -> Client:
    return signed_in(user("root", is_staff=True, is_superuser=True))


def token_of(owner: Any, name: str = "CI", **columns: Any) -> tuple[str, str]:
    """A token and its id; `columns` are written into its row afterwards."""
    token, token_id = create_token(owner, name)
    ApiToken.objects.filter(pk=token_id).update(**columns)
    return token, str(token_id)


def code_of(token: str) -> str:
    try:
        get_api_tokens().authenticate(token)
    except AuthError as error:
        return error.code
    return "ok"


def listed(client: Client, **query: str) -> set[str]:
    """Ids of the tokens that the list shows."""
    page = client.get(reverse(LIST), query)
    assert page.status_code == 200
    return set(re.findall(r"/lanyard/apitoken/([0-9a-f-]{36})/change/", page.content.decode()))


def page_of(client: Client, token_id: str) -> str:
    page = client.get(reverse("admin:lanyard_apitoken_change", args=[token_id]))
    assert page.status_code == 200
    return page.content.decode()


def add(client: Client, owner: Any, **fields: Any) -> Any:
    data = {"user": owner.pk, "name": "CI", "scope": "", "days": "", "idle_days": "", **fields}
    return client.post(reverse("admin:lanyard_apitoken_add"), data)


# Looking


def test_the_list_shows_what_there_is_to_know(root) -> None:
    token, _ = token_of(user("alice"), "backup job", scope="read write", created_at=LONG_AGO, last_used_at=LONG_AGO)
    page = root.get(reverse(LIST)).content.decode()
    for shown in ("alice", "backup job", "read write", token[-4:], "Live", "Feb. 3, 2001, 4:05 a.m."):
        assert shown in page


@pytest.mark.parametrize("use_tz", [True, False])
def test_times_follow_the_projects_time_zone(root, use_tz) -> None:
    token_of(user("alice"), created_at=LONG_AGO)
    with override_settings(USE_TZ=use_tz, TIME_ZONE="Asia/Tokyo"):
        assert "Feb. 3, 2001, 1:05 p.m." in root.get(reverse(LIST)).content.decode()


def test_neither_the_token_nor_its_digest_is_anywhere(root) -> None:
    token, token_id = token_of(user("alice"))
    text = page_of(root, token_id) + root.get(reverse(LIST)).content.decode()
    assert token not in text
    assert ApiToken.objects.get().digest not in text


def test_the_number_of_queries_does_not_grow_with_the_rows(root) -> None:
    counts = []
    for more in (1, 8):
        for number in range(more):
            token_of(user(f"user{more}-{number}"))
        with CaptureQueriesContext(connection) as queries:
            assert listed(root)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_filter_by_state(root) -> None:
    alice, now = user("alice"), get_api_tokens()._clock.time()
    live = {
        token_of(alice)[1],
        token_of(alice, expires_at=now + DAY)[1],
        token_of(alice, idle_lifetime=DAY)[1],
        token_of(alice, created_at=LONG_AGO, idle_lifetime=DAY, last_used_at=now - 100)[1],
    }
    expired = {
        token_of(alice, expires_at=LONG_AGO)[1],
        token_of(alice, created_at=LONG_AGO, idle_lifetime=DAY)[1],
        token_of(alice, created_at=LONG_AGO, idle_lifetime=DAY, last_used_at=now - 2 * DAY, expires_at=now + DAY)[1],
    }
    assert listed(root, state="live") == live
    assert listed(root, state="expired") == expired
    assert listed(root) == live | expired
    for ids, shown in ((live, "Live"), (expired, "Expired")):
        assert all(f'<div class="readonly">{shown}</div>' in page_of(root, one) for one in ids)


def test_search(root) -> None:
    (token, of_alice), (_, of_bob) = token_of(user("alice"), "deploy"), token_of(user("bob"), "backup")
    assert listed(root, q="alic") == listed(root, q="deplo") == {of_alice}
    assert of_alice in listed(root, q=token[-4:])
    assert listed(root, q="back") == {of_bob}


def test_without_permission_nothing_is_seen() -> None:
    _, token_id = token_of(user("alice"))
    client = staff()
    assert client.get(reverse(LIST)).status_code == 403
    assert client.get(reverse("admin:lanyard_apitoken_change", args=[token_id])).status_code == 403
    assert add(client, user("bob")).status_code == 403


def test_nothing_can_be_edited(root) -> None:
    _, token_id = token_of(user("alice"))
    url = reverse("admin:lanyard_apitoken_change", args=[token_id])
    assert root.post(url, {"name": "other"}).status_code == 403
    assert '<input type="text"' not in page_of(root, token_id)


# Making


def test_a_new_token_is_shown_once_and_stored_nowhere(root) -> None:
    alice = user("alice")
    response = add(root, alice, scope=" read  write read ", days="2", idle_days="3")

    assert response.status_code == 200
    (token,) = TOKEN.findall(response.content.decode())
    assert "no-store" in response["Cache-Control"]
    assert get_api_tokens().authenticate(token).user_id == str(alice.pk)
    row = ApiToken.objects.get()
    assert (row.user, row.name, row.scope, row.idle_lifetime) == (alice, "CI", "read write", 3 * DAY)
    assert row.expires_at is not None and row.expires_at - row.created_at == pytest.approx(2 * DAY, abs=0.01)

    assert "messages" not in response.cookies
    assert all(token not in str(stored.get_decoded()) for stored in DjangoSession.objects.all())
    assert token not in str(list(LogEntry.objects.values()))
    assert token not in root.get(reverse(LIST)).content.decode() + page_of(root, str(row.pk))
    assert LogEntry.objects.get().object_id == str(row.pk)


def test_empty_lifetimes_never_end(root) -> None:
    add(root, user("alice"))
    row = ApiToken.objects.get()
    assert (row.expires_at, row.idle_lifetime) == (None, None)


def test_the_form_proposes_the_default_lifetime(root) -> None:
    url = reverse("admin:lanyard_apitoken_add")
    assert 'name="days" value=' not in root.get(url).content.decode()
    with override_settings(LANYARD={"API_TOKEN": {"LIFETIME": 30 * DAY}}):
        page = root.get(url).content.decode()
    assert 'name="days" value="30"' in page
    assert "_addanother" not in page and "_continue" not in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a" * 101},
        {"user": "4711"},
        {"user": ""},
        {"scope": "é"},
        {"scope": 'a"b'},
        {"days": "0"},
        {"days": "soon"},
        {"days": "36501"},
        {"idle_days": "0"},
    ],
)
def test_what_cannot_be_made(root, wrong) -> None:
    response = add(root, user("alice"), **wrong)
    assert response.status_code == 200
    assert "errornote" in response.content.decode()
    assert not TOKEN.search(response.content.decode())
    assert not ApiToken.objects.exists()


def test_whoever_may_add_tokens_may_not_become_a_superuser(root) -> None:
    client = staff(ADD)
    response = add(client, get_user_model().objects.get(username="root"))
    assert "Only superusers make tokens for superusers." in response.content.decode()
    assert not ApiToken.objects.exists()
    assert TOKEN.search(add(client, user("alice")).content.decode())
    assert TOKEN.search(add(root, user("other", is_superuser=True)).content.decode())


# Deleting


def test_deleting_a_token_revokes_it(root) -> None:
    (first, first_id), (second, second_id), (third, _) = (token_of(user(name)) for name in ("alice", "bob", "carol"))
    assert [code_of(token) for token in (first, second, third)] == ["ok"] * 3

    root.post(reverse("admin:lanyard_apitoken_delete", args=[first_id]), {"post": "yes"})
    root.post(reverse(LIST), {"action": "delete_selected", "_selected_action": [second_id], "post": "yes"})

    assert [code_of(token) for token in (first, second, third)] == ["token_revoked", "token_revoked", "ok"]
    assert ApiToken.objects.count() == 1


def test_deleting_a_user_takes_the_tokens_along(root) -> None:
    alice = user("alice")
    token, _ = token_of(alice)
    assert code_of(token) == "ok"
    root.post(reverse("admin:auth_user_delete", args=[alice.pk]), {"post": "yes"})
    assert not ApiToken.objects.exists()
    assert code_of(token) == "token_invalid"


@pytest.mark.parametrize("in_bulk", [False, True])
def test_whoever_may_delete_users_needs_no_permission_for_tokens(in_bulk) -> None:
    alice = user("alice")
    token_of(alice)
    client = staff("delete_user", "view_user")
    if in_bulk:
        data = {"action": "delete_selected", "_selected_action": [str(alice.pk)], "post": "yes"}
        client.post(reverse("admin:auth_user_changelist"), data)
    else:
        client.post(reverse("admin:auth_user_delete", args=[alice.pk]), {"post": "yes"})
    assert not get_user_model().objects.filter(pk=alice.pk).exists()


def test_whoever_may_delete_users_may_not_delete_tokens() -> None:
    token, token_id = token_of(user("alice"))
    client = staff("delete_user", VIEW)
    data = {"action": "delete_selected", "_selected_action": [token_id], "post": "yes"}
    client.post(reverse(LIST), data)
    assert client.post(reverse("admin:lanyard_apitoken_delete", args=[token_id]), {"post": "yes"}).status_code == 403
    assert code_of(token) == "ok"


def test_whoever_may_delete_tokens_may(root) -> None:
    _, token_id = token_of(user("alice"))
    staff(DELETE, VIEW).post(reverse("admin:lanyard_apitoken_delete", args=[token_id]), {"post": "yes"})
    assert not ApiToken.objects.exists()
