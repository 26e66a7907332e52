"""Every cause of docs/claims.md, "When they become stale", from every side: the tokens are stale, nobody is out."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from drf_lanyard.core.model import Issued

from .causes import fetch
from .counting import counted
from .world import assert_dead, assert_lives, code, log_in, new_user, pass_time, refresh, refusal

Cause = Callable[[], Any]


class World:
    """Alice is in `old` and has `was`; she is not in `new` and has not `will`. Bob is in neither."""

    def __init__(self) -> None:
        self.alice = fetch()
        self.bob = new_user("bob")
        self.thing, other = (ContentType.objects.create(app_label="races", model=name) for name in ("thing", "other"))
        self.was, self.will, self.through_group = (
            Permission.objects.create(codename=name, name=name, content_type=self.thing)
            for name in ("was", "will", "through group")
        )
        self.of_others = Permission.objects.create(codename="of others", name="of others", content_type=other)
        self.old, self.new, self.others = (Group.objects.create(name=name) for name in ("old", "new", "others"))
        self.alice.groups.add(self.old)
        self.alice.user_permissions.add(self.was)
        self.old.permissions.add(self.through_group)
        self.bob.groups.add(self.others)
        self.others.permissions.add(self.of_others)
        self.bob.user_permissions.add(self.of_others)


@pytest.fixture
def world(alice: Any) -> World:
    return World()


@pytest.fixture
def issued(world: World) -> Issued:
    """The tokens of a session of alice, opened when the world was ready."""
    issued = log_in()
    assert issued is not None
    return issued


@pytest.fixture(autouse=True)
def bobs(world: World, issued: Issued) -> Iterator[None]:
    """Whom the cause does not concern is left alone."""
    theirs = log_in("bob")
    assert theirs is not None
    yield
    assert_lives(theirs)


def assert_stale(issued: Issued) -> None:
    assert refusal(issued.access) == "token_stale"
    pass_time(issued.session.id)
    renewed = refresh(issued.refresh)
    assert isinstance(renewed, Issued)
    assert refusal(renewed.access) == "ok"


# Groups and permissions. From the far side (`group.user_set`) Django says which rows, but not at `clear`.

RELATIONS: dict[str, Callable[[World], Any]] = {
    "user.groups: add": lambda w: w.alice.groups.add(w.new),
    "user.groups: remove": lambda w: w.alice.groups.remove(w.old),
    "user.groups: set": lambda w: w.alice.groups.set([w.old, w.new]),
    "user.groups: set to none": lambda w: w.alice.groups.set([]),
    "user.groups: set anew": lambda w: w.alice.groups.set([], clear=True),
    "user.groups: clear": lambda w: w.alice.groups.clear(),
    "user.groups: create": lambda w: w.alice.groups.create(name="created"),
    "group.user_set: add": lambda w: w.new.user_set.add(w.alice),
    "group.user_set: remove": lambda w: w.old.user_set.remove(w.alice),
    "group.user_set: set": lambda w: w.new.user_set.set([w.alice]),
    "group.user_set: set to none": lambda w: w.old.user_set.set([]),
    "group.user_set: set anew": lambda w: w.old.user_set.set([], clear=True),
    "group.user_set: clear": lambda w: w.old.user_set.clear(),
    "user.user_permissions: add": lambda w: w.alice.user_permissions.add(w.will),
    "user.user_permissions: remove": lambda w: w.alice.user_permissions.remove(w.was),
    "user.user_permissions: set": lambda w: w.alice.user_permissions.set([w.was, w.will]),
    "user.user_permissions: set to none": lambda w: w.alice.user_permissions.set([]),
    "user.user_permissions: clear": lambda w: w.alice.user_permissions.clear(),
    "permission.user_set: add": lambda w: w.will.user_set.add(w.alice),
    "permission.user_set: remove": lambda w: w.was.user_set.remove(w.alice),
    "permission.user_set: set": lambda w: w.will.user_set.set([w.alice]),
    "permission.user_set: set to none": lambda w: w.was.user_set.set([]),
    "permission.user_set: clear": lambda w: w.was.user_set.clear(),
    "group.permissions: add": lambda w: w.old.permissions.add(w.will),
    "group.permissions: remove": lambda w: w.old.permissions.remove(w.through_group),
    "group.permissions: set": lambda w: w.old.permissions.set([w.through_group, w.will]),
    "group.permissions: set to none": lambda w: w.old.permissions.set([]),
    "group.permissions: clear": lambda w: w.old.permissions.clear(),
    "permission.group_set: add": lambda w: w.will.group_set.add(w.old),
    "permission.group_set: remove": lambda w: w.through_group.group_set.remove(w.old),
    "permission.group_set: set": lambda w: w.will.group_set.set([w.old]),
    "permission.group_set: set to none": lambda w: w.through_group.group_set.set([]),
    "permission.group_set: clear": lambda w: w.through_group.group_set.clear(),
    "group: delete": lambda w: w.old.delete(),
    "group: delete by query": lambda w: Group.objects.filter(pk=w.old.pk).delete(),
    "permission of the user: delete": lambda w: w.was.delete(),
    "permission of the user: delete by query": lambda w: Permission.objects.filter(pk=w.was.pk).delete(),
    "permission of a group: delete": lambda w: w.through_group.delete(),
    "permission of a group: delete by query": lambda w: Permission.objects.filter(pk=w.through_group.pk).delete(),
    "permissions: delete with their content type": lambda w: w.thing.delete(),
}


@pytest.mark.parametrize("cause", RELATIONS.values(), ids=RELATIONS.keys())
def test_a_group_or_a_permission(cause: Callable[[World], Any], world: World, issued: Issued) -> None:
    assert refusal(issued.access) == "ok"
    cause(world)
    assert_stale(issued)


NOTHING: dict[str, Callable[[World], Any]] = {
    "a group that she is in": lambda w: w.alice.groups.add(w.old),
    "from the other side": lambda w: w.old.user_set.add(w.alice),
    "the same groups": lambda w: w.alice.groups.set([w.old]),
    "a permission that her group has": lambda w: w.old.permissions.add(w.through_group),
    "another group's permissions": lambda w: w.new.permissions.add(w.will),
    "a group of nobody": lambda w: w.new.delete(),
    "a permission of nobody": lambda w: w.will.delete(),
    "a group's name": lambda w: w.old.save(),
}


@pytest.mark.parametrize("change", NOTHING.values(), ids=NOTHING.keys())
def test_what_changes_nothing_for_her(change: Callable[[World], Any], world: World, issued: Issued) -> None:
    change(world)
    assert_lives(issued)


@pytest.mark.parametrize("name", ["group.user_set: clear", "group.permissions: add", "group: delete"])
def test_what_is_rolled_back_is_no_cause(name: str, world: World, issued: Issued) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        RELATIONS[name](world)
        raise ZeroDivisionError
    assert_lives(issued)


# Columns


def save(**changes: bool) -> None:
    user = fetch()
    for name, value in changes.items():
        setattr(user, name, value)
    user.save()


def save_fields(*fields: str, **changes: bool) -> None:
    user = fetch()
    for name, value in changes.items():
        setattr(user, name, value)
    user.save(update_fields=fields)


def save_deferred(*loaded: str, **changes: bool) -> None:
    user = get_user_model()._default_manager.only(*loaded).get(username="alice")
    for name, value in changes.items():
        setattr(user, name, value)
    user.save()


COLUMNS: dict[str, Cause] = {
    "is_staff": lambda: save(is_staff=True),
    "is_superuser": lambda: save(is_superuser=True),
    "is_staff, alone": lambda: save_fields("is_staff", is_staff=True),
    "is_superuser, among others": lambda: save_fields("email", "is_superuser", is_superuser=True),
    "is_staff, not loaded": lambda: save_deferred("email", is_staff=True),
    "is_superuser, nothing loaded": lambda: save_deferred("pk", is_superuser=True),
    "is_superuser, by update_or_create": lambda: get_user_model()._default_manager.update_or_create(
        username="alice", defaults={"is_superuser": True}
    ),
}


@pytest.mark.parametrize("cause", COLUMNS.values(), ids=COLUMNS.keys())
def test_a_column(cause: Cause, issued: Issued) -> None:
    cause()
    assert_stale(issued)


@pytest.mark.parametrize("name", ["is_staff", "is_superuser"])
def test_a_right_that_is_taken_away(name: str, world: World) -> None:
    save(**{name: True})
    issued = log_in()
    assert issued is not None
    save(**{name: False})
    assert_stale(issued)


def test_active_again_without_having_been_told_otherwise(issued: Issued) -> None:
    get_user_model()._default_manager.filter(username="alice").update(is_active=False)
    save(is_active=True)
    assert_stale(issued)


@pytest.mark.parametrize(
    "cause",
    [
        lambda: save(is_active=False),
        lambda: save_fields("is_active", is_active=False),
        lambda: save_deferred("pk", is_active=False),
        lambda: save(is_active=False, is_superuser=True, is_staff=True),
    ],
    ids=["whole", "alone", "not loaded", "with more"],
)
def test_a_deactivation_ends_the_sessions_too(cause: Cause, issued: Issued) -> None:
    cause()
    assert refusal(issued.access) == "token_stale"
    assert code(refresh(issued.refresh)) == "token_revoked"
    assert_dead(issued)


def test_what_is_not_written_is_no_cause(issued: Issued) -> None:
    save_fields("email", is_staff=True, is_superuser=True, is_active=False)
    save()
    assert_lives(issued)


def test_what_was_never_loaded_is_not_asked_for(world: World) -> None:
    """It cannot have been changed: its instance costs what it costs without us."""
    user = get_user_model()._default_manager.only("email").get(username="alice")
    with counted() as found:
        user.save(update_fields=["email", "is_staff"])
    assert found.kinds() == ["SELECT", "UPDATE"]  # Django's: what to write
