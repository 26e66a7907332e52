"""The tables. Times are Unix seconds by the database's clock, as floats: no time zone, no daylight saving."""

from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .core.ids import log_uid
from .stores.dialect import DatabaseNow

When = Literal["created_at", "rotated_at", "idle_expires_at", "absolute_expires_at", "revoked_at"]
TokenWhen = Literal["created_at", "expires_at", "last_used_at"]


def _aware(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


class SessionQuerySet(models.QuerySet["Session"]):
    def live(self, now: float | None = None) -> "SessionQuerySet":
        """Sessions that are neither revoked nor expired at `now` (Unix seconds; the database's clock by default)."""
        moment: Any = DatabaseNow() if now is None else now
        absolute = Q(absolute_expires_at=None) | Q(absolute_expires_at__gt=moment)
        return self.filter(absolute, revoked_at=None, idle_expires_at__gt=moment)


class Session(models.Model):
    """One sign-in on one device. Every access and refresh token belongs to one."""

    id = models.UUIDField(primary_key=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="lanyard_sessions", verbose_name=_("user")
    )
    #: Keys the MACs of this session's refresh tokens, together with a server key that is not in the database.
    secret = models.CharField(max_length=64, editable=False)
    counter = models.BigIntegerField(default=0, editable=False)
    method = models.CharField(_("method"), max_length=32)
    transport = models.CharField(_("transport"), max_length=16)
    device = models.CharField(_("device"), max_length=200, blank=True)
    ip = models.CharField(_("IP address"), max_length=45, blank=True)
    user_agent = models.CharField(_("user agent"), max_length=300, blank=True)
    created_at = models.FloatField(_("created"))
    rotated_at = models.FloatField(_("last seen"))
    idle_expires_at = models.FloatField(_("expires when idle"))
    absolute_expires_at = models.FloatField(_("expires"), null=True, blank=True)
    revoked_at = models.FloatField(_("revoked"), null=True, blank=True)
    revoked_reason = models.CharField(_("reason"), max_length=32, blank=True)
    #: SHA-256 of the `Idempotency-Key` of the last rotation.
    idempotency = models.CharField(max_length=64, blank=True, editable=False)
    #: The user's `get_session_auth_hash()`: the net under every password change that no signal reports.
    auth_hash = models.CharField(max_length=128, blank=True, editable=False)

    objects = SessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")

    def __str__(self) -> str:
        return str(self.id)

    def when(self, moment: When) -> datetime | None:
        """One of the times, as an aware datetime in UTC."""
        return _aware(getattr(self, moment))


class ApiToken(models.Model):
    """A named, long-lived credential of a user for scripts. The token itself is never stored."""

    id = models.UUIDField(primary_key=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="lanyard_api_tokens", verbose_name=_("user")
    )
    name = models.CharField(_("name"), max_length=100)
    #: SHA-256 of the token, as hexadecimal digits.
    digest = models.CharField(max_length=64, unique=True, editable=False)
    #: The last characters of the token, for people to tell theirs apart.
    hint = models.CharField(_("ends in"), max_length=4, editable=False)
    #: What it may do, separated by spaces (RFC 6749 section 3.3); "": everything that its user may.
    scope = models.CharField(_("scope"), max_length=1000, blank=True)
    created_at = models.FloatField(_("created"), editable=False)
    expires_at = models.FloatField(_("expires"), null=True, blank=True)
    #: Seconds without use after which it is dead.
    idle_lifetime = models.FloatField(_("expires when idle for"), null=True, blank=True)
    last_used_at = models.FloatField(_("last used"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return self.name

    def when(self, moment: TokenWhen) -> datetime | None:
        """One of the times, as an aware datetime in UTC."""
        return _aware(getattr(self, moment))


class UserEpoch(models.Model):
    """A user's lowest valid epoch; no row means 0. A row outlives its user: ids may be given out again."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        primary_key=True,
        related_name="lanyard_epoch",
    )
    epoch = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.pk)


class Revocation(models.Model):
    """One line of the revocation log. Causes only insert, without a position; readers number in commit order."""

    id = models.BigAutoField(primary_key=True)
    uid = models.BigIntegerField(default=log_uid)
    position = models.BigIntegerField(null=True, unique=True)
    #: A dead session or API token, as 32 hexadecimal digits; or "".
    credential = models.CharField(max_length=32, blank=True, default="")
    #: A user, as the `sub` claim spells it, with the lowest epoch that is still valid; or "".
    subject = models.CharField(max_length=255, blank=True, default="")
    epoch = models.BigIntegerField(default=0)
    #: Whether the user's sessions ended with the epoch: what restoring a lost entry has to do again.
    ends_sessions = models.BooleanField(default=False)
    forget_at = models.FloatField(null=True)

    def __str__(self) -> str:
        return str(self.position)

    @classmethod
    def of_credential(cls, credential: UUID) -> "Revocation":
        return cls(credential=credential.hex)


class RevocationHead(models.Model):
    """The single row that sequencing locks. Created on demand."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    #: The highest position given out.
    position = models.BigIntegerField(default=0)
    #: Entries at or below this position have been forgotten.
    floor = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.position)


class FleetReport(models.Model):
    """What one process said of itself when the roll was called. Without a `pid`: the call itself, while it is open.

    `lanyard_status --fleet` makes these rows and deletes them again.
    """

    call = models.BigIntegerField(db_index=True)
    host = models.CharField(max_length=255, blank=True)
    pid = models.BigIntegerField(null=True)
    version = models.CharField(max_length=64, blank=True)
    running = models.FloatField(default=0.0)
    age = models.FloatField(default=0.0)
    position = models.BigIntegerField(default=0)
    dead = models.BigIntegerField(default=0)
    epochs = models.BigIntegerField(default=0)
    failures = models.BigIntegerField(default=0)
    push = models.CharField(max_length=64, blank=True)
    reported_at = models.FloatField()

    def __str__(self) -> str:
        return f"{self.host} {self.pid}"
