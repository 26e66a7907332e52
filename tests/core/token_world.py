"""API tokens over the reference store, for the tests of this folder."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from drf_lanyard.core.errors import AuthError
from drf_lanyard.core.model import ApiTokenState
from drf_lanyard.core.opaque import ApiTokens
from drf_lanyard.core.policy import Policy
from drf_lanyard.service import Lanyard
from drf_lanyard.stores.memory_tokens import MemoryApiTokens
from drf_lanyard.tokens import ApiTokenService

from .test_service import World


class CountingTokens(MemoryApiTokens):
    """The reference store; it counts what a database would be asked, and can be out of order."""

    finds = 0
    broken = False
    #: Called within a look-up, after the row has been read.
    in_find: Callable[[], None] = staticmethod(lambda: None)

    def find(self, digest: str) -> ApiTokenState | None:
        self.finds += 1
        state = super().find(digest)
        self.in_find()
        return state

    def touch(self, used: Mapping[UUID, float]) -> None:
        if self.broken:
            raise ConnectionError
        super().touch(used)


class TokenWorld(World):
    """One deployment; `api` is the service of its first process."""

    def __init__(self, policy: Policy | None = None, claims_for: Callable[..., dict[str, Any]] | None = None) -> None:
        super().__init__(policy, claims_for)
        self.rows = CountingTokens(self.store, self.clock)
        self.processes = [self.lanyard]
        self.api = self.service(self.lanyard)

    def service(self, lanyard: Lanyard) -> ApiTokenService:
        return ApiTokenService(
            tokens=ApiTokens(),
            store=self.rows,
            fresh=lanyard.reader.fresh,
            publisher=lanyard.publisher,
            clock=self.clock,
            remember=self.policy.access_lifetime,
            claims_for=self.claims_for,
        )

    def another_process(self) -> ApiTokenService:
        self.processes.append(self.process())
        return self.service(self.processes[-1])

    def token(self, **options: Any) -> str:
        return self.api.create("1", "CI", **options)[0]

    def asked(self, action: Callable[[], object]) -> int:
        """How often the store was asked."""
        before = self.rows.finds
        action()
        return self.rows.finds - before

    def close(self) -> None:
        for process in self.processes:
            process.reader.close()


def refusal(api: ApiTokenService, token: str) -> type[AuthError] | None:
    try:
        api.authenticate(token)
    except AuthError as error:
        return type(error)
    return None
