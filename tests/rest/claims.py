"""A project's callables, named in settings by their dotted path."""

from typing import Any

from rest_framework import serializers


def roles(user: Any, session: Any) -> dict[str, Any]:
    return {"roles": ["editor"]}


class Badge(serializers.BaseSerializer[Any]):
    def to_representation(self, instance: Any) -> dict[str, str]:
        return {"badge": f"{instance.username} via {self.context['request'].method}"}
