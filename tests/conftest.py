"""Every database test runs once per database, in one process, on real servers.

A test is a database test when it has the `django_db` mark or asks for a fixture that needs a database.
`@pytest.mark.databases("postgres", "mariadb")` limits it, or asks for "sqlite-memory". Unmarked unittest classes cannot
be repeated: they run on the first database only, so write functions.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from .databases import DEFAULT, Databases, TestDatabase, created, selected
from .fleet.own_server import own_server
from .servers import Server, Unavailable, valkey
from .transports.grid import lines

#: Fixtures of pytest-django that need a database; some are only asked for while a test is set up.
NEED_A_DATABASE = {"database", "db", "transactional_db", "live_server", "admin_user", "admin_client"}
CHOSEN = pytest.StashKey[list[str]]()
#: Lines that tests add to the summary printed before pytest's own.
NOTES = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--db", action="append", choices=DEFAULT, help="run database tests on this database only")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "databases(*names): run on these databases only")
    config.stash[CHOSEN] = config.getoption("--db") or []
    config.stash[NOTES] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every database test its turn on each database; session scope makes pytest group the turns."""
    node = metafunc.definition
    if not (node.get_closest_marker("django_db") or NEED_A_DATABASE & set(metafunc.fixturenames)):
        return
    mark = node.get_closest_marker("databases")
    names = selected(metafunc.config.stash[CHOSEN], mark.args if mark else DEFAULT)
    if "database" not in metafunc.fixturenames:
        metafunc.fixturenames.append("database")
    metafunc.parametrize("database", names, indirect=True, scope="session")


def pytest_itemcollected(item: pytest.Item) -> None:
    callspec = getattr(item, "callspec", None)
    name = callspec.params.get("database") if callspec else None
    if isinstance(name, str):  # with --db a test may have no turn at all, and is skipped
        item.user_properties.append(("database", name))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes (`pytest -n`) hands its notes to the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["notes"] = session.config.stash[NOTES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[NOTES] += node.workeroutput.get("notes", [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print how many tests ran on each database."""
    counts: dict[str, Counter[str]] = {}
    for outcome in ("passed", "failed", "error", "skipped", "xfailed"):
        for report in terminalreporter.stats.get(outcome, []):
            name = dict(getattr(report, "user_properties", ())).get("database", "no database")
            counts.setdefault(str(name), Counter())[outcome] += 1
    parts = [f"{name}: {', '.join(f'{n} {outcome}' for outcome, n in c.items())}" for name, c in sorted(counts.items())]
    terminalreporter.write_line("; ".join(parts))
    passed = [dict(report.user_properties) for report in terminalreporter.stats.get("passed", [])]
    if matrix := [properties["matrix"] for properties in passed if "matrix" in properties]:
        config.stash[NOTES] += ["", *lines(matrix)]
    for note in config.stash[NOTES]:
        terminalreporter.write_line(note)


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """The servers of this run, in a temporary folder that is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="lanyard-"))
    folder.chmod(0o711)  # the servers' user has to reach its own folder inside
    every = Databases(folder, prefix=os.environ.get("LANYARD_TEST_PREFIX", "lanyard"))
    yield every
    every.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def start_valkey(databases: Databases, pytestconfig: pytest.Config) -> Iterator[Callable[[str], Server]]:
    """Starts a Valkey of one's own, by name. One that cannot be had skips, loudly; under CI it fails."""
    started: list[Server] = []

    def start(name: str) -> Server:
        folder = databases.folder / name
        folder.mkdir(mode=0o711)
        try:
            started.append(valkey(folder))
        except Unavailable as error:
            note = f"push through Redis CANNOT BE TESTED: {error}"
            pytestconfig.stash[NOTES].append(note)
            if os.environ.get("CI"):
                pytest.fail(note, pytrace=False)
            pytest.skip(note)
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def own(database: TestDatabase, databases: Databases, django_db_blocker: DjangoDbBlocker) -> Iterator[TestDatabase]:
    """A server like that of `database`, which no other module uses: it may be frozen."""
    with django_db_blocker.unblock(), own_server(database.name, databases) as made:
        django_db_blocker.block()
        try:
            yield made
        finally:
            django_db_blocker.restore()


@pytest.fixture(scope="session")
def database(
    request: pytest.FixtureRequest, databases: Databases, django_db_blocker: DjangoDbBlocker
) -> Iterator[TestDatabase]:
    """The test database of this turn, as DATABASES["default"].

    A database that cannot be had skips its tests, loudly; under CI it fails them.
    """
    name = getattr(request, "param", "") or selected(request.config.stash[CHOSEN], DEFAULT)[0]
    try:
        settings_dict = databases.settings(name)
    except Unavailable as error:
        note = f"{name} CANNOT BE TESTED: {error}"
        request.config.stash[NOTES].append(note)
        if os.environ.get("CI"):
            pytest.fail(note, pytrace=False)
        pytest.skip(note)
    with django_db_blocker.unblock(), created(name, settings_dict, databases.servers.get(name)) as made:
        django_db_blocker.block()
        try:
            yield made
        finally:
            django_db_blocker.restore()


@pytest.fixture(scope="session")
def django_db_setup(database: TestDatabase) -> TestDatabase:
    """Replaces pytest-django's: the database of this turn already exists."""
    return database
