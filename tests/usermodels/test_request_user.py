"""`request.user`, whatever the user model's primary key, managers and tables are."""

import copy
import copyreg
import pickle
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext
from rest_framework.exceptions import AuthenticationFailed

from drf_lanyard.core.errors import TokenInvalid
from drf_lanyard.user import _forget_plan, user_for, was_refused
from tests.testapp.models import Note

from .users import create_user, sign_in_name

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Any:
    return create_user("alice")


def lazy(user: Any) -> Any:
    return user_for(str(user.pk))


def everyone() -> Any:
    return get_user_model()._base_manager


def counting() -> CaptureQueriesContext:
    return CaptureQueriesContext(connection)


def test_a_real_user_without_a_query(alice: Any) -> None:
    with counting() as queries:
        user = lazy(alice)
        assert type(user) is get_user_model()
        assert user.pk == alice.pk
        assert type(user.pk) is type(alice.pk)
        assert user == alice
        assert hash(user) == hash(alice)
        assert user.is_authenticated
        assert not user.is_anonymous
        assert user._state.db == "default"
        assert not user._state.adding
    assert len(queries) == 0


def test_nothing_but_primary_keys_is_loaded(alice: Any) -> None:
    """In a chain of tables, the one of each of them."""
    user = lazy(alice)
    columns = {field.attname: field for field in user._meta.concrete_fields}
    loaded = set(columns) - user.get_deferred_fields()
    assert loaded == {name for name, field in columns.items() if field.primary_key}
    assert {user.__dict__[name] for name in loaded} == {alice.pk}


def test_the_first_touch_loads_everything_in_one_query(alice: Any) -> None:
    user = lazy(alice)
    with counting() as queries:
        assert user.get_username() == sign_in_name("alice")
        for field in user._meta.concrete_fields:
            assert getattr(user, field.attname) == getattr(alice, field.attname)
    assert len(queries) == 1
    assert "refresh_from_db" not in vars(user)
    assert set(vars(user)) <= set(vars(everyone().get(pk=alice.pk)))


def test_a_refresh_after_that_is_django_s_own(alice: Any) -> None:
    user = lazy(alice)
    user.refresh_from_db()
    everyone().filter(pk=alice.pk).update(password="changed")
    with counting() as queries:
        user.refresh_from_db(fields=["password"])
    assert user.password == "changed"
    assert len(queries) == 1


def test_each_is_a_new_one(alice: Any) -> None:
    first, second = lazy(alice), lazy(alice)
    first.password = "scribble"
    assert "password" not in vars(second)


def test_as_the_author_of_something(alice: Any) -> None:
    with counting() as queries:
        note = Note.objects.create(author=lazy(alice), text="hello")
    assert len(queries) == 1
    assert Note.objects.get(author=lazy(alice)) == note
    assert note.author_id == alice.pk


def test_saving_an_assigned_field_writes_that_field_alone(alice: Any) -> None:
    everyone().filter(pk=alice.pk).update(password="from another process")
    user = lazy(alice)
    setattr(user, user.USERNAME_FIELD, sign_in_name("alison"))
    user.save()
    stored = everyone().get(pk=alice.pk)
    assert stored.get_username() == sign_in_name("alison")
    assert stored.password == "from another process"


def test_loading_keeps_what_was_assigned(alice: Any) -> None:
    user = lazy(alice)
    user.password = "assigned"
    assert user.get_username() == sign_in_name("alice")
    assert user.password == "assigned"
    user.refresh_from_db()
    assert user.password == alice.password


def test_saving_an_untouched_user_changes_nothing(alice: Any) -> None:
    before = everyone().filter(pk=alice.pk).values().get()
    lazy(alice).save()
    assert everyone().filter(pk=alice.pk).values().get() == before


def test_a_locked_row_can_be_asked_for(alice: Any) -> None:
    user = lazy(alice)
    with counting() as queries:
        user.refresh_from_db(from_queryset=everyone().select_for_update())
        assert user.get_username() == sign_in_name("alice")
    assert len([query for query in queries if query["sql"].startswith("SELECT")]) == 1


@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda user: pickle.loads(pickle.dumps(user))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies(alice: Any, again: Any) -> None:
    user = lazy(alice)
    user.note_to_self = ["kept"]
    with counting() as queries:
        copied = again(user)
        assert copied == user
        assert copied.note_to_self == ["kept"]
    assert len(queries) == 0
    with counting() as queries:
        del user  # a copy does not depend on the original
        assert copied.get_username() == sign_in_name("alice")
        assert copied.is_active
    assert len(queries) == 1
    loaded = again(copied)
    assert loaded.get_username() == sign_in_name("alice")


