"""What this process has done, as plain numbers, for whoever exports them (see `contrib.prometheus`).

Nothing here is locked: under threads a count may miss one now and then, which is the price of costing next to nothing.
No count is per user or token.
"""

from collections import deque
from collections.abc import Callable

from . import forks
from .fleet import Reports

#: How many durations are kept until somebody exports them; older ones are forgotten.
KEPT = 1000


def _nobody(reader: Reports) -> None:
    """Nobody exports anything."""


class Counts:
    """Counters only grow, but that a forked child begins at 0. Durations are in seconds."""

    def __init__(self) -> None:
        #: Called by the reader, with itself, after each turn and each request that waited. Must not raise.
        self.changed: Callable[[Reports], None] = _nobody
        self.after_fork()
        forks.watch(self)

    def after_fork(self) -> None:
        """Begin at 0; what the parent has done is the parent's."""
        #: Times that a fresh snapshot was asked for; brought up to date by each read.
        self.checks = 0
        #: Of those, the ones that were not about an access token (counted first, or they would pass for one meanwhile);
        #: and access tokens at their first sight.
        self.other_checks = 0
        self.jwt_misses = 0
        self.api_token_hits = 0
        self.api_token_misses = 0
        self.good_reads = 0
        self.failed_reads = 0
        #: Entries of the log that a read was the first to show with their position.
        self.applied = 0
        #: Requests refused because nobody could say in time what is revoked.
        self.refusals = 0
        #: Each statement that read the log; each snapshot's age when the next one replaced it (at most the lease:
        #: nothing older is used); each wait of a request for the read that let it go on.
        self.read_seconds: deque[float] = deque(maxlen=KEPT)
        self.snapshot_ages: deque[float] = deque(maxlen=KEPT)
        self.wait_seconds: deque[float] = deque(maxlen=KEPT)

    def jwt_hits(self) -> int:
        """Access tokens that were known already.

        Derived, so that the path that matters most counts once only: a check that is about an access token, and not
        its first sight.
        """
        return max(0, self.checks - self.other_checks - self.jwt_misses)


#: Those of this process.
counts = Counts()
