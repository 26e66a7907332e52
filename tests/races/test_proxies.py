"""Proxies of Django's groups and permissions are senders of their own: deleting one is a cause all the same."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db.models.deletion import Collector

from .world import log_in, refusal


class Team(Group):
    class Meta:
        proxy = True
        app_label = "testapp"


class Person(User):
    class Meta:
        proxy = True
        app_label = "testapp"


class Right(Permission):
    class Meta:
        proxy = True
        app_label = "testapp"


DELETIONS: dict[str, Callable[[Team, Right], Any]] = {
    "group": lambda team, right: team.delete(),
    "group by query": lambda team, right: Team._default_manager.all().delete(),
    "permission": lambda team, right: right.delete(),
}


@pytest.mark.parametrize("delete", DELETIONS.values(), ids=DELETIONS.keys())
def test_deleting_a_proxy(delete: Callable[[Team, Right], Any], alice: Any) -> None:
    content_type = ContentType.objects.get_for_model(Group)
    team: Any = Team._default_manager.create(name="team")
    right: Any = Right._default_manager.create(codename="right", name="right", content_type=content_type)
    alice.groups.add(team)
    alice.user_permissions.add(right)
    issued = log_in()
    assert issued is not None
    assert refusal(issued.access) == "ok"
    delete(team, right)
    assert refusal(issued.access) == "token_stale"


def test_deleting_a_user_by_a_proxy(alice: Any) -> None:
    issued = log_in()
    assert issued is not None
    Person._default_manager.get(pk=alice.pk).delete()
    assert refusal(issued.access) == "token_stale"


def test_rows_of_other_models_are_still_deleted_at_once() -> None:
    """A receiver of every deletion would make Django load each row first, of whatever model of the project."""
    collector = Collector(using="default")
    assert collector.can_fast_delete(LogEntry._default_manager.all())
    assert not collector.can_fast_delete(Team._default_manager.all())
