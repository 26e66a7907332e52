"""Sessions, epochs and the writing side of the revocation log, on Django's ORM (`core.ports.SessionStore`)."""

from collections.abc import Callable, Collection, Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections, router, transaction
from django.db.models import OuterRef, Q, Subquery, Value

from ..core.errors import InvalidCredentials, UserInactive
from ..core.model import Denied, Entry, NewSession, Opened, Rotation, SessionState
from ..core.policy import DAY
from ..models import Revocation, Session, UserEpoch
from .compiled import CompiledGet, CompiledUpdate
from .dialect import DatabaseNow, upsert_epochs, write_transaction
from .push_postgres import announce

#: How many users or sessions one statement names.
BATCH = 500

#: What a refresh reads of a session. The rest of its columns are for people.
READ = (
    "id",
    "secret",
    "counter",
    "method",
    "transport",
    "created_at",
    "rotated_at",
    "idle_expires_at",
    "absolute_expires_at",
    "revoked_at",
    "idempotency",
    "auth_hash",
)
#: What a rotation writes, and what it compares before.
ROTATED = ("counter", "rotated_at", "idle_expires_at", "idempotency", "auth_hash", "ip", "user_agent")
EXPECTED = ("id", "counter", "secret", "auth_hash")


class OrmSessions:
    """`SessionStore` on one database: the one that holds the log, so that what is written there is read."""

    def __init__(self, alias: str | None = None) -> None:
        self.alias = alias or router.db_for_write(Session)
        self._user: Any = get_user_model()
        self._user_columns = [field.attname for field in self._user._meta.concrete_fields]
        # As a subquery, since a database plans a join of two tables in less time than one of three.
        epoch = Subquery(UserEpoch.objects.filter(pk=OuterRef("user_id")).values("epoch"))
        rows = Session.objects.using(self.alias).annotate(_epoch=epoch, _now=DatabaseNow())
        user = [f"user__{name}" for name in self._user_columns]
        self._session = CompiledGet(rows.values_list(*READ, *user, "_epoch", "_now"))
        self._swap = CompiledUpdate(Session, self.alias, values=ROTATED, expected=EXPECTED, null="revoked_at")

    # Sign in

    def open(
        self, user: Any, new: NewSession, max_sessions: int | None, mint: Callable[[SessionState], None]
    ) -> Opened | Denied:
        alias = self.alias
        with write_transaction(alias):
            locked = self._lock_user(alias, user.pk)
            if locked is None or not getattr(locked, "is_active", True):
                return Denied(error=UserInactive())
            if getattr(locked, "password", None) != getattr(user, "password", None):
                return Denied(error=InvalidCredentials())
            evicted = [] if max_sessions is None else self._evict(alias, locked.pk, max_sessions - 1)
            session = _new_row(new, locked, now=locked._lanyard_now)
            session.save(using=alias, force_insert=True)
            stored = {name: getattr(session, name) for name in READ}
            state = _state(stored, locked, epoch=locked._lanyard_epoch, now=locked._lanyard_now)
            mint(state)
        return Opened(session=state, evicted=evicted)

    def _lock_user(self, alias: str, pk: Any) -> Any:
        """The user's row, locked. The epoch is a subquery: joined, it would be locked as well, or forbid the lock."""
        epoch = Subquery(UserEpoch.objects.filter(pk=OuterRef("pk")).values("epoch"))
        users = get_user_model()._base_manager.using(alias).select_for_update().filter(pk=pk)
        return next(iter(users.annotate(_lanyard_epoch=epoch, _lanyard_now=DatabaseNow())), None)

    def _evict(self, alias: str, owner: Any, keep: int) -> list[Entry]:
        live = Session.objects.using(alias).live().filter(user_id=owner).order_by("-created_at", "-id")
        oldest = list(live.values_list("id", flat=True)[keep : keep + BATCH])
        return self._end(Q(pk__in=oldest), "evicted") if oldest else []

    # Refresh

    def load(self, session_id: UUID) -> SessionState | None:
        found = self._session.get(session_id)
        if found is None:
            return None
        *_, epoch, now = found
        user = self._user.from_db(self.alias, self._user_columns, found[len(READ) : -2])
        return _state(dict(zip(READ, found, strict=False)), user, epoch=epoch, now=now)

    def swap(self, expected: SessionState, rotation: Rotation) -> bool:
        values = {
            "counter": rotation.counter,
            "rotated_at": rotation.rotated_at,
            "idle_expires_at": rotation.idle_expires_at,
            "idempotency": rotation.idempotency,
            "auth_hash": rotation.auth_hash,
            "ip": rotation.client.ip[:45],
            "user_agent": rotation.client.user_agent[:300],
        }
        return self._swap.update(values, {name: getattr(expected, name) for name in EXPECTED}) == 1

    def renew(self, session_id: UUID, secret: str) -> SessionState | None:
        state = self.load(session_id)
        if state is None:
            return None
        rows = Session.objects.using(self.alias).filter(pk=session_id, revoked_at=None)
        fresh = {"secret": secret, "counter": 0, "idempotency": "", "auth_hash": state.user_auth_hashes[0]}
        return self.load(session_id) if rows.update(rotated_at=DatabaseNow(), **fresh) else None

    # Revoke

    def revoke_sessions(self, session_ids: Collection[UUID], reason: str, owner: Any = None) -> list[Entry]:
        wanted = Q() if owner is None else Q(user_id=owner)
        ids = sorted(session_ids)
        return [
            entry
            for start in range(0, len(ids), BATCH)
            for entry in self._end(wanted & Q(pk__in=ids[start : start + BATCH]), reason)
        ]

    def revoke_unknown(self, session_ids: Collection[UUID], is_dead: Callable[[UUID], bool]) -> list[Entry]:
        known = set(Session.objects.using(self.alias).filter(pk__in=session_ids).values_list("pk", flat=True))
        unknown = [one for one in session_ids if one not in known and not is_dead(one)]
        if not unknown:
            return []
        with write_transaction(self.alias):
            return append(self.alias, [Revocation.of_credential(one) for one in unknown])

    def revoke_other_sessions(self, owner: Any, keep: UUID, reason: str) -> list[Entry]:
        return self._end(Q(user_id=owner) & ~Q(pk=keep), reason)

    def revoke_users(
        self, owners: Collection[Any], reason: str, *, keep_sessions: bool = False, keep: UUID | None = None
    ) -> list[Entry]:
        keys = sorted(set(owners))
        return [
            entry
            for start in range(0, len(keys), BATCH)
            for entry in self._revoke_batch(keys[start : start + BATCH], reason, keep_sessions, keep)
        ]

    def _revoke_batch(self, owners: list[Any], reason: str, keep_sessions: bool, keep: UUID | None) -> list[Entry]:
        alias = self.alias
        with write_transaction(alias):
            if not keep_sessions:
                self._mark(Q(user_id__in=owners) & ~Q(pk=keep), reason)
            self.raise_epochs(alias, owners)
            raised = UserEpoch.objects.using(alias).filter(pk__in=owners).values_list("pk", "epoch")
            ends = not keep_sessions
            return append(alias, [Revocation(subject=str(pk), epoch=e, ends_sessions=ends) for pk, e in raised])

    def raise_epochs(self, alias: str, owners: list[Any], *, to: list[int] | None = None) -> None:
        connection = connections[alias]
        field = UserEpoch._meta.pk
        values = [field.get_db_prep_save(owner, connection) for owner in owners]
        upsert_epochs(connection, UserEpoch._meta.db_table, values, to=to)

    def _end(self, wanted: Q, reason: str) -> list[Entry]:
        with write_transaction(self.alias):
            ids = self._mark(wanted, reason)
            return append(self.alias, [Revocation.of_credential(session_id) for session_id in ids])

    def _mark(self, wanted: Q, reason: str) -> list[UUID]:
        """Mark live sessions as revoked, locking them in the order of their keys: whoever ends several does."""
        live = Session.objects.using(self.alias).filter(wanted, revoked_at=None).order_by("pk")
        ids = list(live.select_for_update().values_list("pk", flat=True))
        for start in range(0, len(ids), BATCH):
            rows = Session.objects.using(self.alias).filter(pk__in=ids[start : start + BATCH])
            rows.update(revoked_at=DatabaseNow(), revoked_reason=reason[:32])
        return ids

    # Transactions

    def after_commit(self, action: Callable[[], None]) -> None:
        transaction.on_commit(action, using=self.alias, robust=True)

    def in_transaction(self) -> bool:
        return connections[self.alias].in_atomic_block


