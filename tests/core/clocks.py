"""A clock that only moves when a test says so."""


class FakeClock:
    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now
        self.boot = 1_000.0

    def time(self) -> float:
        return self.now

    def steady(self) -> float:
        return self.boot

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.boot += seconds
