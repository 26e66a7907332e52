"""One module per case; each has `run(bench)`, which prints its tables and returns them: table -> variant -> row."""

from collections.abc import Callable

from ..kit import Bench, Rows
from . import auth_cost, crypto, growth, http, importing, quiet, refresh, revocation

CASES: dict[str, Callable[[Bench], dict[str, Rows]]] = {
    "auth_cost": auth_cost.run,
    "refresh": refresh.run,
    "http": http.run,
    "crypto": crypto.run,
    "revocation": revocation.run,
    "growth": growth.run,
    "import": importing.run,
    "quiet": quiet.run,
}
