"""Faults of the links between workers and servers: what the proxies do to them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .proxy import Mode, Route
from .scene import Scene


def in_mode(mode: Mode, routes: Callable[[Scene], list[Route]]) -> Callable[[Scene], Any]:
    @contextmanager
    def inject(scene: Scene) -> Iterator[None]:
        chosen = routes(scene)
        scene.fleet.proxy.set_mode(chosen, mode)
        try:
            yield
        finally:
            scene.fleet.proxy.set_mode(chosen, "pass")

    return inject


def forgotten(routes: Callable[[Scene], list[Route]]) -> Callable[[Scene], Any]:
    """Connections are half-open: what is sent on them is swallowed; new ones work."""

    @contextmanager
    def inject(scene: Scene) -> Iterator[None]:
        chosen = routes(scene)
        scene.fleet.proxy.forget(chosen)
        try:
            yield
        finally:
            scene.fleet.proxy.drop_forgotten(chosen)

    return inject


def to_database(scene: Scene) -> list[Route]:
    return scene.fleet.database_routes


def to_valkey(scene: Scene) -> list[Route]:
    return scene.fleet.valkey_routes


def one_to_database(scene: Scene) -> list[Route]:
    return [scene.dice.choice(scene.fleet.database_routes)]


def one_to_valkey(scene: Scene) -> list[Route]:
    return [scene.dice.choice(scene.fleet.valkey_routes)]
