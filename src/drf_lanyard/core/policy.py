"""The rules of one deployment as one value, validated once."""

from dataclasses import dataclass

from .errors import ConfigurationError

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Lifetimes and bounds, all in seconds.

    Raises `ConfigurationError` for a combination that cannot keep the library's promises.
    """

    access_lifetime: float = 300.0
    #: Idle expiry: a refresh token not used for this long is dead.
    refresh_lifetime: float = 14 * DAY
    #: Absolute expiry, never extended; None for no bound.
    session_lifetime: float | None = 90 * DAY
    #: How long the previous refresh token still yields its successor (RFC 9700 section 4.14.2 asks for rotation).
    refresh_grace: float = 10.0
    #: How long a snapshot is trusted, counted from the start of the read that produced it.
    lease: float = 1.0
    #: How long a request waits for a read before it is refused.
    read_timeout: float = 2.0
    #: Allowance for clocks that differ between servers (RFC 7519 section 4.1.4).
    leeway: float = 5.0
    #: Live sessions per user; the oldest is evicted. None for no bound.
    max_sessions: int | None = None

    def __post_init__(self) -> None:
        for name in ("access_lifetime", "refresh_lifetime", "lease", "read_timeout"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"{name} must be positive.")
        for name in ("refresh_grace", "leeway"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name} must not be negative.")
        if self.session_lifetime is not None and self.session_lifetime <= 0:
            raise ConfigurationError("session_lifetime must be positive, or None for no absolute expiry.")
        if self.max_sessions is not None and self.max_sessions < 1:
            raise ConfigurationError("max_sessions must be at least 1, or None for no bound.")
        if self.access_lifetime > self.refresh_lifetime:
            raise ConfigurationError("access_lifetime must not exceed refresh_lifetime.")

    @property
    def retention(self) -> float:
        """How long the log remembers a revocation: longer than any token that it must refuse can live."""
        return max(HOUR, 2 * (self.access_lifetime + self.leeway))
