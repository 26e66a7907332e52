"""The shapes of bodies, and nothing else."""

import datetime
import re
from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from rest_framework import serializers

from ..conf import get_settings
from ..models import Session
from ..passwords import MAX_PASSWORD, max_username

#: Characters.
MAX_TOKEN = 8192
_PLAIN = re.compile(rf"[!-~]{{1,{MAX_TOKEN}}}\Z")


class Text(serializers.CharField):
    """Text only: a number is not taken for its digits. NUL and lone surrogates are refused, as in every CharField."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Password(Text):
    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, max_length=MAX_PASSWORD, **options)


class LoginBody(serializers.Serializer[Any]):
    """Validates to `username`, whichever of both names it came under."""

    password = Password()
    device = Text(required=False, allow_blank=True, default="")
    transport = Text(required=False, allow_null=True, default=None)

    def get_fields(self) -> dict[str, Any]:
        model: Any = get_user_model()
        fields = super().get_fields()
        for name in ("username", model.USERNAME_FIELD):
            if name == "username" or name not in fields:
                fields[name] = Text(required=False, max_length=max_username())
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        model = get_user_model()
        username = attrs.get("username") or attrs.get(model.USERNAME_FIELD)
        if not username:
            raise serializers.ValidationError({"username": [self.fields["password"].error_messages["required"]]})
        # As Django's form and `create_user` do: one spelling for what looks the same.
        return {**attrs, "username": model.normalize_username(username)}


class RefreshBody(serializers.Serializer[Any]):
    refresh = Text(max_length=MAX_TOKEN)


def plain_token(body: Any) -> str | None:
    """The token of a `RefreshBody` that has nothing to strip and nothing to refuse; None: ask the serializer.

    To make a serializer takes several times as long.
    """
    token = body.get("refresh") if isinstance(body, Mapping) else None
    return token if isinstance(token, str) and _PLAIN.match(token) else None


class VerifyBody(serializers.Serializer[Any]):
    token = Text(max_length=2 * MAX_TOKEN)


class PasswordChangeBody(serializers.Serializer[Any]):
    old_password = Password()
    new_password = Password()


class PasswordResetBody(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)


class PasswordResetConfirmBody(serializers.Serializer[Any]):
    uid = Text(max_length=1024)
    token = Text(max_length=256)
    new_password = Password()


class UserSerializer(serializers.BaseSerializer[Any]):
    """What a client is told of a user: the id as text (as in `sub`), the name to sign in with, the e-mail address."""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return _represent(instance)


def _represent(user: Any) -> dict[str, Any]:
    names = [user.USERNAME_FIELD, *([email] if (email := email_field(type(user))) else [])]
    return {"id": str(user.pk), **{name: _plain(getattr(user, name)) for name in names}}


def email_field(model: Any) -> str | None:
    """The name of the field for the e-mail address, if the model has one."""
    try:
        name: str = model._meta.get_field(model.get_email_field_name()).name
    except FieldDoesNotExist:
        return None
    return name


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def represent_user(user: Any, request: Any) -> Any:
    """The user in the shape of `LANYARD["USER_SERIALIZER"]`."""
    serializer = get_settings().user_serializer
    return _represent(user) if serializer is None else serializer(user, context={"request": request}).data


class SessionSerializer(serializers.BaseSerializer[Session]):
    """One device. Needs `current` (the id of the session that asks) in its context."""

    def to_representation(self, instance: Session) -> dict[str, Any]:
        ends = [moment for moment in (instance.when("idle_expires_at"), instance.when("absolute_expires_at")) if moment]
        return {
            "id": str(instance.pk),
            "current": instance.pk == self.context["current"],
            "created_at": iso(instance.when("created_at")),
            "last_seen_at": iso(instance.when("rotated_at")),
            "expires_at": iso(min(ends)),
            "ip": instance.ip,
            "user_agent": instance.user_agent,
            "device": instance.device,
            "method": instance.method,
            "transport": instance.transport,
        }


def iso(moment: datetime.datetime | float | None) -> str | None:
    """ISO 8601 in UTC with milliseconds, also of Unix seconds: `2030-01-31T12:00:00.000Z`; None for never."""
    if moment is None or moment == float("inf"):
        return None
    if not isinstance(moment, datetime.datetime):
        moment = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    return moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
