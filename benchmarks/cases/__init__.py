"""One module per case; each has `run(bench)`, which prints its tables and returns them: table -> variant -> row."""

from collections.abc import Callable

from ..kit import Bench, Rows
from . import auth_cost

CASES: dict[str, Callable[[Bench], dict[str, Rows]]] = {"auth_cost": auth_cost.run}
