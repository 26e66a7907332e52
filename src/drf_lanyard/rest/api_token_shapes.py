"""The shapes of API tokens in bodies."""

from typing import Any

from rest_framework import serializers

from ..core.scope import join_scopes
from ..models import ApiToken
from ..tokens import LEAST_IDLE_LIFETIME, MAX_LIFETIME, MAX_NAME
from .serializers import Text, iso

#: Seconds, as for LANYARD["API_TOKEN"]["LIFETIME"].
LEAST_LIFETIME = 60


def _seconds(least: float) -> serializers.IntegerField:
    return serializers.IntegerField(required=False, allow_null=True, min_value=int(least), max_value=int(MAX_LIFETIME))


class ApiTokenBody(serializers.Serializer[Any]):
    """Validates to `name`, `scopes`, and to the lifetimes that were given; null asks for no end."""

    name = Text(max_length=MAX_NAME)
    scopes = serializers.ListField(child=Text(), required=False, default=list)
    expires_in = _seconds(LEAST_LIFETIME)
    expires_when_idle_for = _seconds(LEAST_IDLE_LIFETIME)

    def validate_name(self, value: str) -> str:
        if not value.isprintable():
            raise serializers.ValidationError("A name has printable characters only.")
        return value

    def validate_scopes(self, value: list[str]) -> list[str]:
        try:
            return join_scopes(value).split()
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None


class ApiTokenSerializer(serializers.BaseSerializer[ApiToken]):
    """One API token, without the token."""

    def to_representation(self, instance: ApiToken) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "name": instance.name,
            "ends_in": instance.hint,
            "scopes": instance.scope.split(),
            "created_at": iso(instance.when("created_at")),
            "expires_at": iso(instance.when("expires_at")),
            "expires_when_idle_for": None if instance.idle_lifetime is None else int(instance.idle_lifetime),
            "last_used_at": iso(instance.when("last_used_at")),
        }
