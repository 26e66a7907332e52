"""A name and a password, verified by the project's authentication backends."""

from typing import Any

from django.contrib.auth import authenticate, get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from .core.errors import InvalidCredentials
from .reencoding import verifying

#: Characters. Longer ones are refused before anything is hashed.
MAX_PASSWORD = 4096


@sensitive_variables()
def verified_user(request: HttpRequest, username: str, password: str) -> Any:
    """The user whose password this is, with `backend` set. Takes as long as hashing does.

    One answer for unknown, wrong, inactive and unusable: raises `InvalidCredentials`.
    """
    model: Any = get_user_model()
    try:
        model._meta.get_field(model.USERNAME_FIELD).to_python(username)
    except ValidationError:  # not a number, or not whatever this model calls its users: nobody's name
        raise InvalidCredentials from None
    with verifying(password):
        user = authenticate(request, **{model.USERNAME_FIELD: username, "password": password})
    if user is None:
        raise InvalidCredentials
    return user


def max_username() -> int:
    """Characters; as in Django's own form."""
    model: Any = get_user_model()
    return model._meta.get_field(model.USERNAME_FIELD).max_length or 254
