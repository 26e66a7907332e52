"""`request.user` without a query: a real user of which only the primary key is loaded.

The first touch of any other field loads the whole row in one query, and refuses a user who is gone or inactive.
Nothing of a token is ever written into a field: a later `save()` would write it to the database.
"""

import weakref
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import router
from django.db.models import Model, QuerySet

from .conf import get_settings
from .core.errors import TokenInvalid, UserInactive
from .exceptions import to_api_exception

# Kept in the instance's dictionary while it is unloaded: Django calls the first when a deferred field is read, copy and
# pickle call the second.
_REFRESH, _REDUCE = "refresh_from_db", "__reduce__"


def user_for(user_id: str) -> Any:
    """A new instance of the project's user model for a verified `sub`. No query, unless USER_LOADING is "eager".

    Raises `TokenInvalid` if `user_id` cannot be a primary key, and, when eager, what touching a field would raise.
    """
    model, names = _plan(settings.AUTH_USER_MODEL)
    try:
        pk = model._meta.pk.to_python(user_id)
    except (ValidationError, ValueError, TypeError, OverflowError):
        raise TokenInvalid from None
    if pk is None or "\0" in user_id:
        raise TokenInvalid
    try:
        user = model.from_db(router.db_for_read(model), names, [pk] * len(names))
    except model.DoesNotExist:  # its __init__ reads fields, see below
        raise to_api_exception(UserInactive()) from None
    _Unloaded(user)
    if get_settings().user_loading == "eager" or _was_touched(user, len(names)):
        user.refresh_from_db()
    return user


def _was_touched(user: Model, keys: int) -> bool:
    """Whether the model's own `__init__` has read fields, and so loaded them without a look at `is_active`."""
    if len(user.__dict__) <= keys + 3:  # the keys, `_state` and our two: nothing else is there
        return False
    return len(user.get_deferred_fields()) + keys < len(user._meta.concrete_fields)


def was_refused(user: Any) -> bool:
    """Whether loading this user has failed because the user is gone or inactive. No query."""
    unloaded = getattr(user, "__dict__", {}).get(_REFRESH)
    return isinstance(unloaded, _Unloaded) and unloaded.refused


@lru_cache(maxsize=16)
def _plan(label: str) -> tuple[type[Any], tuple[str, ...]]:
    """The user model of that name, and its `_key_columns`."""
    model = get_user_model()
    return model, _key_columns(model)


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


class _Unloaded:
    """Stands in for `refresh_from_db` of one instance until its row has been loaded."""

    __slots__ = ("_user", "refused")

    def __init__(self, user: Model) -> None:
        self._user = weakref.ref(user)  # a cycle would leave every request's user to the garbage collector
        self.refused = False
        self._attach(user)

    def _attach(self, user: Model) -> None:
        user.__dict__[_REFRESH] = self
        user.__dict__[_REDUCE] = self.reduce

    def __call__(
        self, using: str | None = None, fields: Any = None, from_queryset: "QuerySet[Any] | None" = None
    ) -> None:
        """Load every field that was neither loaded nor assigned; without `fields`, all of them."""
        user = self._owner()
        names = _missing(user, fields)
        for name in (_REFRESH, _REDUCE):
            del user.__dict__[name]  # first, since a project's own method may touch fields too
        try:
            user.refresh_from_db(using=using, fields=names, from_queryset=from_queryset)
        except type(user).DoesNotExist:
            self._refuse(user, ())
        except BaseException:
            self._attach(user)
            raise
        if not getattr(user, "is_active", True):
            self._refuse(user, names)

    def _refuse(self, user: Model, loaded: "list[str] | tuple[()]") -> None:
        """Unload again, so that every later touch is refused too."""
        for name in loaded:
            user.__dict__.pop(name, None)
        self.refused = True
        self._attach(user)
        raise to_api_exception(UserInactive()) from None

    def reduce(self) -> tuple[Any, ...]:
        """For copy and pickle: a copy of an unloaded user is an unloaded user."""
        user = self._owner()
        model: Any = type(user)
        function, arguments, state, *_ = model.__reduce__(user)
        kept = {name: value for name, value in state.items() if name not in (_REFRESH, _REDUCE)}
        return _revive, (function, *arguments), kept

    def _owner(self) -> Any:
        user = self._user()
        if user is None:
            raise ReferenceError("The user that this belongs to is gone.")
        return user


def _missing(user: Model, fields: Any) -> list[str]:
    keys = _key_columns(type(user))
    names = [field.attname for field in user._meta.concrete_fields if field.attname not in keys]
    if fields is None:
        return names
    asked = set(fields)
    return [name for name in names if name in asked or name not in user.__dict__]


def _revive(function: Any, *arguments: Any) -> Model:
    user: Model = function(*arguments)
    _Unloaded(user)
    return user
