"""The same password in another encoding: Django re-encodes at a sign-in when the preferred hasher has changed.

That is no cause, but a password that is changed meanwhile must stay, and live sessions must not lose their hash.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password, get_hasher, identify_hasher, is_password_usable
from django.core.exceptions import PermissionDenied
from django.db.models import F

from .models import Session
from .stores.dialect import write_transaction
from .stores.orm import auth_hashes
from .wiring import alias

_verifying: ContextVar[str | None] = ContextVar("lanyard_verifying", default=None)


@contextmanager
def verifying(password: str) -> Iterator[None]:
    """Around `authenticate`: lets two sign-ins that re-encode the same password at once see that it is the same."""
    token = _verifying.set(password)
    try:
        yield
    finally:
        _verifying.reset(token)


def is_rehash(user: Any, update_fields: frozenset[str] | None) -> bool:
    """Whether this save comes from Django's `check_password`, which re-encodes when the preferred hasher has changed.

    Django then saves that column alone, having set `_password` to None on the instance itself. The same is left behind
    by a save after `set_password`, so an instance that was seen with a new password never counts again.
    """
    if getattr(user, "_password", None) is not None:
        user._lanyard_has_new_password = True
    if "_lanyard_has_new_password" in user.__dict__ or update_fields != frozenset({"password"}):
        return False
    return "_password" in user.__dict__ and _is_current(user.password)


def _is_current(encoded: str) -> bool:
    """Whether a usable password is encoded as Django would now."""
    preferred = get_hasher("default")
    try:
        return identify_hasher(encoded).algorithm == preferred.algorithm and not preferred.must_update(encoded)
    except ValueError:
        return False


class AsStored(str):
    """An encoding that to save writes nothing: Django's own UPDATE, which comes after ours, sets the column to itself.

    Else it would write back the old password over one that was set between the two.
    """

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        return F("password").resolve_expression(*args, **kwargs)


def rehash(user: Any, using: str) -> bool:
    """Store the new encoding together with what live sessions are bound to: no refresh sees one without the other.

    Only over an encoding of the password being verified, compared with no lock held, for hashing is slow. False if what
    is stored is neither an old encoding nor one of that password: then it is a change.
    """
    rows = get_user_model()._base_manager.using(using).filter(pk=user.pk)
    passwords = rows.values_list("password", flat=True)
    password, stored = _verifying.get(), next(iter(passwords), None)
    while stored is not None and is_password_usable(stored):
        if password is not None and not check_password(password, stored):
            raise PermissionDenied("The password was changed while it was verified.")  # Django's `authenticate` refuses
        if _is_current(stored):
            if password is None:
                return False
            user.password = stored  # another sign-in has just re-encoded it: keep that one
            return True
        with write_transaction(using):
            locked = next(iter(passwords.select_for_update()), None)
            if locked == stored:
                rows.update(password=user.password)
                _carry_sessions_over(user, stored)
                return True
        stored = locked
    return False


def _carry_sessions_over(user: Any, before: str) -> None:
    """Bind live sessions to the new encoding; those bound to anything else stay as they are and die at refresh."""
    present, user.password = user.password, before
    try:
        old = auth_hashes(user)
    finally:
        user.password = present
    rows = Session.objects.using(alias()).filter(user_id=user.pk, revoked_at=None, auth_hash__in=old)
    rows.update(auth_hash=auth_hashes(user)[0])
