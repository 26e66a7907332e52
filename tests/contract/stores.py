"""What the contract suites need of a store besides its port: users that change, and time that passes."""

from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

from drf_lanyard.core.ids import uuid7
from drf_lanyard.core.model import Client, NewSession
from drf_lanyard.core.ports import RevocationLog, SessionStore
from drf_lanyard.stores.memory import MemoryStore, MemoryUser
from tests.core.clocks import FakeClock


class StoreUnderTest(Protocol):
    name: str
    sessions: SessionStore
    log: RevocationLog

    def make_user(self) -> Any: ...
    def change(self, user: Any, **changes: Any) -> None: ...
    def delete(self, user: Any) -> None: ...
    def age(self, session_id: UUID, seconds: float) -> None: ...
    def forget(self, count: int) -> int: ...
    def lose(self) -> None: ...
    def call_the_roll(self) -> int: ...
    def answers(self, call: int) -> list[int]:
        """The positions that processes have reported."""

    def end_call(self, call: int) -> None: ...


class InMemory:
    name = "memory"

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        self.sessions: SessionStore = self.store
        self.log: RevocationLog = self.store

    def make_user(self) -> MemoryUser:
        user = MemoryUser(pk=str(len(self.store.users) + 1), password="first")
        self.store.users[user.pk] = user
        return user

    def change(self, user: MemoryUser, **changes: Any) -> None:
        old = self.store.users[user.pk]
        self.store.users[user.pk] = MemoryUser(
            pk=user.pk,
            password=changes.get("password", old.password),
            is_active=changes.get("is_active", old.is_active),
        )

    def delete(self, user: MemoryUser) -> None:
        del self.store.users[user.pk]

    def age(self, session_id: UUID, seconds: float) -> None:
        self.clock.advance(seconds)

    def forget(self, count: int) -> int:
        before = len(self.store.read(0).entries)
        self.store.forget(self.store.read(0).floor + count)
        return before - len(self.store.read(0).entries)

    def lose(self) -> None:
        self.store._log.entries.clear()

    def call_the_roll(self) -> int:
        return self.store.call_the_roll()

    def answers(self, call: int) -> list[int]:
        return [report.position for report in self.store.calls.get(call, [])]

    def end_call(self, call: int) -> None:
        del self.store.calls[call]


class InDatabase:
    name = "orm"

    def __init__(self) -> None:
        from drf_lanyard.stores.orm import OrmSessions
        from drf_lanyard.stores.orm_log import OrmLog

        self.sessions: SessionStore = OrmSessions()
        self._orm_log = OrmLog("default", timeout=5.0, retention=3600.0)
        self.log: RevocationLog = self._orm_log
        self._users = 0

    def close(self) -> None:
        self._orm_log.rest()

    def make_user(self) -> Any:
        from django.contrib.auth import get_user_model

        self._users += 1
        user = get_user_model().objects.create_user(f"user{self._users}", password="first")
        return get_user_model().objects.get(pk=user.pk)

    def change(self, user: Any, **changes: Any) -> None:
        type(user).objects.filter(pk=user.pk).update(**changes)  # no signal: only the store is under test

    def delete(self, user: Any) -> None:
        type(user).objects.filter(pk=user.pk)._raw_delete("default")

    def age(self, session_id: UUID, seconds: float) -> None:
        from django.db.models import F

        from drf_lanyard.models import Session

        times = ("created_at", "rotated_at", "idle_expires_at", "absolute_expires_at")
        Session.objects.filter(pk=session_id).update(**{name: F(name) - seconds for name in times})

    def forget(self, count: int) -> int:
        from drf_lanyard.models import Revocation
        from drf_lanyard.stores.orm_log import prune

        Revocation.objects.exclude(position=None).update(forget_at=0.0)
        return prune("default", count)

    def lose(self) -> None:
        from drf_lanyard.models import Revocation

        Revocation.objects.all()._raw_delete("default")

    def call_the_roll(self) -> int:
        from drf_lanyard.stores.fleet import call_the_roll

        return call_the_roll("default")

    def answers(self, call: int) -> list[int]:
        from drf_lanyard.models import FleetReport

        return list(FleetReport.objects.filter(call=call).exclude(pid=None).values_list("position", flat=True))

    def end_call(self, call: int) -> None:
        from drf_lanyard.stores.fleet import end_call

        end_call("default", call)


def new_session(**changes: Any) -> NewSession:
    values: dict[str, Any] = {
        "id": uuid7(1_700_000_000.0),
        "secret": "s" * 43,
        "method": "password",
        "transport": "bearer",
        "client": Client(ip="192.0.2.1", user_agent="tests", device="phone"),
        "idle_lifetime": 1_000.0,
        "absolute_lifetime": 5_000.0,
    }
    return NewSession(**{**values, **changes})


StoreFactory = Callable[[], StoreUnderTest]
