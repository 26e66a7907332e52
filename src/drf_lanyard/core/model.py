"""The values that travel between the rooms. All are frozen; times are Unix seconds (float)."""

from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import msgspec

from .errors import AuthError

#: Claims with a meaning of their own (RFC 7519 section 4.1, RFC 9068, and ours); not for a project's claims.
REGISTERED_CLAIMS = frozenset(
    {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "epoch", "act", "amr", "auth_time", "scope", "typ", "cnf"}
)

Transport = Literal["bearer", "hybrid", "cookie", "session"]


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who a credential stands for, and how; it is `request.auth`.

    One instance is shared by every request that presents the same token, so it is immutable,
    and `claims` hands out a new dictionary each time.
    """

    user_id: str
    method: str
    session_id: UUID | None = None
    token_id: UUID | None = None
    epoch: int = 0
    scopes: frozenset[str] = frozenset()
    issued_at: float
    expires_at: float
    #: `session_id` or `token_id` as an integer: what the snapshot's set of dead credentials holds.
    credential: int
    #: The signed payload (JSON), from which `claims` is decoded. Not a secret, but not for logs either.
    payload: bytes = b"{}"

    @property
    def all_claims(self) -> dict[str, Any]:
        """Every claim of the token, the registered ones included."""
        decoded: dict[str, Any] = msgspec.json.decode(self.payload)
        return decoded

    @property
    def claims(self) -> dict[str, Any]:
        """The project's own claims, as a dictionary that the caller may change."""
        return {name: value for name, value in self.all_claims.items() if name not in REGISTERED_CLAIMS}

    def __repr__(self) -> str:
        return f"Principal(user_id={self.user_id!r}, method={self.method!r}, session_id={self.session_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What is known of the device that signs in or refreshes."""

    ip: str = ""
    user_agent: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session about to be stored. Lifetimes are in seconds; the store adds the database's clock."""

    id: UUID
    secret: str = field(repr=False)
    method: str
    transport: Transport
    client: Client
    idle_lifetime: float
    absolute_lifetime: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """One read of a session with its user and epoch, consistent within one statement."""

    id: UUID
    subject: str
    secret: str = field(repr=False)
    counter: int
    method: str
    transport: Transport
    created_at: float
    rotated_at: float
    idle_expires_at: float
    absolute_expires_at: float | None
    revoked_at: float | None
    #: SHA-256 digest of the `Idempotency-Key` that the last rotation carried, or "".
    idempotency: str = ""
    #: `get_session_auth_hash()` when the session was opened (or carried over).
    auth_hash: str = field(default="", repr=False)
    #: What the user's hash may be now: the current one first, then fallbacks of retired SECRET_KEYs.
    user_auth_hashes: tuple[str, ...] = field(default=(), repr=False)
    user_active: bool
    epoch: int
    #: The database's clock when this was read.
    now: float
    #: The store's own user object, handed to the claims callable; the core never looks inside.
    user: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What one compare-and-swap writes."""

    counter: int
    rotated_at: float
    idle_expires_at: float
    idempotency: str
    auth_hash: str = field(repr=False)
    client: Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """Credentials for one session, ready to be put into a body or into cookies."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    #: Seconds until `access` expires.
    expires_in: int
    #: Seconds until `refresh` expires when it is not used.
    refresh_expires_in: int
    session: SessionState
    claims: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """A refusal as a value. Never raised: the framework would roll back what the refusal wrote."""

    error: AuthError
    #: The session the refusal is about, when its token was genuine.
    session_id: UUID | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of the revocation log: a dead credential, or a user's lowest valid epoch."""

    uid: int
    position: int | None = None
    credential: int | None = None
    subject: str | None = None
    epoch: int = 0
    #: Whether the user's sessions ended with the epoch, or only claims changed.
    ends_sessions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiToken:
    """An API token about to be stored; lifetimes are in seconds."""

    id: UUID
    digest: str = field(repr=False)
    hint: str
    name: str
    scope: str = ""
    lifetime: float | None = None
    idle_lifetime: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTokenState:
    """One read of an API token with its user and epoch, consistent within one statement."""

    id: UUID
    subject: str
    scope: str
    expires_at: float | None
    idle_lifetime: float | None
    last_used_at: float | None
    created_at: float
    user_active: bool
    epoch: int
    now: float
    user: Any = field(default=None, repr=False, compare=False)

    @property
    def ends_at(self) -> float:
        """When it dies if it is not used again; infinity if it never does."""
        ends = [] if self.expires_at is None else [self.expires_at]
        if self.idle_lifetime is not None:
            ends.append((self.last_used_at or self.created_at) + self.idle_lifetime)
        return min(ends, default=float("inf"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A stored session, and the entries for the older ones that had to go."""

    session: SessionState
    evicted: list[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRead:
    """What one read of the log returned, in one statement."""

    #: Entries at or after the position asked for, in their order, and those without one: up to a page of each.
    entries: tuple[Entry, ...]
    #: Entries at or below this position have been forgotten by the database.
    floor: int
    #: Whether there are more with a position, and more without one, than this page holds.
    more_sequenced: bool = False
    more_unsequenced: bool = False
