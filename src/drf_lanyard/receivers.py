"""The causes: what makes a user's tokens wrong, noticed by signals and written by `service`.

Proxies of a model are senders of their own, so receivers hear every model and ask `issubclass`. Statements that
send no signal (`QuerySet.update`, `bulk_update`, raw SQL) are not seen here: for those there is `revoke_users`, or
`lanyard_triggers`, which take the same locks in the same order. The refresh notices a changed password by itself.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import Group, Permission
from django.db import connections, router
from django.db.models import Model, QuerySet
from django.db.models.signals import class_prepared, m2m_changed, post_delete, post_save, pre_delete, pre_save

from .models import ApiToken, Revocation, Session
from .reencoding import AsStored, is_rehash, rehash
from .stores.orm import append
from .wiring import alias, get_lanyard

#: Columns of the user whose change makes tokens wrong. `password` and `is_active` end sessions, the rest only claims.
WATCHED = ("password", "is_active", "is_staff", "is_superuser")

_kept: ContextVar[UUID | None] = ContextVar("lanyard_kept_session", default=None)


@contextmanager
def keeping_session(session_id: UUID) -> Iterator[None]:
    """A password change saved inside ends every other session of the user; this one is the caller's to renew."""
    token = _kept.set(session_id)
    try:
        yield
    finally:
        _kept.reset(token)


def connect() -> None:
    """Called once, when the apps are ready."""
    for signal, receiver in (
        (pre_save, _before_user_save),
        (post_save, _after_user_save),
        (m2m_changed, _on_membership_change),
        (class_prepared, _watch_deletions),
    ):
        signal.connect(receiver, dispatch_uid=f"lanyard.{receiver.__name__}")
    for model in apps.get_models():
        _watch_deletions(model)
    pre_delete.connect(_before_session_delete, sender=Session, dispatch_uid="lanyard.session.before")
    pre_delete.connect(_before_token_delete, sender=ApiToken, dispatch_uid="lanyard.token.before")


def _watch_deletions(sender: type[Model], **kwargs: Any) -> None:
    """Of users and groups alone: while anybody listens, Django deletes a model's rows one by one and not at once."""
    if issubclass(sender, (Group, Permission)):
        pre_delete.connect(_before_group_delete, sender=sender, dispatch_uid="lanyard.group.before")
        post_delete.connect(_after_group_delete, sender=sender, dispatch_uid="lanyard.group.after")
    elif issubclass(sender, AbstractBaseUser) or _is_user(sender):
        pre_delete.connect(_before_user_delete, sender=sender, dispatch_uid="lanyard.user.before")
        post_delete.connect(_after_user_delete, sender=sender, dispatch_uid="lanyard.user.after")


def _is_user(sender: type[Model]) -> bool:
    """The user model, a proxy or child of it, or a concrete parent that holds its columns."""
    return issubclass(sender, get_user_model()) or issubclass(get_user_model(), sender)


def _is_ours(using: str) -> bool:
    """Whether what is written there concerns us: in another database the same key is somebody else.

    In doubt it does: where our tables are, where users are written, and under another alias with the same name, which
    may be another way to the same database (around a pooler, as another role), whatever host and port say.
    """
    ours = {alias(), router.db_for_write(get_user_model())}
    return using in ours or _name(using) in map(_name, ours)


def _name(using: str) -> str:
    return str(connections[using].settings_dict["NAME"])


# Saving a user


def _before_user_save(
    sender: type[Model], instance: Any, raw: bool, using: str, update_fields: frozenset[str] | None, **kwargs: Any
) -> None:
    """Read what is stored, if this save may change a watched column: one query, and only then."""
    if not _is_user(sender):
        return
    instance._lanyard_before = instance._lanyard_encoded = None
    if is_rehash(instance, update_fields) and _is_ours(using) and rehash(instance, using):
        instance._lanyard_encoded = instance.password
        instance.password = AsStored(instance.password)
        return
    unloaded = instance.get_deferred_fields()
    loaded = [name for name in _watched(sender, update_fields) if name not in unloaded]
    if instance.pk is None or not loaded or not _is_ours(using):
        return
    rows = get_user_model()._base_manager.using(using).filter(pk=instance.pk)
    instance._lanyard_before = rows.values(*loaded).first()


def _watched(sender: type[Model], update_fields: frozenset[str] | None) -> list[str]:
    names = {field.name for field in sender._meta.concrete_fields}
    return [name for name in WATCHED if name in names and (update_fields is None or name in update_fields)]


