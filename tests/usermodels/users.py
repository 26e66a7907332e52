"""One way to make a user of whatever model this run is about."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser

#: What each model must be given besides the name to sign in with.
NEEDED: dict[str, dict[str, Any]] = {
    "auth.User": {},
    "uuid_user.User": {},
    "string_user.User": {"code": "7"},
    "mti_user.Member": {},
}


def sign_in_name(name: str) -> str:
    """What this model's users type as their name."""
    return f"{name}@example.com" if get_user_model().USERNAME_FIELD == "email" else name


def create_user(name: str = "alice", password: str = "wonderland", **fields: Any) -> AbstractBaseUser:
    needed = NEEDED[settings.AUTH_USER_MODEL]
    manager: Any = get_user_model()._default_manager
    user: AbstractBaseUser = manager.create_user(sign_in_name(name), password=password, **{**needed, **fields})
    return user
