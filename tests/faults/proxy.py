"""A TCP proxy between each worker and its servers, with a way to be slow, silent or forgetful.

One thread with an event loop. A route belongs to one worker and one server, so that a worker can be cut off alone.
"""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

#: `hold`: bytes wait, and are delivered when the fault is over, like packets that TCP sends again.
#: `hold_answers`: only those of the server wait. `delay`: answers come late.
Mode = Literal["pass", "hold", "hold_answers", "delay"]
CHUNK = 65536


@dataclass(eq=False)
class Link:
    """One connection of a worker."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    #: Whatever comes is swallowed, and neither side is told: a firewall has forgotten the connection.
    forgotten: bool = False

    def abort(self) -> None:
        for writer in (self.client, self.server):
            writer.transport.abort()


@dataclass(eq=False)
class Route:
    """Listens on `port` for one worker, and connects to `target` (a port on 127.0.0.1)."""

    target: int
    port: int = 0
    mode: Mode = "pass"
    delay: float = 2.0
    links: set[Link] = field(default_factory=set)
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    #: By mode, or "forgotten": how often bytes or a connection really met with it.
    hindered: Counter[str] = field(default_factory=Counter)

    async def open(self) -> None:
        if not self.flowing.is_set():
            self.hindered[self.mode] += 1
            await self.flowing.wait()


class Proxy:
    """Routes are made and changed from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self.routes: list[Route] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()

    def route(self, target: int) -> Route:
        route = Route(target=target)
        self._call(self._open(route))
        return route

    def set_mode(self, routes: Iterable[Route], mode: Mode) -> None:
        self._call(self._set_mode(list(routes), mode))

    def forget(self, routes: Iterable[Route]) -> None:
        """Swallow what comes on the connections that there are; new ones work."""
        self._call(self._forget(list(routes)))

    def drop_forgotten(self, routes: Iterable[Route]) -> None:
        self._call(self._drop_forgotten(list(routes)))

    def redirect(self, routes: Iterable[Route], target: int) -> None:
        """New connections go to another port; those that there are end."""
        self._call(self._redirect(list(routes), target))

    def close(self) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _open(self, route: Route) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                with contextlib.suppress(asyncio.CancelledError):  # asyncio would complain of it when we close
                    await _serve(route, reader, writer)
            finally:
                self._tasks.discard(task)

        server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=256)
        self._servers.append(server)
        route.port = server.sockets[0].getsockname()[1]
        route.flowing.set()
        self.routes.append(route)

    async def _set_mode(self, routes: list[Route], mode: Mode) -> None:
        for route in routes:
            route.mode = mode
            if mode in ("pass", "delay"):
                route.flowing.set()
            else:
                route.flowing.clear()

    async def _forget(self, routes: list[Route]) -> None:
        for link in [link for route in routes for link in route.links]:
            link.forgotten = True

    async def _drop_forgotten(self, routes: list[Route]) -> None:
        for link in [link for route in routes for link in route.links if link.forgotten]:
            link.abort()

    async def _redirect(self, routes: list[Route], target: int) -> None:
        for route in routes:
            route.target = target
            for link in list(route.links):
                link.abort()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _serve(route: Route, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if route.mode == "hold":
        await route.open()
    try:
        answers, server = await asyncio.open_connection("127.0.0.1", route.target)
    except OSError:
        writer.transport.abort()
        return
    link = Link(client=writer, server=server)
    route.links.add(link)
    try:
        pumps = [_pump(route, link, reader, server, to_server=True), _pump(route, link, answers, writer)]
        await asyncio.gather(*pumps)
    finally:
        route.links.discard(link)
        link.abort()


async def _pump(
    route: Route, link: Link, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, to_server: bool = False
) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(CHUNK):
            if route.mode == "hold" or (route.mode == "hold_answers" and not to_server):
                await route.open()
            if route.mode == "delay" and not to_server:
                route.hindered["delay"] += 1
                await asyncio.sleep(route.delay)
            if link.forgotten:
                route.hindered["forgotten"] += 1
                continue
            target.write(data)
            await target.drain()
    if link.forgotten:  # the other side is not told
        return
    with contextlib.suppress(OSError):
        target.close()
