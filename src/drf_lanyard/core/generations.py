"""A bounded cache for many threads, without a lock."""

from typing import Generic, TypeVar

Value = TypeVar("Value")


class Generations(Generic[Value]):
    """Two dictionaries: when the young one is full it becomes the old one, and the old one is dropped.

    An entry that is used again moves back to the young one, so what is in use stays. Single dictionary
    operations are atomic; two threads that turn the generation at once only forget a little early.
    """

    __slots__ = ("_half", "_old", "young")

    def __init__(self, size: int) -> None:
        """Holds about `size` entries; fewer than 2 means none."""
        self._half = size // 2
        #: What was put or used lately: who asks only here finds less, and pays for one look-up.
        self.young: dict[str, Value] = {}
        self._old: dict[str, Value] = {}

    def __len__(self) -> int:
        return len(self.young) + len(self._old)

    def get(self, key: str) -> Value | None:
        value = self.young.get(key)
        if value is None and (value := self._old.get(key)) is not None:
            self.put(key, value)
        return value

    def put(self, key: str, value: Value) -> None:
        young = self.young
        if len(young) >= self._half:
            if not self._half:
                return
            self._old, self.young = young, {}
            young = self.young
        young[key] = value