def _after_user_save(sender: type[Model], instance: Any, created: bool, **kwargs: Any) -> None:
    if not _is_user(sender):
        return
    encoded = instance.__dict__.pop("_lanyard_encoded", None)
    if encoded is not None:
        instance.password = encoded
    before = instance.__dict__.pop("_lanyard_before", None)
    if before is None or created:
        return
    changed = {name for name, value in before.items() if getattr(instance, name) != value}
    if "password" in changed:
        get_lanyard().revoke_users([instance.pk], "password_changed", keep=_kept.get())
    elif "is_active" in changed and not instance.is_active:
        get_lanyard().revoke_users([instance.pk], "deactivated")
    elif changed:
        get_lanyard().revoke_users([instance.pk], "claims_changed", keep_sessions=True)


# Deleting


def _before_user_delete(sender: type[Model], instance: Any, using: str, **kwargs: Any) -> None:
    """Hold the user's row, so that no sign-in adds a session; one added since Django looked would block the delete."""
    if _is_user(sender) and _is_ours(using):
        if connections[using].features.has_select_for_update:  # else the first statement has to be one that writes
            rows = get_user_model()._base_manager.using(using).select_for_update().filter(pk=instance.pk)
            list(rows.values_list("pk"))
        Session.objects.using(using).filter(user_id=instance.pk)._raw_delete(using)


def _after_user_delete(sender: type[Model], instance: Any, using: str, **kwargs: Any) -> None:
    if _is_user(sender) and _is_ours(using):
        get_lanyard().revoke_users([instance.pk], "deleted")


def _before_session_delete(sender: type[Model], instance: Session, origin: Any, using: str, **kwargs: Any) -> None:
    """A deleted row is a dead session too. Deleting its user has a cause of its own."""
    if _is_ours(using) and _is_deleted_itself(Session, origin):
        get_lanyard().revoke_sessions([instance.pk], "deleted")


def _before_token_delete(sender: type[Model], instance: ApiToken, origin: Any, using: str, **kwargs: Any) -> None:
    """The log entry of an API token that is deleted as a row, in the transaction that deletes it."""
    if _is_ours(using) and _is_deleted_itself(ApiToken, origin):
        get_lanyard().publisher.tokens(append(alias(), [Revocation.of_credential(instance.pk)]), "deleted")


def _is_deleted_itself(model: type[Model], origin: Any) -> bool:
    """Whether rows of `model` were asked to be deleted, and do not merely go with their user. In doubt they were."""
    return origin is None or issubclass(origin.model if isinstance(origin, QuerySet) else type(origin), model)


# Groups and permissions: `user.groups`, `user.user_permissions` and `group.permissions`, changed from either side


def _relations() -> Iterator[tuple[type[Model], type[Model], str]]:
    """(table between, model on the near side, its field)"""
    user = get_user_model()
    for name in ("groups", "user_permissions"):
        if hasattr(user, name):
            yield getattr(user, name).through, user, name
    yield Group.permissions.through, Group, "permissions"


def _on_membership_change(
    sender: type[Model], instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, using: str, **kwargs: Any
) -> None:
    for through, model, field in _relations():
        if sender is not through or not _is_ours(using):
            continue
        if action == "pre_clear" and reverse:
            instance._lanyard_cleared = _keys(using, model, **{field: instance})
        elif action in ("post_add", "post_remove", "post_clear"):
            near = (pk_set or instance.__dict__.pop("_lanyard_cleared", set())) if reverse else {instance.pk}
            if pk_set or action == "post_clear":
                _claims_changed(_members(using, near) if model is Group else near)


def _keys(using: str, model: type[Model], **conditions: Any) -> set[Any]:
    """Read where the change is written: a replica may not have it yet."""
    return set(model._base_manager.using(using).filter(**conditions).values_list("pk", flat=True))


def _members(using: str, groups: Collection[Any]) -> set[Any]:
    return _keys(using, get_user_model(), groups__in=groups) if hasattr(get_user_model(), "groups") else set()


def _claims_changed(users: Collection[Any]) -> None:
    if users:
        get_lanyard().revoke_users(users, "claims_changed", keep_sessions=True)


def _before_group_delete(sender: type[Model], instance: Group | Permission, using: str, **kwargs: Any) -> None:
    """Deleting a group or a permission sends no `m2m_changed`: remember whom it concerns while one can still ask."""
    if isinstance(instance, Group):
        affected = _members(using, [instance.pk])
    else:
        affected = _members(using, _keys(using, Group, permissions=instance))
        if hasattr(get_user_model(), "user_permissions"):
            affected |= _keys(using, get_user_model(), user_permissions=instance)
    instance._lanyard_affected = affected  # type: ignore[union-attr]


def _after_group_delete(sender: type[Model], instance: Group | Permission, using: str, **kwargs: Any) -> None:
    affected = instance.__dict__.pop("_lanyard_affected", set())
    if _is_ours(using):
        _claims_changed(affected)
