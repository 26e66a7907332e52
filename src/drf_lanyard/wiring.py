"""Builds the service out of the settings: late, once, and again when a setting changes."""

import os
import sys
import threading
import time
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections, router

from .conf import Settings, get_settings
from .core.access import AccessTokens
from .core.follower import Follower
from .core.model import SessionState
from .core.opaque import ApiTokens
from .core.reader import Reader
from .core.refresh import RefreshTokens
from .models import Session
from .service import Lanyard
from .signals import refresh_reused, refreshed, revoked
from .stores.clock import SystemClock
from .stores.dialect import reads_inline
from .stores.inline import InlineReader
from .stores.orm import OrmSessions
from .stores.orm_log import OrmLog
from .stores.orm_tokens import OrmApiTokens
from .stores.push import make_push
from .stores.recorder import Recorder
from .tokens import ApiTokenService

_lock = threading.Lock()
_services: "Services | None" = None


class Services(NamedTuple):
    """What one process needs; built together, dropped together."""

    lanyard: Lanyard
    api_tokens: ApiTokenService
    recorder: Recorder
    push: Follower | None


def _after_fork_in_child() -> None:
    """Another thread of the parent may have held it."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def get_services() -> Services:
    """Everything of this process. Raises as `get_lanyard` does."""
    return _services or _get()


def get_lanyard() -> Lanyard:
    """The service of this process. Raises `ConfigurationError` when the settings cannot work."""
    return (_services or _get()).lanyard


def get_api_tokens() -> ApiTokenService:
    """The service for API tokens of this process. Raises as `get_lanyard` does."""
    return (_services or _get()).api_tokens


def _get() -> Services:
    global _services
    services = _services
    if services is None:
        with _lock:
            services = _services = _services or _build()
    return services


def reset(**kwargs: Any) -> None:
    """Drop the service; the next call of `get_lanyard` builds another. A signal receiver too."""
    global _services
    with _lock:
        services, _services = _services, None
    if services is not None:
        services.lanyard.reader.close()
        services.recorder.close()
        if services.push is not None:
            services.push.close()


def alias() -> str:
    """The database that holds the tables, as the router chooses for writing."""
    return router.db_for_write(Session)


def in_test_environment() -> bool:
    """Whether Django's `setup_test_environment` has run in this process; asking imports nothing."""
    utils = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")


def _build() -> Services:
    settings = get_settings()
    policy, clock, database = settings.policy, SystemClock(), alias()
    log = OrmLog(database, timeout=policy.read_timeout, retention=policy.retention)
    push = None if in_test_environment() else make_push(settings.push_url, settings.push_keys, database, clock)
    reader = Reader(log, lease=policy.lease, timeout=policy.read_timeout, clock=clock, push=push)
    inline = in_test_environment() or reads_inline(connections[database])
    lanyard = Lanyard(
        policy=policy,
        access=AccessTokens(
            settings.keys,
            issuer=settings.issuer,
            audience=settings.audience,
            lifetime=policy.access_lifetime,
            leeway=policy.leeway,
        ),
        refresh_tokens=RefreshTokens(settings.refresh_secrets),
        sessions=OrmSessions(database),
        reader=InlineReader(database, reader) if inline else reader,
        clock=clock,
        listener=_Signals(),
        claims_for=settings.claims or _no_claims,
        sleep=time.sleep,
    )
    return _with_api_tokens(lanyard, settings, database, push)


def _with_api_tokens(lanyard: Lanyard, settings: Settings, database: str, push: Follower | None) -> Services:
    api_tokens = ApiTokenService(
        tokens=ApiTokens(settings.api_token.prefix),
        store=OrmApiTokens(database),
        fresh=lanyard.reader.fresh,
        publisher=lanyard.publisher,
        clock=lanyard.clock,
        remember=lanyard.policy.access_lifetime,
        claims_for=settings.claims or _no_claims,
    )
    recorder = Recorder(api_tokens.flush)
    if not in_test_environment():  # another thread's connection would not see a test's rows
        api_tokens.noted = recorder.wake
    return Services(lanyard, api_tokens, recorder, push)


def _no_claims(user: Any, session: SessionState | None) -> Mapping[str, Any]:
    return {}


class _Signals:
    """`service.Listener` that sends Django's signals. A receiver that raises cannot undo what has happened."""

    def refreshed(self, session: SessionState) -> None:
        refreshed.send_robust(sender=Session, session_id=session.id, user_id=session.subject)

    def refresh_reused(self, session: SessionState) -> None:
        refresh_reused.send_robust(sender=Session, session_id=session.id, user_id=session.subject)

    def revoked(
        self, *, session_ids: Collection[UUID], token_ids: Collection[UUID], owners: Collection[Any], reason: str
    ) -> None:
        users = tuple(str(owner) for owner in owners)
        ids = {"session_ids": tuple(session_ids), "token_ids": tuple(token_ids), "user_ids": users}
        revoked.send_robust(sender=Session, reason=reason, **ids)