def test_a_way_to_copy_users_of_the_project_s_own_stays(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def reduce(user: Any) -> Any:
        return str, (user.pk,)

    monkeypatch.setitem(copyreg.dispatch_table, type(alice), reduce)
    assert copy.copy(lazy(alice)) == str(alice.pk)


@pytest.mark.parametrize("again", [lambda user: user, copy.copy, copy.deepcopy], ids=["itself", "copy", "deepcopy"])
@pytest.mark.parametrize("gone", [True, False], ids=["deleted", "inactive"])
def test_somebody_gone_or_inactive_is_refused_at_every_touch(alice: Any, gone: bool, again: Any) -> None:
    user = again(lazy(alice))
    rows = everyone().filter(pk=alice.pk)
    if gone:
        rows.delete()
    else:
        rows.update(is_active=False)
    assert not was_refused(user)
    for touch in ("password", user.USERNAME_FIELD, "is_active"):
        with pytest.raises(AuthenticationFailed) as caught:
            getattr(user, touch)
        assert caught.value.detail == {"detail": "The user is inactive or no longer exists.", "code": "user_inactive"}
    with pytest.raises(AuthenticationFailed):
        user.refresh_from_db()
    assert was_refused(user)
    assert user.pk == alice.pk
    assert user.get_deferred_fields()


def test_a_database_error_is_not_a_refusal(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    user = lazy(alice)

    def fail(self: Any, **kwargs: Any) -> None:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(type(user), "refresh_from_db", fail)
        with pytest.raises(OSError):
            user.get_username()
    assert not was_refused(user)
    with counting() as queries:
        assert (user.get_username(), user.password) == (sign_in_name("alice"), alice.password)
    assert len(queries) == 1


def test_a_subject_with_nul_is_no_user() -> None:
    with pytest.raises(TokenInvalid):
        user_for("7\0")


def test_no_garbage_is_left(alice: Any) -> None:
    """A cycle would keep the user of every request until the garbage collector finds it."""
    import gc
    import weakref

    gc.disable()
    try:
        user = lazy(alice)
        reference = weakref.ref(user)
        del user
        assert reference() is None
    finally:
        gc.enable()


def test_whoever_listens_for_new_instances_is_told(alice: Any) -> None:
    """And what Django then makes itself is what we make without it."""
    told: list[Any] = []

    def listen(sender: Any, instance: Any, **kwargs: Any) -> None:
        told.append(instance)

    short = lazy(alice)
    post_init.connect(listen, sender=type(alice))
    try:
        long = lazy(alice)
    finally:
        post_init.disconnect(listen, sender=type(alice))
    assert any(one is long for one in told)
    assert vars(short).keys() == vars(long).keys()
    assert {name: vars(short)[name] for name in keys_of(short)} == {name: vars(long)[name] for name in keys_of(long)}
    assert vars(short._state) == vars(long._state)


def keys_of(user: Any) -> list[str]:
    return [field.attname for field in user._meta.concrete_fields if field.primary_key]


def test_the_router_says_where_the_user_is_read(alice: Any, settings: Any) -> None:
    class Replica:
        def db_for_read(self, model: Any, **hints: Any) -> str:
            return "replica"

    settings.DATABASE_ROUTERS = [Replica()]
    assert lazy(alice)._state.db == "replica"


def test_a_factory_that_is_a_plain_function(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = get_user_model()
    original = model.from_db
    monkeypatch.setattr(model, "from_db", staticmethod(lambda *args: original(*args)))
    _forget_plan(setting="AUTH_USER_MODEL")
    try:
        assert lazy(alice) == alice
    finally:
        _forget_plan(setting="AUTH_USER_MODEL")


@pytest.mark.parametrize("how", ["__init__", "from_db"])
def test_code_of_the_project_s_that_makes_instances_runs(how: str, alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = get_user_model()
    ran = []

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        ran.append(how)
        original(self, *args, **kwargs)

    def from_db(cls: Any, *args: Any, **kwargs: Any) -> Any:
        ran.append(how)
        return original(*args, **kwargs)

    original = getattr(model, how)
    monkeypatch.setattr(model, how, init if how == "__init__" else classmethod(from_db))
    _forget_plan(setting="AUTH_USER_MODEL")
    try:
        assert lazy(alice) == alice
    finally:
        _forget_plan(setting="AUTH_USER_MODEL")
    assert ran


def test_a_model_that_reads_its_fields_when_made(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A widespread habit, to notice changes; it must not let an inactive user in."""
    model: Any = get_user_model()
    original = model.__init__

    def read_password(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.password_before = self.password

    monkeypatch.setattr(model, "__init__", read_password)
    assert lazy(alice).password_before == alice.password
    everyone().filter(pk=alice.pk).update(is_active=False)
    with pytest.raises(AuthenticationFailed):
        lazy(alice)
    everyone().filter(pk=alice.pk).delete()
    with pytest.raises(AuthenticationFailed):
        lazy(alice)
