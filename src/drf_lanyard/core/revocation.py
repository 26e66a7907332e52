"""One process's copy of the live revocation log."""

from collections import deque
from collections.abc import Callable, Iterable

from .errors import AuthError, TokenRevoked, TokenStale
from .model import Entry, LogRead, Principal
from .ports import RevocationLog

#: A dead credential, or (user, lowest valid epoch, whether sessions ended with it).
Item = int | tuple[str, int, bool]
BUCKET = 1024


class Snapshot:
    """A set of dead credentials and a dictionary of lowest valid epochs; applying is idempotent and only ever adds.

    Lookups need no lock. Changes need one (the reader's).
    """

    __slots__ = ("_buckets", "_endings", "_uid", "dead", "epochs", "position")

    def __init__(self) -> None:
        self.dead: set[int] = set()
        self.epochs: dict[str, int] = {}
        self._endings: dict[str, int] = {}  # the highest epoch of a user that ended sessions
        #: The highest position applied, and the uid found there.
        self.position = 0
        self._uid = 0
        # Sequenced items in order of position: (highest position in it, items). Forgetting goes by whole buckets.
        self._buckets: deque[tuple[int, list[Item]]] = deque()

    def verdict(self, principal: Principal) -> type[AuthError] | None:
        """Why the credential is refused, or None."""
        if principal.credential in self.dead:
            return TokenRevoked
        if self.epochs.get(principal.user_id, 0) > principal.epoch:
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
                _raise(self.epochs, entry.subject, entry.epoch)
                if entry.ends_sessions:
                    _raise(self._endings, entry.subject, entry.epoch)

    def missing_from(self, stored: "Snapshot", floor: int) -> list[Entry]:
        """What we hold and the whole log, as `stored`, does not: revocations that the database has lost."""
        self._forget(floor)
        lost = [Entry(uid=0, credential=credential) for credential in self.dead - stored.dead]
        for subject, epoch in self.epochs.items():
            ended = self._endings.get(subject, 0) > stored._endings.get(subject, 0)
            if ended or epoch > stored.epochs.get(subject, 0):
                lost.append(Entry(uid=0, subject=subject, epoch=epoch, ends_sessions=ended))
        return lost

    def rewind(self) -> None:
        """Before applying a full read again: keep all that is held, trust no position."""
        self.position, self._uid = 0, 0

    def _remember(self, position: int, entry: Entry) -> None:
        if entry.credential is not None:
            item: Item = entry.credential
        elif entry.subject is not None:
            item = (entry.subject, entry.epoch, entry.ends_sessions)
        else:
            return
        if self._buckets and len(self._buckets[-1][1]) < BUCKET:
            items = self._buckets[-1][1]
            items.append(item)
            # Not always the highest: after lost commits the log is applied again from its beginning.
            self._buckets[-1] = (max(position, self._buckets[-1][0]), items)
        else:
            self._buckets.append((position, [item]))

    def _forget(self, floor: int) -> None:
        while self._buckets and self._buckets[0][0] <= floor:
            for item in self._buckets.popleft()[1]:
                if isinstance(item, int):
                    self.dead.discard(item)
                else:
                    _drop(self.epochs, item[0], item[1])
                    _drop(self._endings, item[0], item[1])


def _raise(epochs: dict[str, int], subject: str, epoch: int) -> None:
    if epoch > epochs.get(subject, 0):
        epochs[subject] = epoch


def _drop(epochs: dict[str, int], subject: str, epoch: int) -> None:
    if epochs.get(subject) == epoch:
        del epochs[subject]


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
