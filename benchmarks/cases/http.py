"""Requests per second of a protected view: gunicorn with two sync workers, PostgreSQL, wrk."""

import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, cycle
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tests.server_process import die_with_parent, free_port

from ..kit import Bench, Rows, interleaved, median
from ..variants import BY_NAME, NULL_HEADER
from ..workers import ROOT, Worker

VARIANTS = ("null", "lanyard", "simplejwt_stateless", "simplejwt", "drf_token", "knox")
#: Two servers of the same kind differ by several percent (where memory happens to lie): more than what is to be told
#: apart here. So there are some of ours, which take turns, and each answers with the null authenticator too. The others
#: take part in every third round.
OURS = "lanyard"
COPIES = 4
CONNECTIONS = {"persistent": None, "conn0": 0}
#: Connections that wrk keeps busy: more than there are workers, so that none ever waits for work.
LOAD = 8
#: Requests per second, and the 99th percentile of the latency in milliseconds.
Load = tuple[float, float]


@dataclass(frozen=True)
class Site:
    """One gunicorn and the credential that gets in."""

    process: "subprocess.Popen[bytes]"
    url: str
    header: str
    spoiled: str


def run(bench: Bench) -> dict[str, Rows]:
    if shutil.which("wrk") is None:
        bench.note("http is skipped: there is no wrk here (Debian: apt-get install wrk)")
        return {}
    names = [name for name in VARIANTS if not BY_NAME[name].package or BY_NAME[name].package in bench.versions]
    if bench.quick:
        bench.note("http: a quick run measures null, drf-lanyard and simplejwt only, for a second each")
        names = [name for name in names if name in ("null", "lanyard", "simplejwt")]
    sites: dict[str, list[Site]] = defaultdict(list)
    try:
        for name in names:
            for _ in range(bench.pick(COPIES, 1) if name == OURS else 1):
                for kind, site in started(bench, name).items():
                    sites[f"{name} {kind}"].append(site)
        for site in chain.from_iterable(sites.values()):
            checked(site)
        # A server reads the header whoever uses it: the limit is asked with the same requests.
        header = sites[f"{OURS} persistent"][0].header
        for kind in CONNECTIONS:
            sites[f"null {kind}"] = [replace(site, header=header) for site in sites[f"null {kind}"]]
        seconds = bench.pick(2, 1)
        if not bench.quick:
            loaded(sites["null persistent"][0], 1)
        seldom = {name: bench.pick(3, 1) for name in sites if name.split()[0] != OURS}
        works: dict[str, Callable[[], list[Load]]] = {}
        for name, copies in sites.items():
            take = both_ways if name.split()[0] == OURS else one_way
            works[name] = partial(take, cycle(copies), seconds)
        rounds = interleaved(bench.pick(12, 1), works, seldom)
    finally:
        for site in chain.from_iterable(sites.values()):
            site.process.terminate()
        for site in chain.from_iterable(sites.values()):
            site.process.wait()
    rows: Rows = {}
    for name, results in rounds.items():
        variant, kind = name.split(" ")
        rows[name] = {
            "label": f"{BY_NAME[variant].label}, CONN_MAX_AGE {'None' if kind == 'persistent' else 0}",
            "per_second": median([loads[0][0] for loads in results]),
            "p99_ms": median([loads[0][1] for loads in results]),
        }
    for kind in CONNECTIONS:
        loads = rounds[f"{OURS} {kind}"]
        rows[f"{OURS} {kind}"]["over_null"] = median([own / null for (own, _), (null, _) in loads])
    return {"http": rows}


def started(bench: Bench, name: str) -> dict[str, Site]:
    """A gunicorn for each kind of connection; the credential is made by a worker of ours on the same database."""
    database = bench.databases.new("postgres")
    helper = Worker(bench.databases.environment(name, database))
    helper.tell("benchmarks.inside.site:headers")
    served = {}
    for kind, age in CONNECTIONS.items():
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "benchmarks.project.wsgi:application", "--workers", "2"]
        command += ["--preload", "--worker-class", "sync", "--bind", f"127.0.0.1:{port}", "--log-level", "error"]
        environment = bench.databases.environment(name, {**database, "CONN_MAX_AGE": age})
        served[kind, port] = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, preexec_fn=die_with_parent(15)
        )
    try:
        good, bad = helper.answer()
    finally:
        helper.close()
    return {
        kind: Site(process, f"http://127.0.0.1:{port}/protected/", good, bad)
        for (kind, port), process in served.items()
    }


def checked(site: Site) -> None:
    """It answers, lets in, and refuses a spoiled credential."""
    deadline = time.monotonic() + 30
    while (status := _status(site.url, site.header)) == 0:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{site.url} does not answer")
        time.sleep(0.1)
    if status != 200 or (site.spoiled and _status(site.url, site.spoiled) != 401):
        raise AssertionError(f"{site.url}: {status}, spoiled {_status(site.url, site.spoiled)}")


def _status(url: str, header: str) -> int:
    try:
        with urlopen(Request(url, headers={"Authorization": header} if header else {}), timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except (URLError, ConnectionError):
        return 0


def one_way(sites: "cycle[Site]", seconds: int) -> list[Load]:
    return [loaded(next(sites), seconds)]


def both_ways(sites: "cycle[Site]", seconds: int) -> list[Load]:
    """The next server's own authenticator and, in the same server, the null one; the order is drawn by lot."""
    site = next(sites)
    loads = {null: loaded(site, seconds, null=null) for null in random.sample((False, True), 2)}
    return [loads[False], loads[True]]


def loaded(site: Site, seconds: int, *, null: bool = False) -> Load:
    command = ["wrk", "--threads", "1", "--connections", str(LOAD), "--duration", f"{seconds}s", "--latency"]
    command += ["--header", f"{NULL_HEADER}: {'1' if null else ''}"]
    if site.header:
        command += ["--header", f"Authorization: {site.header}"]
    told = subprocess.run([*command, site.url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told:
        raise AssertionError(told)
    rate = re.search(r"Requests/sec: +([\d.]+)", told)
    slow = re.search(r"99% +([\d.]+)(us|ms|s)", told)
    assert rate is not None and slow is not None, told
    return float(rate[1]), float(slow[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[slow[2]]