def prune_sessions(
    alias: str, older_than: float, batch: int, settle: Callable[[list[Session]], None] = lambda rows: None
) -> Iterator[int]:
    """Delete sessions that ended or expired over `older_than` seconds (at least a day) ago; yields how many at a time.

    Walks the primary key once: no index serves this, since one on a time would make every refresh dearer. A row must
    outlive its access tokens: without it they could only be revoked with their user. And one that names a Django
    session must not go before that does. `settle` gets those that are over: it says when one ends instead, or takes the
    name away.
    """
    now = DatabaseNow()
    over, dead = _ended_before(now), _ended_before(now - Value(max(DAY, float(older_than))))
    in_django = Q(transport="session") & ~Q(secret="")
    rows, last = Session.objects.using(alias).order_by("pk"), UUID(int=0)
    while keys := list(rows.filter(pk__gt=last).values_list("pk", flat=True)[:batch]):
        walked = rows.filter(pk__in=keys).order_by()
        settle(list(walked.filter(in_django, over)))
        # Without signals: they are dead already, and the log has forgotten them.
        yield walked.filter(dead).exclude(in_django)._raw_delete(alias)
        last = keys[-1]


def _ended_before(limit: Any) -> Q:
    return Q(revoked_at__lt=limit) | Q(idle_expires_at__lt=limit) | Q(absolute_expires_at__lt=limit)


