"""NOTIFY is in the transaction of the cause: heard if it commits, and never the reason that it cannot."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import override_settings
from django.urls import path
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.response import Response
from rest_framework.test import APIClient

from drf_lanyard import create_token, revoke_session, revoke_token, revoke_user, revoke_users
from drf_lanyard.core.follower import Follower
from drf_lanyard.core.messages import Messages
from drf_lanyard.models import Revocation
from drf_lanyard.stores import push_postgres

from ..fleet.kit import a_user as new_user
from ..fleet.kit import actors, eventually, signed_in
from ..rest.test_transactions import atomic_requests  # noqa: F401
from .places import Place, listening
from .scripted import KEY, Ears, said

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("postgres"),
    pytest.mark.parametrize("place", ["postgres"], indirect=True),
]
#: Said after everything else: what was to be heard before it has been heard.
LAST = 999


@pytest.fixture
def pushing(place: Place, ears: Ears) -> Iterator[Follower]:
    """As in a process with PUSH_URL "postgres": what is revoked here announces itself, and is heard here too."""
    with listening(place, ears) as follower:
        yield follower


@pytest.fixture
def user(pushing: Follower) -> Any:
    return new_user()


def heard(place: Place, ears: Ears) -> list[Any]:
    """What was said up to now."""
    place.say(said(LAST))
    eventually(lambda: LAST in ears.credentials)
    return [entry for entry in ears.entries if entry.credential != LAST]


def test_every_kind_of_revocation_announces_itself(place: Place, ears: Ears, user: Any) -> None:
    session = signed_in(user).session.id
    _, token = create_token(user, name="backup")
    revoke_session(session)
    revoke_token(token)
    revoke_user(user)
    user.set_password("changed")
    user.save()
    found = heard(place, ears)
    assert [one.credential for one in found] == [session.int, token.int, None, None]
    assert [(one.subject, one.ends_sessions) for one in found[2:]] == [(str(user.pk), True)] * 2
    assert found[3].epoch > found[2].epoch
    assert {one.uid for one in found} == set(Revocation.objects.values_list("uid", flat=True))


def test_before_the_commit_nobody_hears(place: Place, ears: Ears, user: Any) -> None:
    with actors(1) as (other,):
        other.begin()
        other.do(lambda: revoke_user(user))
        assert heard(place, ears) == []
        other.commit()
    eventually(lambda: len(ears.entries) == 2)
    assert ears.entries[1].subject == str(user.pk)


def test_what_is_rolled_back_is_never_said(place: Place, ears: Ears, user: Any) -> None:
    class Undo(Exception):
        pass

    with pytest.raises(Undo), transaction.atomic():
        revoke_user(user)
        raise Undo
    with transaction.atomic(), pytest.raises(Undo), transaction.atomic():
        revoke_user(user)
        raise Undo
    assert heard(place, ears) == []
    assert not Revocation.objects.exists()


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def revoking(request: Any) -> Response:
    """A project's own view."""
    assert connection.in_atomic_block
    revoke_user(get_user_model().objects.get(username="alice"))
    if request.data.get("fails"):
        raise ZeroDivisionError
    return Response()


urlpatterns = [path("revoking/", revoking)]


@pytest.mark.usefixtures("atomic_requests")
def test_in_the_transaction_of_a_request(place: Place, ears: Ears, user: Any) -> None:
    with override_settings(ROOT_URLCONF=__name__):
        client = APIClient(raise_request_exception=False)
        assert client.post("/revoking/", {"fails": True}).status_code == 500
        assert heard(place, ears) == []
        assert client.post("/revoking/").status_code == 200
    eventually(lambda: len(ears.entries) == 2)


def test_a_thousand_users_are_a_wake(place: Place, ears: Ears, pushing: Follower) -> None:
    """More than PostgreSQL lets a notification carry; it must not fail, and nobody may miss it."""
    model = get_user_model()
    model.objects.bulk_create([model(username=f"user {number}") for number in range(1000)])
    assert revoke_users(model.objects.all()) == 1000
    assert heard(place, ears) == []
    assert ears.hints >= 2
    assert Revocation.objects.count() == 1000


def test_a_queue_that_fills_up_silences_push_and_nothing_else(place: Place, ears: Ears, user: Any) -> None:
    """A listener that hangs fills it; when it is full, COMMIT fails."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA half")
        cursor.execute(
            "CREATE FUNCTION half.pg_notification_queue_usage() RETURNS double precision LANGUAGE sql AS 'SELECT 0.5'"
        )
        try:
            cursor.execute("SET search_path TO half, pg_catalog, public")
            revoke_user(user)
        finally:
            cursor.execute("RESET search_path")
            cursor.execute("DROP SCHEMA half CASCADE")
    assert heard(place, ears) == []
    assert Revocation.objects.count() == 1
    revoke_user(user)
    eventually(lambda: len(ears.entries) == 2)


def test_a_push_that_has_ended_announces_nothing_and_leaves_its_successor_alone(place: Place, ears: Ears) -> None:
    """After a change of settings the new one may be there before the old one goes."""
    user = new_user()
    with listening(place, ears):
        successor = place.push(Messages([KEY]))
        revoke_user(user)
        assert len(heard(place, ears)) == 1
    revoke_user(user)
    assert push_postgres._announcers == {"default": successor.messages.encode}
    successor.close()
    assert push_postgres._announcers == {}
    revoke_user(user)
