"""What it costs the servers to tell everybody: PUBLISH to many subscribers, NOTIFY to many listeners."""

import resource
import socket
import threading
import time
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

from .ground import Ground, cpu_of_family, quantile

SUBSCRIBERS = (0, 100, 1000)
LISTENERS = (0, 100, 200)
MESSAGES = 300
#: Concurrent transactions, and seconds for which they commit one after the other.
WRITERS, SECONDS = 8, 2.0
_INSERT = (
    "INSERT INTO lanyard_revocation (uid, credential, subject, epoch, ends_sessions) "
    "VALUES (1, md5(random()::text), '', 0, false)"
)


def message() -> str:
    """One dead session."""
    from drf_lanyard.core.messages import Messages
    from drf_lanyard.core.model import Entry

    return Messages([b"k" * 32]).encode([Entry(uid=2**62, credential=2**127)])


def measure_redis(ground: Ground) -> list[dict[str, Any]]:
    """CPU of the server per message, with so many subscribers; microseconds."""
    _allow_files(2 * max(SUBSCRIBERS))
    return [_publish(ground.redis_url, count) for count in SUBSCRIBERS]


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, count)), hard))


def _publish(url: str, subscribers: int) -> dict[str, Any]:
    import redis

    address, text = urlsplit(url), message()
    with ExitStack() as stack:
        for _ in range(subscribers):
            one = stack.enter_context(socket.create_connection((address.hostname, address.port)))
            one.sendall(f"AUTH {address.username} {address.password}\r\nSUBSCRIBE bench\r\n".encode())
            assert one.recv(100)
        client = redis.Redis.from_url(url, protocol=2)
        stack.callback(client.close)
        while client.publish("bench", text) < subscribers:  # the last of them are still being subscribed
            time.sleep(0.01)
        before, took = _redis_cpu(client), []
        for _ in range(MESSAGES):
            started = time.perf_counter()
            client.publish("bench", text)
            took.append(1e6 * (time.perf_counter() - started))
        used = _redis_cpu(client) - before
    return {
        "subscribers": subscribers,
        "cpu_us": round(1e6 * used / MESSAGES, 1),
        "publish_p50_us": round(quantile(took, 0.5)),
        "bytes": len(text),
    }


def _redis_cpu(client: Any) -> float:
    information = client.info("cpu")
    return float(information["used_cpu_sys"] + information["used_cpu_user"])


def measure_notify(ground: Ground) -> list[dict[str, Any]]:
    """CPU of all of PostgreSQL per notification with so many listeners, and how long its commit takes; microseconds."""
    return [_notify(ground, count) for count in LISTENERS]


def _notify(ground: Ground, listeners: int) -> dict[str, Any]:
    text = message()
    with ExitStack() as stack:
        for _ in range(listeners):
            stack.enter_context(connect(ground)).execute("LISTEN drf_lanyard_bench")
        teller = stack.enter_context(connect(ground))
        teller.execute("SELECT pg_notify('drf_lanyard_bench', %s)", [text])
        before, took = cpu_of_family(ground.postgres_pid), []
        for _ in range(MESSAGES):
            started = time.perf_counter()
            teller.execute("SELECT pg_notify('drf_lanyard_bench', %s)", [text])
            took.append(1e6 * (time.perf_counter() - started))
            time.sleep(0.001)  # one after the other, not in a heap
        time.sleep(0.3)
        used = cpu_of_family(ground.postgres_pid) - before
    return {
        "listeners": listeners,
        "cpu_us": round(1e6 * used / MESSAGES, 1),
        "notify_p50_us": round(quantile(took, 0.5)),
    }


def measure_commits(ground: Ground) -> dict[str, float]:
    """Transactions per second that insert an entry: alone, and with a NOTIFY, whose commits queue up."""
    notify = f"SELECT pg_notify('drf_lanyard_bench', '{message()}')"
    return {"insert": _commits(ground, [_INSERT]), "insert_and_notify": _commits(ground, [_INSERT, notify])}


def _commits(ground: Ground, statements: list[str]) -> float:
    done: list[int] = []

    def write() -> None:
        count = 0
        with connect(ground) as connection:
            ends = time.monotonic() + SECONDS
            while time.monotonic() < ends:
                with connection.transaction():
                    for statement in statements:
                        connection.execute(statement)
                count += 1
        done.append(count)

    threads = [threading.Thread(target=write) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == WRITERS
    return round(sum(done) / SECONDS, 1)


def connect(ground: Ground) -> Any:
    import psycopg

    given = ground.database
    return psycopg.connect(
        host=given["HOST"],
        port=given["PORT"],
        user=given["USER"],
        password=given["PASSWORD"],
        dbname=given["NAME"],
        autocommit=True,
    )