def append(alias: str, rows: list[Revocation]) -> list[Entry]:
    """Write entries without a position; whoever reads the log next gives them one."""
    entries = [_entry(row) for row in Revocation.objects.using(alias).bulk_create(rows, batch_size=BATCH)]
    announce(alias, entries)
    return entries


def auth_hashes(user: Any) -> tuple[str, ...]:
    """What a session of this user may have stored: the present hash, then those under retired SECRET_KEYs."""
    if not hasattr(user, "get_session_auth_hash"):
        return ("",)
    retired = user.get_session_auth_fallback_hash() if settings.SECRET_KEY_FALLBACKS else ()
    return (user.get_session_auth_hash(), *retired)


def _new_row(new: NewSession, user: Any, *, now: float) -> Session:
    ends = None if new.absolute_lifetime is None else now + new.absolute_lifetime
    idle = now + new.idle_lifetime
    return Session(
        id=new.id,
        user=user,
        secret=new.secret,
        method=new.method[:32],
        transport=new.transport,
        device=new.client.device[:200],
        ip=new.client.ip[:45],
        user_agent=new.client.user_agent[:300],
        created_at=now,
        rotated_at=now,
        idle_expires_at=idle if ends is None else min(idle, ends),
        absolute_expires_at=ends,
        auth_hash=auth_hashes(user)[0],
    )


def _state(stored: dict[str, Any], user: Any, *, epoch: int | None, now: float) -> SessionState:
    """`stored` has the columns of `READ`."""
    return SessionState(
        **stored,
        subject=str(user.pk),
        user_auth_hashes=auth_hashes(user),
        user_active=getattr(user, "is_active", True),
        epoch=epoch or 0,
        now=now,
        user=user,
    )


def _entry(row: Revocation) -> Entry:
    return Entry(
        uid=row.uid,
        position=row.position,
        credential=int(row.credential, 16) if row.credential else None,
        subject=row.subject or None,
        epoch=row.epoch,
        ends_sessions=row.ends_sessions,
    )
