"""The same keys in another database are other people: what is changed there ends nobody's session here."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db.models.deletion import Collector

from drf_lanyard import create_token, sign_in
from drf_lanyard.core.errors import AuthError
from drf_lanyard.core.model import Issued
from drf_lanyard.models import ApiToken, Revocation, Session
from drf_lanyard.wiring import get_api_tokens, get_lanyard

from .databases import UsersApart, another_database, another_way
from .people import user

pytestmark = pytest.mark.django_db
Change = Callable[[str, Any], Any]


@pytest.fixture
def other(db: None, tmp_path: Path) -> Iterator[str]:
    with another_database(tmp_path) as alias:
        yield alias


@pytest.fixture
def around(db: None) -> Iterator[str]:
    with another_way("around") as alias:
        yield alias


@pytest.fixture
def alice(db: None) -> Any:
    made = user("alice", permissions=("add_group",))
    made.groups.add(Group.objects.create(pk=7, name="old"))
    return made


@pytest.fixture
def issued(alice: Any) -> Issued:
    return sign_in(None, alice)


def namesake(alias: str, pk: Any) -> Any:
    """Somebody in that database who has alice's key there, her groups' and permissions' too."""
    made = User.objects.using(alias).create(pk=pk, username="somebody else")
    made.groups.add(Group.objects.using(alias).create(pk=7, name="old"))
    return made


def code(token: str, service: Callable[[], Any] = get_lanyard) -> str:
    try:
        service().authenticate(token)
    except AuthError as error:
        return error.code
    return "ok"


def fetch(alias: str, pk: Any) -> Any:
    return User.objects.using(alias).get(pk=pk)


def new_password(alias: str, pk: Any) -> None:
    changed = fetch(alias, pk)
    changed.set_password("looking glass")
    changed.save()


def save(alias: str, pk: Any, **values: bool) -> None:
    changed = fetch(alias, pk)
    for name, value in values.items():
        setattr(changed, name, value)
    changed.save()


CHANGES: dict[str, Change] = {
    "a password": new_password,
    "a deactivation": lambda alias, pk: save(alias, pk, is_active=False),
    "a right": lambda alias, pk: save(alias, pk, is_superuser=True),
    "a deletion": lambda alias, pk: fetch(alias, pk).delete(),
    "a deletion by query": lambda alias, pk: User.objects.using(alias).filter(pk=pk).delete(),
    "a group": lambda alias, pk: fetch(alias, pk).groups.set([]),
    "a group's user": lambda alias, pk: Group.objects.using(alias).get(pk=7).user_set.clear(),
    "a deleted group": lambda alias, pk: Group.objects.using(alias).get(pk=7).delete(),
}


def each(changes: dict[str, Change]) -> Any:
    return pytest.mark.parametrize("change", changes.values(), ids=changes.keys())


@each(CHANGES)
def test_somebody_elsewhere(change: Change, other: str, alice: Any, issued: Issued) -> None:
    namesake(other, alice.pk)
    written = Revocation.objects.count()
    change(other, alice.pk)
    assert code(issued.access) == "ok"
    assert (Session.objects.get().revoked_at, Revocation.objects.count()) == (None, written)


@each(CHANGES)
def test_her_here(change: Change, other: str, alice: Any, issued: Issued) -> None:
    change("default", alice.pk)
    assert code(issued.access) == "token_stale"


@each(CHANGES)
def test_where_the_router_writes_users(change: Change, other: str, alice: Any, issued: Issued, settings: Any) -> None:
    """Sessions are in the default database, her account in another: it ends them all the same."""
    namesake(other, alice.pk)
    settings.DATABASE_ROUTERS = [UsersApart()]
    change(other, alice.pk)
    assert code(issued.access) == "token_stale"


@each(CHANGES)
def test_by_another_way_to_the_same_database(change: Change, around: str, alice: Any, issued: Issued) -> None:
    change(around, alice.pk)
    assert code(issued.access) == "token_stale"


def test_a_copy_of_our_rows(other: str, alice: Any, issued: Issued) -> None:
    """A restored backup, say, that somebody tidies up."""
    token, token_id = create_token(alice, "CI")
    namesake(other, alice.pk)
    for row in (Session.objects.get(), ApiToken.objects.get()):
        row.save(using=other, force_insert=True)
    Session.objects.using(other).all().delete()
    ApiToken.objects.using(other).all().delete()
    assert (code(issued.access), code(token, get_api_tokens)) == ("ok", "ok")
    assert ApiToken.objects.get().pk == token_id


def test_a_new_password_that_was_saved_elsewhere_before(other: str, alice: Any, issued: Issued, settings: Any) -> None:
    """It must not pass for the old one in a new encoding, which spares the sessions."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher", *settings.PASSWORD_HASHERS]
    alice.set_password("looking glass")
    alice.save(using=other)
    alice.save(using="default", update_fields=["password"])
    assert code(issued.access) == "token_stale"
    assert Session.objects.get().revoked_reason == "password_changed"


# Rows deleted through a `Collector`, which does not say what was asked to be deleted


def collect(row: Any) -> None:
    collector = Collector(using="default")
    collector.collect([row])
    collector.delete()


def test_a_collected_session(issued: Issued) -> None:
    collect(Session.objects.get())
    assert code(issued.access) == "token_revoked"
    assert [row.credential for row in Revocation.objects.exclude(credential="")] == [issued.session.id.hex]


def test_a_collected_api_token(alice: Any) -> None:
    token, token_id = create_token(alice, "CI")
    assert code(token, get_api_tokens) == "ok"
    collect(ApiToken.objects.get())
    assert code(token, get_api_tokens) == "token_revoked"
    assert [row.credential for row in Revocation.objects.exclude(credential="")] == [token_id.hex]


def test_a_collected_user(alice: Any, issued: Issued) -> None:
    token, _ = create_token(alice, "CI")
    collect(alice)
    assert (code(issued.access), code(token, get_api_tokens)) == ("token_revoked", "token_invalid")


def test_a_collected_permission(alice: Any, issued: Issued) -> None:
    collect(Permission.objects.get(user=alice))
    assert code(issued.access) == "token_stale"
