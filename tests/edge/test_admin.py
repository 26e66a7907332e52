"""Sessions in Django's admin."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from drf_lanyard import django_sessions, sign_in
from drf_lanyard.core.errors import TokenRevoked, TokenStale
from drf_lanyard.models import Session
from drf_lanyard.wiring import get_lanyard

from .people import session, user

pytestmark = pytest.mark.django_db
LIST = "admin:lanyard_session_changelist"
VIEW, CHANGE, DELETE = "view_session", "change_session", "delete_session"
LONG_AGO = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC).timestamp()
SOON = 2**33


def staff(*permissions: str) -> Client:
    return signed_in(user("staff", is_staff=True, permissions=permissions))


def signed_in(person: Any) -> Client:
    """In the admin, without a row of their own among the sessions that these tests count."""
    client = Client()
    with django_sessions.unobserved():
        client.force_login(person)
    return client


@pytest.fixture
def root() -> Client:
    return signed_in(user("root", is_staff=True, is_superuser=True))


def listed(client: Client, **query: str) -> set[str]:
    """Ids of the sessions that the list shows."""
    page = client.get(reverse(LIST), query)
    assert page.status_code == 200
    return set(re.findall(r"/lanyard/session/([0-9a-f-]{36})/change/", page.content.decode()))


def page_of(client: Client, session_id: object) -> str:
    page = client.get(reverse("admin:lanyard_session_change", args=[session_id]))
    assert page.status_code == 200
    return page.content.decode()


def act(client: Client, action: str, *session_ids: object, **extra: str) -> str:
    data = {"action": action, "_selected_action": [str(one) for one in session_ids], **extra}
    page = client.post(reverse(LIST), data, follow=True)
    assert page.status_code == 200
    return page.content.decode()


# Looking


def test_the_list_shows_what_there_is_to_know(root) -> None:
    session(user("alice"), ip="192.0.2.7", device="Alice's phone", created_at=LONG_AGO)
    page = root.get(reverse(LIST)).content.decode()
    for shown in ("alice", "192.0.2.7", "Alice&#x27;s phone", "bearer", "password", "Live", "Feb. 3, 2001, 4:05 a.m."):
        assert shown in page


@pytest.mark.parametrize("use_tz", [True, False])
def test_times_follow_the_projects_time_zone(root, use_tz) -> None:
    session(user("alice"), created_at=LONG_AGO)
    with override_settings(USE_TZ=use_tz, TIME_ZONE="Asia/Tokyo"):
        assert "Feb. 3, 2001, 1:05 p.m." in root.get(reverse(LIST)).content.decode()


def test_the_number_of_queries_does_not_grow_with_the_rows(root) -> None:
    counts = []
    for more in (1, 8):
        for number in range(more):
            session(user(f"user{more}-{number}"))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            listed(root)
        counts.append(len(queries))
    assert Session.objects.count() == 9
    assert counts[0] == counts[1]


def test_secrets_are_nowhere(root) -> None:
    session_id = session(user("alice"))
    Session.objects.filter(pk=session_id).update(secret="s3cr3t" * 5, idempotency="d1g3st" * 5, auth_hash="h4sh" * 5)
    text = page_of(root, session_id) + root.get(reverse(LIST)).content.decode()
    assert not re.search("s3cr3t|d1g3st|h4sh", text)


def states() -> dict[str, str]:
    alice = user("alice")
    return {
        "live": str(session(alice, idle_expires_at=SOON, absolute_expires_at=None)),
        "revoked": str(session(alice, revoked_at=LONG_AGO, idle_expires_at=LONG_AGO)),
        "idle": str(session(alice, idle_expires_at=LONG_AGO)),
        "absolute": str(session(alice, absolute_expires_at=LONG_AGO)),
    }


def test_filter_by_state(root) -> None:
    made = states()
    assert listed(root, state="live") == {made["live"]}
    assert listed(root, state="revoked") == {made["revoked"]}
    assert listed(root, state="expired") == {made["idle"], made["absolute"]}
    assert listed(root) == set(made.values())


def test_the_page_says_the_state(root) -> None:
    made = states()
    for name, shown in (("live", "Live"), ("revoked", "Revoked"), ("idle", "Expired"), ("absolute", "Expired")):
        assert re.search(rf'<div class="readonly">{shown}</div>', page_of(root, made[name])), name


def test_filter_by_transport_and_method(root) -> None:
    alice = user("alice")
    one, other = session(alice), session(alice, transport="cookie", method="social")
    assert listed(root, transport="cookie") == {str(other)}
    assert listed(root, method="password") == {str(one)}


def test_search_by_user_and_address(root) -> None:
    of_alice, of_bob = session(user("alice"), ip="192.0.2.7"), session(user("bob"), ip="198.51.100.1")
    assert listed(root, q="alic") == {str(of_alice)}
    assert listed(root, q="198.51") == {str(of_bob)}
    assert listed(root, q="nobody") == set()


# Nothing can be written


def test_nothing_can_be_added_or_edited(root) -> None:
    session_id = session(user("alice"))
    assert root.get("/admin/lanyard/session/add/").status_code == 403
    assert root.post(reverse("admin:lanyard_session_change", args=[session_id]), {"ip": "1.1.1.1"}).status_code == 403
    assert '<input type="text"' not in page_of(root, session_id)


def test_without_permission_nothing_is_seen() -> None:
    session_id = session(user("alice"))
    client = staff()
    assert client.get(reverse(LIST)).status_code == 403
    assert client.get(reverse("admin:lanyard_session_change", args=[session_id])).status_code == 403


# Revoking


def test_revoke_selected(root) -> None:
    alice = user("alice")
    tokens = [sign_in(None, alice) for _ in range(3)]
    ids = [issued.session.id for issued in tokens]
    assert "2 live sessions were revoked" in act(root, "revoke_selected", *ids[:2])
    for issued in tokens[:2]:
        with pytest.raises(TokenRevoked):
            raise_verdict(issued.access)
    raise_verdict(tokens[2].access)
    assert set(Session.objects.filter(revoked_reason="admin").values_list("pk", flat=True)) == set(ids[:2])
    assert LogEntry.objects.filter(object_id__in=[str(one) for one in ids]).count() == 2


def raise_verdict(access: str) -> None:
    get_lanyard().authenticate(access)


def test_revoking_again_counts_only_what_was_live(root) -> None:
    session_id = session(user("alice"))
    act(root, "revoke_selected", session_id)
    assert "0 live sessions were revoked" in act(root, "revoke_selected", session_id)


def test_the_page_has_a_button(root) -> None:
    session_id = session(user("alice"))
    url = reverse("admin:lanyard_session_revoke", args=[session_id])
    assert f'action="{url}"' in page_of(root, session_id)
    assert root.get(url).status_code == 405
    assert "1 live session was revoked" in root.post(url, follow=True).content.decode()
    assert Session.objects.get(pk=session_id).revoked_at is not None
    assert url not in page_of(root, session_id)


def test_the_button_wants_a_csrf_token(root) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = root.cookies
    url = reverse("admin:lanyard_session_revoke", args=[session(user("alice"))])
    assert strict.post(url).status_code == 403
    assert Session.objects.live().count() == 1


def test_a_session_that_is_gone_revokes_nothing(root) -> None:
    for gone in ("0190a0a0-0000-7000-8000-000000000000", "nonsense"):
        assert root.post(reverse("admin:lanyard_session_revoke", args=[gone]), follow=True).status_code == 200


def test_whoever_may_only_look_may_not_revoke() -> None:
    session_id = session(user("alice"))
    client = staff(VIEW)
    act(client, "revoke_selected", session_id)
    url = reverse("admin:lanyard_session_revoke", args=[session_id])
    assert url not in page_of(client, session_id)
    assert client.post(url).status_code == 403
    assert Session.objects.live().count() == 1


def test_whoever_may_change_sessions_may_revoke() -> None:
    session_id = session(user("alice"))
    assert "1 live session was revoked" in act(staff(CHANGE), "revoke_selected", session_id)


# Deleting


def test_deleting_a_session_revokes_it(root) -> None:
    issued = sign_in(None, user("alice"))
    act(root, "delete_selected", issued.session.id, post="yes")
    assert not Session.objects.exists()
    with pytest.raises(TokenRevoked):
        raise_verdict(issued.access)


def test_deleting_a_user_takes_the_sessions_along(root) -> None:
    alice = user("alice")
    issued = sign_in(None, alice)
    root.post(reverse("admin:auth_user_delete", args=[alice.pk]), {"post": "yes"})
    assert not get_user_model().objects.filter(pk=alice.pk).exists()
    assert not Session.objects.exists()
    with pytest.raises((TokenRevoked, TokenStale)):
        raise_verdict(issued.access)


@pytest.mark.parametrize("in_bulk", [False, True])
def test_whoever_may_delete_users_needs_no_permission_for_sessions(in_bulk) -> None:
    alice = user("alice")
    session(alice)
    client = staff("delete_user", "view_user")
    if in_bulk:
        data = {"action": "delete_selected", "_selected_action": [str(alice.pk)], "post": "yes"}
        client.post(reverse("admin:auth_user_changelist"), data)
    else:
        client.post(reverse("admin:auth_user_delete", args=[alice.pk]), {"post": "yes"})
    assert not get_user_model().objects.filter(pk=alice.pk).exists()


def test_whoever_may_delete_users_may_not_delete_sessions() -> None:
    session_id = session(user("alice"))
    client = staff("delete_user", VIEW)
    act(client, "delete_selected", session_id, post="yes")
    assert client.post(reverse("admin:lanyard_session_delete", args=[session_id]), {"post": "yes"}).status_code == 403
    assert Session.objects.exists()


def test_a_group_page_gives_no_right_to_delete_sessions(rf) -> None:
    """Only what deletes a user may take sessions along; other pages ask for the permission."""
    from django.contrib.admin import site

    group = Group.objects.create(name="g")
    client = staff("delete_group", "view_group")
    client.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"})
    assert not Group.objects.exists()
    request = rf.get("/")
    request.user = user("other", is_staff=True, permissions=("delete_group",))
    assert not site._registry[Session].has_delete_permission(request, Session())
