"""A project's callables, named in settings by their dotted path."""

from collections.abc import Sequence
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from rest_framework import serializers


def roles(user: Any, session: Any) -> dict[str, Any]:
    return {"roles": ["editor"]}


class Badge(serializers.BaseSerializer[Any]):
    def to_representation(self, instance: Any) -> dict[str, str]:
        return {"badge": f"{instance.username} via {self.context['request'].method}"}


class NoMail(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        raise OSError("no route to the mail server")
