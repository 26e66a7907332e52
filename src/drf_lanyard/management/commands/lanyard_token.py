"""`manage.py lanyard_token`: API tokens for scripts, from a shell."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from drf_lanyard.api import create_token, revoke_token
from drf_lanyard.core.policy import DAY
from drf_lanyard.models import ApiToken
from drf_lanyard.wiring import alias

from .lanyard_revoke import REASON, find_user


class Command(BaseCommand):
    help = "Create, list or revoke API tokens. `create` prints the token, and nothing else, on standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="create | list | revoke")
        create = actions.add_parser("create", help="make a token and print it, once")
        create.add_argument("--user", required=True, metavar="USERNAME", help="whose token (as they sign in)")
        create.add_argument("--name", required=True, help="what it is for")
        create.add_argument(
            "--scope", action="append", default=[], dest="scopes", help="what it may do; repeat for more (default: all)"
        )
        create.add_argument(
            "--expires-days", type=float, metavar="N", help='days until it expires (default: LANYARD["API_TOKEN"])'
        )
        shown = actions.add_parser("list", help="show the tokens of a user")
        shown.add_argument("--user", required=True, metavar="USERNAME", help="whose tokens (as they sign in)")
        revoke = actions.add_parser("revoke", help="end a token")
        revoke.add_argument("token", metavar="ID", help="its id, as `list` and `create` show it")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        if action == "create":
            self._create(options["user"], options["name"], options["scopes"], options["expires_days"])
        elif action == "list":
            self._list(options["user"])
        else:
            self._revoke(options["token"])

    def _create(self, username: str, name: str, scopes: list[str], days: float | None) -> None:
        user = find_user(username)
        try:
            token, token_id = create_token(
                user, name, scopes=scopes, lifetime="default" if days is None else days * DAY
            )
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(token)
        row = ApiToken.objects.using(alias()).get(pk=token_id)
        about = f"{token_id}: {name}, for {username}, {_ends(row)}. The token is not shown again."
        self.stderr.write(about, str)  # not in red: it is no error

    def _list(self, username: str) -> None:
        user = find_user(username)
        for row in ApiToken.objects.using(alias()).filter(user_id=user.pk).order_by("created_at", "id"):
            used = "never used" if row.last_used_at is None else f"last used {_date(row.last_used_at)}"
            scope = row.scope or "no limit of scope"
            self.stdout.write(f"{row.pk}  {row.name}  (ends in {row.hint}; {scope}; {_ends(row)}; {used})")

    def _revoke(self, text: str) -> None:
        try:
            token_id = UUID(text)
        except ValueError:
            raise CommandError(f"{text!r} is not the id of a token; `lanyard_token list` shows them.") from None
        if not revoke_token(token_id, reason=REASON):
            raise CommandError(f"There is no API token {token_id}.")
        self.stdout.write(f"{token_id}: revoked.")


def _ends(row: ApiToken) -> str:
    return "never expires" if row.expires_at is None else f"expires {_date(row.expires_at)}"


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="minutes")
