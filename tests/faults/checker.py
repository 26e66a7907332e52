"""Judges a history: who was let in too late, who was turned away without a cause, whose refresh token forked.

Everything here is about what clients saw, by one clock: a request cannot have been checked before it was sent, and a
revocation that was answered has been committed. So each rule is exact; no rule has an allowance.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from .history import ENDS_USER, MAKES_STALE, Operation

#: Findings of these kinds mean that a promise was broken; `extra_401` and `unexpected` are counted beside them.
VIOLATIONS = frozenset({"accepted_after_revoke", "refreshed_after_revoke", "revoked_before_revoke", "two_successors"})
CLOCK_CODES = frozenset({"token_expired", "token_stale"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    rule: str
    operation: Operation
    detail: str = ""

    @property
    def is_violation(self) -> bool:
        return self.rule in VIOLATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Something that was so between two moments, for one worker or for all (-1)."""

    start: float
    end: float
    worker: int = -1

    def touches(self, operation: Operation) -> bool:
        return self.worker in (-1, operation.worker) and operation.end >= self.start and operation.start <= self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the faults excuse.

    `moved_clocks`: that worker says `token_expired` or `token_stale` of good tokens, and everybody says so of tokens
    that it has issued. `lost_commits`: what was committed in there may be undone until everyone has read the log again;
    who changed anything then may be refused.
    """

    lease: float
    access_lifetime: float = 1800.0
    moved_clocks: Sequence[Interval] = ()
    lost_commits: Sequence[Interval] = ()


@dataclass(slots=True)
class Verdict:
    findings: list[Finding] = field(default_factory=list)
    #: (seconds from the end of the revocation to the start of the accepted request, that request).
    late_accepts: list[tuple[float, Operation]] = field(default_factory=list)

    @property
    def violations(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.is_violation]


def check(history: Sequence[Operation], circumstances: Circumstances) -> Verdict:
    checker = _Checker(history, circumstances)
    verdict = Verdict()
    for operation in history:
        verdict.findings += checker.judge(operation, verdict.late_accepts)
    verdict.findings += checker.forks()
    return verdict


class _Checker:
    def __init__(self, history: Sequence[Operation], circumstances: Circumstances) -> None:
        self.circumstances = circumstances
        self.by_session: dict[str, list[Operation]] = defaultdict(list)
        self.by_user: dict[int, list[Operation]] = defaultdict(list)
        self.by_parent: dict[str, list[Operation]] = defaultdict(list)
        self.minted: dict[str, Operation] = {}
        self.opened: dict[str, Operation] = {}
        for operation in history:
            self._index(operation)

    def _index(self, operation: Operation) -> None:
        if operation.session and operation.may_end_session:
            self.by_session[operation.session].append(operation)
        if operation.kind in MAKES_STALE or operation.kind == "enable":
            self.by_user[operation.user].append(operation)
        if operation.parent:
            self.by_parent[operation.parent].append(operation)
        if operation.issued:
            self.minted.setdefault(operation.issued, operation)
        if operation.kind == "login" and operation.succeeded:
            self.opened[operation.session] = operation

    # Accepted

    def judge(self, operation: Operation, late: list[tuple[float, Operation]]) -> Iterable[Finding]:
        if operation.succeeded:
            if operation.token:
                yield from self._accepted(operation, late)
            if operation.parent:
                yield from self._refreshed(operation)
        elif 400 <= operation.status < 500:
            yield from self._refused(operation)

    def _accepted(self, operation: Operation, late: list[tuple[float, Operation]]) -> Iterator[Finding]:
        """An access token was let in: nothing that killed it may have ended a lease ago."""
        for revocation in self._killers_of_token(operation):
            since = operation.start - revocation.end
            if since > 0:
                late.append((since, operation))
            if operation.start > self._bound(revocation):
                detail = f"{since * 1000:.0f} ms after {revocation.kind} at worker {revocation.worker}"
                yield Finding(rule="accepted_after_revoke", operation=operation, detail=detail)
                return

    def _refreshed(self, operation: Operation) -> Iterator[Finding]:
        """A refresh reads the session itself, so there is no lease to wait for."""
        for revocation in self._killers_of_session(operation):
            lost = self._lost_at(revocation)
            bound = revocation.end if lost is None else lost.end + 2 * self.circumstances.lease
            if operation.start > bound:
                yield Finding(rule="refreshed_after_revoke", operation=operation, detail=f"after {revocation.kind}")
                return

    def _bound(self, revocation: Operation) -> float:
        lost = self._lost_at(revocation)
        ends = revocation.end + self.circumstances.lease
        # Who has not seen it reads it again once somebody who has seen it has put it back, at its own next read.
        return ends if lost is None else max(ends, lost.end + 2 * self.circumstances.lease)

    def _lost_at(self, operation: Operation) -> Interval | None:
        return next((lost for lost in self.circumstances.lost_commits if lost.touches(operation)), None)

    def _ends_of_session(self, operation: Operation) -> Iterator[Operation]:
        for revocation in self.by_session[operation.session]:
            if revocation.ended_session and not self._was_not_recognised(revocation):
                yield revocation

    def _was_not_recognised(self, revocation: Operation) -> bool:
        """A refresh token is known by its session's secret, which a failover may have taken: then it says nothing."""
        if revocation.kind != "logout_by_refresh":
            return False
        secrets = [o for o in self.by_user[revocation.user] if o.session == revocation.session]
        secrets += [self.opened[revocation.session]] if revocation.session in self.opened else []
        return any(lost.touches(o) for lost in self.circumstances.lost_commits for o in secrets)

    def _killers_of_token(self, operation: Operation) -> Iterator[Operation]:
        """Revocations that certainly made the presented access token worthless."""
        mint = self.minted.get(operation.token)
        yield from self._ends_of_session(operation)
        for revocation in self.by_user[operation.user]:
            certain = revocation.kind in MAKES_STALE and revocation.succeeded
            if certain and mint is not None and mint.end <= revocation.start:
                yield revocation

    def _killers_of_session(self, operation: Operation) -> Iterator[Operation]:
        yield from self._ends_of_session(operation)
        opened = self.opened.get(operation.session)
        for revocation in self.by_user[operation.user]:
            if revocation.kind not in ENDS_USER or not revocation.succeeded or opened is None:
                continue
            spared = revocation.kind == "password_change" and revocation.session == operation.session
            if opened.end <= revocation.start and not spared:
                yield revocation

    # Refused

    def _refused(self, operation: Operation) -> Iterator[Finding]:
        if operation.status != 401:
            yield Finding(rule="unexpected", operation=operation, detail=f"{operation.status} {operation.code}")
        elif not self._is_excused(operation):
            if operation.code in ("token_revoked", "token_stale"):
                yield Finding(rule="revoked_before_revoke", operation=operation, detail=operation.code)
            yield Finding(rule="extra_401", operation=operation, detail=operation.code)

    def _is_excused(self, operation: Operation) -> bool:
        if self._has_cause(operation):
            return True
        if operation.code in CLOCK_CODES and self._has_wrong_clock(operation):
            return True
        return self._has_lost_something(operation)

    def _has_cause(self, operation: Operation) -> bool:
        """Whether something that may explain the code began before the answer was there."""
        began = operation.end
        session = any(r.start <= began for r in self.by_session[operation.session] if r is not operation)
        user = [r for r in self.by_user[operation.user] if r.start <= began and self._may_have_happened(r)]
        ends_user = any(r.kind in ENDS_USER for r in user)
        match operation.code:
            case "token_revoked":
                return session or ends_user
            case "token_stale":
                mint = self.minted.get(operation.token)
                # What ended before the token was issued cannot have made it stale.
                return any(mint is None or (r.end >= mint.start and r is not mint) for r in user)
            case "user_inactive":
                return any(r.kind == "disable" for r in user)
            case "token_invalid":  # a new password gives the session a new secret
                return any(r.kind == "password_change" and r.session == operation.session for r in user)
            case "refresh_reused":
                return operation.kind == "replay" or self._is_late_twin(operation)
            case "token_expired":
                mint = self.minted.get(operation.token)
                return mint is not None and operation.end > mint.start + self.circumstances.access_lifetime - 1
        return False

    @staticmethod
    def _may_have_happened(revocation: Operation) -> bool:
        return revocation.succeeded or revocation.is_unknown

    def _is_late_twin(self, operation: Operation) -> bool:
        """Another request with the same refresh token came first, and this one came too late for the grace."""
        twins = [o for o in self.by_parent[operation.parent] if o is not operation and o.start <= operation.end]
        if any(not operation.key or twin.key != operation.key for twin in twins):
            return True
        # With the same Idempotency-Key only after the successor was used, or if an answer was never seen.
        used = any(self.by_parent[twin.successor] for twin in twins if twin.successor)
        return used

    def _has_wrong_clock(self, operation: Operation) -> bool:
        mint = self.minted.get(operation.token)
        return any(
            moved.touches(operation) or (mint is not None and moved.touches(mint))
            for moved in self.circumstances.moved_clocks
        )

    def _has_lost_something(self, operation: Operation) -> bool:
        changed = [*self.by_user[operation.user], *self.by_session[operation.session]]
        changed += [self.minted[operation.token]] if operation.token in self.minted else []
        changed += [self.opened[operation.session]] if operation.session in self.opened else []
        changed += [o for o in self.by_parent[operation.parent] if o is not operation] if operation.parent else []
        mine = operation.end
        return any(
            lost.start <= mine and any(lost.touches(change) for change in changed)
            for lost in self.circumstances.lost_commits
        )

    # Forks

    def forks(self) -> Iterator[Finding]:
        """Two different successors of one refresh token. (A repeat returns the token itself.)"""
        for parent, operations in self.by_parent.items():
            successors = {o.successor for o in operations if o.succeeded and o.successor and o.successor != parent}
            if len(successors) > 1:
                yield Finding(rule="two_successors", operation=operations[-1], detail=f"{len(successors)} of {parent}")
