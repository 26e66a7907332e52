"""Telling everybody that this is a child: whoever fails at it keeps nobody else from being told."""

import pytest

from drf_lanyard.core import forks


class Told:
    """Knows how often it was told, and fails at it if it is to."""

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails
        self.times = 0

    def after_fork(self) -> None:
        self.times += 1
        if self.fails:
            raise OSError("the inherited connection cannot be set aside")


def test_one_that_fails_keeps_nobody_from_being_told(monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = [Told(fails=number % 2 == 0) for number in range(6)]
    monkeypatch.setattr(forks, "_watched", everybody)
    with pytest.raises(OSError, match="set aside"):
        forks.after_fork()
    assert [one.times for one in everybody] == [1] * 6


def test_who_is_gone_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Told(fails=True)
    forks.watch(one)
    assert one in forks._watched
    del one
    assert not any(isinstance(watched, Told) for watched in forks._watched)
