"""`manage.py lanyard_revoke`: the emergency brake, from a shell."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import router

from drf_lanyard.api import revoke_session, revoke_user
from drf_lanyard.models import ApiToken, Session
from drf_lanyard.wiring import alias, get_lanyard

REASON = "command"
#: Users per transaction with --all.
BATCH = 500


class Command(BaseCommand):
    help = "End one session, every session of a user, or every session there is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--user", metavar="USERNAME", help="end every session of this user (as they sign in)")
        what.add_argument("--session", metavar="ID", help="end this session")
        what.add_argument("--all", action="store_true", help="end every session of everybody")
        parser.add_argument("--api-tokens", action="store_true", help="with --user: delete their API tokens as well")
        parser.add_argument("--wait", action="store_true", help="return when no process can still accept their tokens")
        parser.add_argument("--no-input", action="store_false", dest="interactive", help="do not ask before --all")

    def handle(
        self,
        *args: Any,
        user: str | None,
        session: str | None,
        api_tokens: bool,
        wait: bool,
        interactive: bool,
        **options: Any,
    ) -> None:
        if api_tokens and user is None:
            raise CommandError("--api-tokens goes with --user.")
        if user is not None:
            self._revoke_user(user, api_tokens, wait)
        elif session is not None:
            self._revoke_session(session, wait)
        else:
            self._revoke_all(wait, interactive)

    def _revoke_user(self, username: str, api_tokens: bool, wait: bool) -> None:
        found = find_user(username)
        live = Session.objects.using(alias()).live().filter(user_id=found.pk).count()
        tokens = ApiToken.objects.using(alias()).filter(user_id=found.pk).count() if api_tokens else 0
        revoke_user(found, reason=REASON, api_tokens=api_tokens, wait=wait)
        deleted = f" {tokens} API tokens deleted." if api_tokens else ""
        self.stdout.write(f"{username}: {live} live sessions ended.{deleted}")

    def _revoke_session(self, text: str, wait: bool) -> None:
        try:
            session_id = UUID(text)
        except ValueError:
            raise CommandError(f"{text!r} is not the id of a session.") from None
        if not Session.objects.using(alias()).filter(pk=session_id).exists():
            raise CommandError(f"There is no session {session_id}.")
        ended = revoke_session(session_id, reason=REASON, wait=wait)
        self.stdout.write(f"{session_id}: {'ended' if ended else 'had been revoked before'}.")

    def _revoke_all(self, wait: bool, interactive: bool) -> None:
        rows = Session.objects.using(alias()).filter(revoked_at=None).order_by("user_id")
        owners = list(rows.values_list("user_id", flat=True).distinct())
        if interactive and not _confirmed(len(owners)):
            raise CommandError("Nothing was revoked.")
        for start in range(0, len(owners), BATCH):
            last = start + BATCH >= len(owners)
            get_lanyard().revoke_users(owners[start : start + BATCH], REASON, wait=wait and last)
        self.stdout.write(f"Every session of {len(owners)} users was ended.")


def find_user(username: str) -> Any:
    """By whatever the project's users sign in with; inactive users too, whom a manager may hide, or a replica lack."""
    model = get_user_model()
    rows = model._base_manager.using(router.db_for_write(model))
    try:
        found = list(rows.filter(**{model.USERNAME_FIELD: username})[:2])
    except (ValueError, ValidationError):
        found = []
    if len(found) != 1:
        raise CommandError(
            f"{'Several users have' if found else 'No user has'} the {model.USERNAME_FIELD} {username!r}."
        )
    return found[0]


def _confirmed(users: int) -> bool:
    try:
        return input(f"End every session of {users} users? Type 'yes': ") == "yes"
    except EOFError:
        raise CommandError("There is nobody to ask; use --no-input.") from None
