"""One process's copy of the live revocation log."""

from array import array
from collections import deque
from collections.abc import Callable, Iterable

from .errors import AuthError, TokenRevoked, TokenStale
from .model import Entry, LogRead, Principal
from .ports import RevocationLog

BUCKET = 1024


class Bucket:
    """Up to `BUCKET` entries that are forgotten together. Arrays, since a process may hold a million entries."""

    __slots__ = ("dead", "marks", "subjects", "top")

    def __init__(self) -> None:
        self.top = 0  # the highest position in it
        self.dead: list[int] = []
        self.subjects: list[str] = []
        self.marks = array("q")

    def __len__(self) -> int:
        return len(self.dead) + len(self.subjects)


class Snapshot:
    """A set of dead credentials and a dictionary of lowest valid epochs; applying is idempotent and only ever adds.

    Lookups need no lock. Changes need one (the reader's).
    """

    __slots__ = ("_buckets", "_endings", "_marks", "_uid", "dead", "position")

    def __init__(self) -> None:
        self.dead: set[int] = set()
        # A user's lowest valid epoch, doubled; plus 1 if sessions ended with it.
        self._marks: dict[str, int] = {}
        # For users whose sessions ended with another epoch: that one.
        self._endings: dict[str, int] = {}
        #: The highest position applied, and the uid found there.
        self.position = 0
        self._uid = 0
        # Sequenced entries in order of position.
        self._buckets: deque[Bucket] = deque()

    @property
    def epochs(self) -> dict[str, int]:
        """User -> lowest valid epoch. A copy: it may be large."""
        return {subject: mark >> 1 for subject, mark in self._marks.items()}

    def sizes(self) -> tuple[int, int]:
        """How many credentials and users it names."""
        return len(self.dead), len(self._marks)

    def verdict(self, principal: Principal) -> type[AuthError] | None:
        """Why the credential is refused, or None."""
        if principal.credential in self.dead:
            return TokenRevoked
        if self._marks.get(principal.user_id, 0) >> 1 > principal.epoch:
            return TokenStale
        return None

    def has_lost(self, read: LogRead) -> bool:
        """Whether the newest entry we applied is no longer where we read it: the database lost commits."""
        if self.position <= read.floor:
            return False
        return not any(e.position == self.position and e.uid == self._uid for e in read.entries)

    def apply(self, read: LogRead) -> None:
        """Add what a read returned, then forget what the database has forgotten."""
        sequenced = sorted(
            (e.position, e) for e in read.entries if e.position is not None and e.position > self.position
        )
        self.add(e for e in read.entries if e.position is None)
        self.add(e for _, e in sequenced)
        for position, entry in sequenced:
            self._remember(position, entry)
        if sequenced:  # last, so that a process forked half-way through reads these again
            self.position, self._uid = sequenced[-1][0], sequenced[-1][1].uid
        self._forget(read.floor)

    def add(self, entries: Iterable[Entry]) -> None:
        """Add entries without a place in the log: ones of this process, or not sequenced yet."""
        for entry in entries:
            if entry.credential is not None:
                self.dead.add(entry.credential)
            elif entry.subject is not None:
                self._raise(entry.subject, entry.epoch, entry.ends_sessions)

    def missing_from(self, stored: "Snapshot", floor: int) -> list[Entry]:
        """What we hold and the whole log, as `stored`, does not: revocations that the database has lost."""
        self._forget(floor)
        lost = [Entry(uid=0, credential=credential) for credential in self.dead - stored.dead]
        for subject, mark in self._marks.items():
            ended = self._ended_at(subject) > stored._ended_at(subject)
            if ended or mark >> 1 > stored._marks.get(subject, 0) >> 1:
                lost.append(Entry(uid=0, subject=subject, epoch=mark >> 1, ends_sessions=ended))
        return lost

    def rewind(self) -> None:
        """Before applying a full read again: keep all that is held, trust no position."""
        self.position, self._uid = 0, 0

    def _remember(self, position: int, entry: Entry) -> None:
        if entry.credential is None and entry.subject is None:
            return  # a roll call holds nothing, and must not keep what came before it from being forgotten
        if not self._buckets or len(self._buckets[-1]) >= BUCKET:
            self._buckets.append(Bucket())
        bucket = self._buckets[-1]
        # Not always the highest: after lost commits the log is applied again from its beginning.
        bucket.top = max(bucket.top, position)
        if entry.credential is not None:
            bucket.dead.append(entry.credential)
        elif entry.subject is not None:
            bucket.subjects.append(entry.subject)
            bucket.marks.append(entry.epoch * 2 + entry.ends_sessions)

    def _forget(self, floor: int) -> None:
        while self._buckets and self._buckets[0].top <= floor:
            bucket = self._buckets.popleft()
            self.dead.difference_update(bucket.dead)
            for subject, mark in zip(bucket.subjects, bucket.marks, strict=True):
                if self._marks.get(subject, 0) >> 1 == mark >> 1:
                    self._marks.pop(subject, None)  # an epoch of 0, which somebody wrote by hand, is never held
                if self._endings.get(subject) == mark >> 1:
                    del self._endings[subject]

    def _raise(self, subject: str, epoch: int, ends_sessions: bool) -> None:
        mark = self._marks.get(subject, 0)
        ended = max(self._ended_at(subject), epoch if ends_sessions else 0)
        top = max(epoch, mark >> 1)
        if top:
            self._marks[subject] = top * 2 + (ended == top)
        if ended not in (0, top):  # above it where the log, which has lost that entry, is applied again
            self._endings[subject] = ended
        else:
            self._endings.pop(subject, None)

    def _ended_at(self, subject: str) -> int:
        """The highest epoch of a user with which sessions ended; 0 for none."""
        mark = self._marks.get(subject, 0)
        return mark >> 1 if mark & 1 else self._endings.get(subject, 0)


def read_everything(log: RevocationLog, goes_on: Callable[[], bool]) -> tuple[Snapshot, int]:
    """The whole log, page by page, and its floor; stops early when `goes_on` says so."""
    stored, floor = Snapshot(), 0
    while goes_on():
        page = log.read(stored.position)
        stored.apply(page)
        floor = page.floor
        if page.more_unsequenced:
            log.sequence()
        elif not page.more_sequenced:
            break
    return stored, floor
