"""Telling what holds threads and locks that it is in a child now."""

import os
import weakref
from contextlib import ExitStack
from typing import Protocol


class Forkable(Protocol):
    def after_fork(self) -> None:
        """In the child, before anything else runs: make new locks, and forget threads and connections."""


_watched: "weakref.WeakSet[Forkable]" = weakref.WeakSet()


def watch(one: Forkable) -> None:
    """Call `after_fork` in every child that is forked while `one` lives."""
    _watched.add(one)


def after_fork() -> None:
    """In a child. Called by whoever finds itself in one, too: a fork by C code (uWSGI's) announces itself to nobody.

    Whoever fails at it keeps nobody else from being told: the failure is raised when all have been.
    """
    with ExitStack() as everybody:
        for one in list(_watched):
            everybody.callback(one.after_fork)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)
