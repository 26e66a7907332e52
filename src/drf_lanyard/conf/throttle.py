"""How often somebody may try: rates and where they apply."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .values import BadValue

_RATE = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,5})?(s|sec|second|m|min|minute|h|hour|d|day)s?\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_HINT = 'Write {"login_address": "30/min", "login_account": "5/5min"}; None turns one off.'


@dataclass(frozen=True, slots=True)
class Rate:
    """`limit` attempts per `window` seconds."""

    limit: int
    window: int

    def __str__(self) -> str:
        return f"{self.limit}/{self.window}s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """None turns a limit off.

    The limits by address stop one machine that tries many accounts, and leave room for an office behind one address.
    Those by account (counted with the address, so that nobody can lock somebody else out) stop guessing at one account:
    5 in 5 minutes leave a guesser 1,440 passwords a day from each address. A success clears them.
    """

    login_address: Rate | None = Rate(30, 60)
    login_account: Rate | None = Rate(5, 300)
    password_reset_address: Rate | None = Rate(10, 60)
    password_reset_account: Rate | None = Rate(5, 3600)
    password_change_account: Rate | None = Rate(5, 300)


NAMES = tuple(field.name for field in fields(Throttle))


def throttle(value: Any) -> Throttle:
    """A dictionary of rates over the defaults; None turns every limit off."""
    if value is None:
        return Throttle(**dict.fromkeys(NAMES))
    if not isinstance(value, Mapping):
        raise BadValue("must be a dictionary of rates.", _HINT)
    if unknown := [key for key in value if key not in NAMES]:
        raise BadValue(f"has no rate {unknown[0]!r}.", f"The rates are: {', '.join(NAMES)}.")
    return Throttle(**{key: rate(text) for key, text in value.items()})


def rate(value: Any) -> Rate | None:
    """ "20/min", "5/5min", "100/day", or None."""
    if value is None:
        return None
    found = _RATE.match(value) if isinstance(value, str) else None
    if found is None:
        raise BadValue(f"has the rate {value!r}, which cannot be read.", _HINT)
    limit, count, unit = found.groups()
    return Rate(int(limit), int(count or 1) * _SECONDS[unit[0]])
