"""`request.user` without a query: a real user of which only the primary key is loaded.

The first touch of any other field loads the whole row in one query, and refuses a user who is gone or inactive.
Nothing of a token is ever written into a field: a later `save()` would write it to the database.
"""

import weakref
from functools import lru_cache
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS, router
from django.db.models import Model, QuerySet
from django.db.models.base import ModelBase, ModelState
from django.db.models.signals import post_init, pre_init

from .conf import RELOADED_BY, get_settings
from .core.errors import TokenInvalid, UserInactive
from .exceptions import to_api_exception

# In the instance while it is unloaded: Django calls the first when a deferred field is read, copy and pickle call the
# second.
_REFRESH, _REDUCE = "refresh_from_db", "__reduce__"
_INIT: Any = Model.__init__
#: The rest of what makes an instance of a model without such code of its own.
_MADE_BY: Any = (ModelBase, Model.__new__, vars(Model)["from_db"].__func__, object.__setattr__)


def user_for(user_id: str) -> Any:
    """A new instance of the project's user model for a verified `sub`. No query, unless USER_LOADING is "eager".

    Raises `TokenInvalid` if `user_id` cannot be a primary key, and, when eager, what touching a field would raise.
    """
    return user_with(key_of(user_id))


def key_of(user_id: str) -> Any:
    """The primary key in a `sub`, in the type of the user model. Raises `TokenInvalid` if it cannot be one."""
    try:
        pk = (_plan or _make_plan()).model._meta.pk.to_python(user_id)
    except (ValidationError, ValueError, TypeError, OverflowError):
        raise TokenInvalid from None
    if pk is None or "\0" in user_id:
        raise TokenInvalid
    return pk


def user_with(pk: Any) -> Any:
    """`user_for` for a primary key."""
    model, names, is_plain, is_eager = _plan or _make_plan()
    is_observed = (pre_init.receivers or post_init.receivers) and _has_observers(model)
    if not is_plain or is_observed or model.__init__ is not _INIT:
        user = _from_db(model, names, pk)
    else:  # the same without passes over the fields that are not there: a sixth of the cost
        user = object.__new__(model)
        user._state = state = ModelState()
        state.adding = False
        state.db = router.db_for_read(model) if router.routers else DEFAULT_DB_ALIAS
        for name in names:
            setattr(user, name, pk)
        user.refresh_from_db = unloaded = _Unloaded(user)
        user.__reduce__ = unloaded.reduce
    if is_eager and _REFRESH in vars(user):  # a model that reads its fields has loaded them
        user.refresh_from_db()
    return user


def _has_observers(model: type[Model]) -> bool:
    """Whether somebody is told of new instances of this model."""
    return pre_init.has_listeners(model) or post_init.has_listeners(model)


def _from_db(model: type[Any], names: tuple[str, ...], pk: Any) -> Any:
    """An instance as Django makes it; a model that reads its fields meanwhile has loaded them."""
    try:
        user = model.from_db(router.db_for_read(model), names, [pk] * len(names))
    except model.DoesNotExist:
        raise to_api_exception(UserInactive()) from None
    _Unloaded(user).attach(user)
    if len(user.get_deferred_fields()) + len(names) < len(model._meta.concrete_fields):
        user.refresh_from_db()  # nobody has looked at `is_active` yet
    return user


def was_refused(user: Any) -> bool:
    """Whether loading this user has failed because the user is gone or inactive. No query."""
    return isinstance(getattr(user, "__dict__", {}).get(_REFRESH), _Refused)


class _Plan(NamedTuple):
    """How users are made, as long as no setting changes."""

    model: Any
    names: tuple[str, ...]
    #: Whether Django's code alone makes an instance of the model, but for `__init__` (libraries replace it) and
    #: signals: those are looked at each time.
    is_plain: bool
    is_eager: bool


_plan: _Plan | None = None


def _make_plan() -> _Plan:
    global _plan
    model: Any = get_user_model()
    from_db = getattr(model.from_db, "__func__", None)
    is_plain = (type(model), model.__new__, from_db, model.__setattr__) == _MADE_BY
    _plan = _Plan(model, _key_columns(model), is_plain, get_settings().user_loading == "eager")
    return _plan


def _forget_plan(*, setting: str, **kwargs: Any) -> None:
    global _plan
    if setting in RELOADED_BY:
        _plan = None


setting_changed.connect(_forget_plan, dispatch_uid="drf_lanyard.user")


@lru_cache(maxsize=16)
def _key_columns(model: type[Model]) -> tuple[str, ...]:
    """The columns that hold the primary key: with multi-table inheritance, one in each table of the chain.

    In the order of `_meta.concrete_fields`, which is how `from_db` reads its values.
    """
    key: Any = model._meta.pk
    chain = {key.attname}
    while key.remote_field is not None and key.remote_field.parent_link:
        key = key.remote_field.model._meta.pk
        chain.add(key.attname)
    return tuple(field.attname for field in model._meta.concrete_fields if field.attname in chain)


class _Unloaded(weakref.ref[Any]):
    """Stands in for `refresh_from_db` of one instance until its row has been loaded.

    It is a weak reference to that instance: a cycle would leave every request's user to the garbage collector.
    """

    __slots__ = ()

    def attach(self, user: Model) -> None:
        vars(user).update({_REFRESH: self, _REDUCE: self.reduce})

    def __call__(
        self, using: str | None = None, fields: Any = None, from_queryset: "QuerySet[Any] | None" = None
    ) -> None:
        """Load every field that was neither loaded nor assigned; without `fields`, all of them."""
        user = self._owner()
        names = _missing(user, fields)
        for name in (_REFRESH, _REDUCE):
            del vars(user)[name]  # first, since a project's own method may touch fields too
        try:
            user.refresh_from_db(using=using, fields=names, from_queryset=from_queryset)
        except type(user).DoesNotExist:
            self._refuse(user, ())
        except BaseException:
            self.attach(user)
            raise
        if not getattr(user, "is_active", True):
            self._refuse(user, names)

    def _refuse(self, user: Model, loaded: "list[str] | tuple[()]") -> None:
        """Unload again, so that every later touch is refused too."""
        for name in loaded:
            user.__dict__.pop(name, None)
        _Refused(user).attach(user)
        raise to_api_exception(UserInactive()) from None

    def reduce(self) -> tuple[Any, ...]:
        """For copy and pickle: a copy of an unloaded user is an unloaded user."""
        user = self._owner()
        model: Any = type(user)
        function, arguments, state, *_ = model.__reduce__(user)
        kept = {name: value for name, value in state.items() if name not in (_REFRESH, _REDUCE)}
        return _revive, (function, *arguments), kept

    def _owner(self) -> Any:
        user = super().__call__()
        if user is None:
            raise ReferenceError("The user that this belongs to is gone.")
        return user


class _Refused(_Unloaded):
    """One whose row was looked for, and is gone or inactive."""

    __slots__ = ()


def _missing(user: Model, fields: Any) -> list[str]:
    keys = _key_columns(type(user))
    names = [field.attname for field in user._meta.concrete_fields if field.attname not in keys]
    if fields is None:
        return names
    asked = set(fields)
    return [name for name in names if name in asked or name not in user.__dict__]


def _revive(function: Any, *arguments: Any) -> Model:
    user: Model = function(*arguments)
    _Unloaded(user).attach(user)
    return user
