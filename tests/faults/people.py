"""What a client holds: sessions, and users whose password it knows."""

from dataclasses import dataclass, field

from .prepare import PASSWORD


@dataclass(eq=False)
class Held:
    """A session as its client holds it."""

    id: str
    access: str
    #: Refresh tokens, the present one last.
    chain: list[str]


@dataclass(eq=False)
class User:
    pk: int
    name: str
    password: str = PASSWORD
    sessions: list[Held] = field(default_factory=list)
