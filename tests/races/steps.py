"""Stopping a thread between any two of its steps on the database, so that another can act there.

A step is a statement of the thread's own connection, the commit of its outermost transaction, or a call of `pause()`.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections

from .crew import PATIENCE

#: Seconds to wait for a thread that may be blocked by a lock of the one that is stopped. Waiting longer or shorter
#: explores another order of events; what is asserted afterwards has to hold in every order.
BLOCKED = 0.05

_current = threading.local()


def pause() -> None:
    """A step of the current thread, if it is being stepped."""
    act: Act | None = getattr(_current, "act", None)
    if act is not None:
        act.step()


class Act:
    """Something done in a thread of its own that stops before step number `stop_before`; None: nowhere."""

    def __init__(self, action: Callable[[], Any], stop_before: int | None = None) -> None:
        self._action = action
        self._stop_before = stop_before
        self._stopped = threading.Event()
        self._go = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.steps = 0
        self.result: Any = None
        self.error: BaseException | None = None

    def start(self) -> "Act":
        """Run up to the stop (or the end)."""
        self._thread.start()
        assert self._stopped.wait(PATIENCE)
        return self

    def begin(self) -> "Act":
        """`start`, for one that may be blocked on its way to the stop."""
        self._thread.start()
        self._stopped.wait(BLOCKED)
        return self

    def proceed(self) -> None:
        """Let it run on, and wait until it has ended or seems to be blocked."""
        self._go.set()
        self._thread.join(BLOCKED)

    def finish(self) -> Any:
        """Let it run on to its end; what it returned. Raises what it raised."""
        self._go.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.result

    def step(self) -> None:
        if self.steps == self._stop_before:
            self._stopped.set()
            assert self._go.wait(PATIENCE)
        self.steps += 1

    def _run(self) -> None:
        _current.act = self
        try:
            with self._watched():
                self.result = self._action()
        except BaseException as error:
            self.error = error
        finally:
            connections.close_all()
            self._stopped.set()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        connection.ensure_connection()  # what opening one needs is no step
        commit = connection._commit  # type: ignore[attr-defined]

        def stepped_commit() -> None:
            self.step()
            commit()

        def stepped(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
            self.step()
            return execute(sql, params, many, context)

        connection._commit = stepped_commit  # type: ignore[attr-defined]
        try:
            with connection.execute_wrapper(stepped):
                yield
        finally:
            del connection._commit  # type: ignore[attr-defined]


def count_steps(action: Callable[[], Any]) -> int:
    """How many steps an action takes when nobody interferes."""
    act = Act(action).start()
    act.finish()
    return act.steps


def interleave(
    first: Callable[[], Any], i: int, second: Callable[[], Any], j: int | None, *, locks: bool = False
) -> tuple[Act, Act]:
    """`first` up to its step i, `second` up to its step j (None: its end), the rest of `first`, the rest of `second`.

    `locks`: `first` may hold locks where it stops, so that `second` may not get as far as its own stop.
    """
    one, two = Act(first, i).start(), Act(second, j)
    _ = two.begin() if locks else two.start()
    one.proceed()
    two.finish()
    one.finish()
    return one, two
