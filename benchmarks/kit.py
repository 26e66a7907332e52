"""What the cases share: interleaved rounds and medians."""

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from .servers import Databases
from .tables import Row, Rows
from .workers import REQUESTS, Worker, WorkerError, close_all

__all__ = ["Bench", "Row", "Rows", "Team", "above", "beside_null", "interleaved", "median"]


@dataclass(kw_only=True)
class Bench:
    """One run: how long it may take, where the databases are, what could be installed."""

    quick: bool
    databases: Databases
    #: Distribution -> version, of what is installed; and why the others are not.
    versions: Mapping[str, str]
    missing: Mapping[str, str]
    notes: list[str] = field(default_factory=list)

    def pick(self, full: Any, quick: Any) -> Any:
        return quick if self.quick else full

    def note(self, text: str) -> None:
        """Something that a reader of the tables must know; printed at once and again at the end."""
        self.notes.append(text)
        print(f"! {text}", flush=True)

    def start(
        self, variants: Sequence[str], vendor: str, prepare: str = f"{REQUESTS}:prepare", **options: Any
    ) -> "Team":
        """A worker per variant, each with a database of its own, started together."""
        team = Team()
        for name in variants:
            database = self.databases.new(vendor, **options)
            team.names[name] = database["NAME"]
            team.workers[name] = Worker(self.databases.environment(name, database))
            team.workers[name].tell(prepare)
        for name, worker in list(team.workers.items()):
            try:
                worker.answer()
            except WorkerError as error:
                self.note(f"{name} does not run: {str(error).strip().splitlines()[-1]}")
                print("\n".join(str(error).splitlines()[-12:]), file=sys.stderr)
                team.workers.pop(name).close()
        return team


class Team:
    """Workers by variant."""

    def __init__(self) -> None:
        self.workers: dict[str, Worker] = {}
        self.names: dict[str, str] = {}

    def __enter__(self) -> "Team":
        return self

    def __exit__(self, *exception: object) -> None:
        close_all(self.workers.values())

    def rounds(self, function: str, times: int, **arguments: Any) -> dict[str, list[Any]]:
        """What the function returned in each worker, round by round: A B C, B C A, … one at a time."""
        return interleaved(
            times,
            {name: partial(worker.call, function, **arguments) for name, worker in self.workers.items()},
        )


def interleaved(
    count: int, works: Mapping[str, Callable[[], Any]], every: Mapping[str, int] = MappingProxyType({})
) -> dict[str, list[Any]]:
    """Results by name. Each round does everything once, and begins with another one than the round before.

    `every`: what is done in every nth round only.
    """
    results: dict[str, list[Any]] = {name: [] for name in works}
    names = list(works)
    for number in range(count):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            if number % every.get(name, 1) == 0:
                results[name].append(works[name]())
    return results


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def above(results: Sequence[float], floor: Sequence[float]) -> float:
    """The median of the differences within the rounds: what drifts from round to round cancels."""
    return statistics.median(one - other for one, other in zip(results, floor, strict=True))


def beside_null(rounds: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """The median of the differences within the rounds: what drifts from round to round cancels."""
    costs = [own - null for null, own in rounds]
    low, _, high = statistics.quantiles(costs, n=4)
    return {
        "cost_us": median(costs),
        "quartiles_us": f"{low:,.1f} to {high:,.1f}",
        "median_us": median([own for _, own in rounds]),
        "null_us": median([null for null, _ in rounds]),
    }
