"""`manage.py lanyard_prune`: for cron. Forgets what no token can refer to any more."""

import math
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from drf_lanyard.core.policy import DAY
from drf_lanyard.django_store import settle
from drf_lanyard.stores.orm import prune_sessions
from drf_lanyard.stores.orm_log import prune
from drf_lanyard.wiring import alias


def _batch(text: str) -> int:
    size = int(text)
    if size < 1:
        raise ArgumentTypeError("must be at least 1")
    return size


def _days(text: str) -> float:
    days = float(text)
    if not (math.isfinite(days) and days >= 0):
        raise ArgumentTypeError("must not be negative")
    return days


class Command(BaseCommand):
    help = "Delete sessions that ended long ago, and entries of the revocation log that no token can refer to any more."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=_batch, default=1000, help="rows per transaction (default: %(default)s)")
        parser.add_argument(
            "--older-than",
            type=_days,
            default=7.0,
            metavar="DAYS",
            help="days to keep sessions that are revoked or expired (default: %(default)g)",
        )

    def handle(self, *args: Any, batch: int, older_than: float, **options: Any) -> None:
        database = alias()
        try:
            sessions = sum(prune_sessions(database, older_than * DAY, batch, settle))
            entries = 0
            while forgotten := prune(database, batch):
                entries += forgotten
        except OperationalError as error:
            raise CommandError(
                f"The database is busy; what was deleted stays deleted. Run it again. ({error})"
            ) from None
        self.stdout.write(f"Deleted {sessions} sessions and {entries} entries of the revocation log.")
