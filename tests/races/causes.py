"""What ends every session of alice, as a project would do it."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.auth import get_user_model

from drf_lanyard.api import revoke_user
from drf_lanyard.stores.dialect import write_transaction

from .world import PASSWORD, new_user

NEW_PASSWORD = "looking glass"


def fetch() -> Any:
    return get_user_model()._default_manager.get(username="alice")


def change_password() -> None:
    user = fetch()
    user.set_password(NEW_PASSWORD)
    user.save()


def deactivate() -> None:
    user = fetch()
    user.is_active = False
    user.save()


def delete() -> None:
    fetch().delete()


def log_out_everywhere() -> None:
    revoke_user(fetch())


def atomically(action: Callable[[], Any]) -> Callable[[], Any]:
    def act() -> None:
        with write_transaction("default"):  # SQLite fails by itself when one reads first and then writes
            action()

    return act


#: What ends a session, besides its own logout. Inside a project's transaction, too: then the signals join it.
CAUSES: Mapping[str, Callable[[], Any]] = {
    "logout everywhere": log_out_everywhere,
    "password": change_password,
    "deactivation": deactivate,
    "deletion": delete,
    "password, atomic": atomically(change_password),
    "deactivation, atomic": atomically(deactivate),
}


def restore() -> Any:
    """An alice as she was at first."""
    user = get_user_model()._default_manager.filter(username="alice").first()
    if user is None:
        return new_user()
    if not (user.is_active and user.check_password(PASSWORD)):
        user.is_active = True
        user.set_password(PASSWORD)
        user.save()
    return user
