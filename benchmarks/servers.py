"""Where the variants keep their rows: SQLite files and databases of one PostgreSQL server, copied from a template."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.server_process import Server
from tests.servers import postgres, valkey

from . import variants
from .statements import is_statement
from .workers import ROOT

TEMPLATE = "bench_template"
_LINE = re.compile(r"^BENCH (\S+) LOG: +(?:statement|execute [^:]*): (.*)", re.MULTILINE)


class Databases:
    """Starts the servers when they are first needed. All of it lives in one temporary folder."""

    def __init__(self, folder: Path, installed: frozenset[str]) -> None:
        self.folder = folder
        self.apps = variants.every_app(installed)
        self._servers: dict[str, Server] = {}
        #: What the servers that were started say of themselves.
        self.versions: dict[str, str] = {}
        self._made = 0
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "rsa.pem").write_bytes(pem)

    def environment(self, variant: str, database: dict[str, Any], **more: str) -> dict[str, str]:
        """The environment of a worker."""
        return {
            "DJANGO_SETTINGS_MODULE": "benchmarks.project.settings",
            "BENCH_VARIANT": variant,
            "BENCH_DATABASE": json.dumps(database),
            "BENCH_FOLDER": str(self.folder),
            **more,
        }

    def new(self, vendor: str, **options: Any) -> dict[str, Any]:
        """DATABASES["default"] of a new database, migrated for every variant, with one user. `options` go into it."""
        self._make_templates()
        self._made += 1
        if vendor == "sqlite":
            path = self.folder / f"{self._made}.sqlite3"
            shutil.copy(self._sqlite_template(), path)
            return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "CONN_MAX_AGE": None, **options}
        name = f"bench_{self._made}"
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}".encode())
        return {**self._address(name), "CONN_MAX_AGE": None, **options}

    def connect(self, name: str) -> "psycopg.Connection[Any]":
        server = self.server("postgres")
        return psycopg.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            dbname=name,
            autocommit=True,
        )

    def server(self, name: str) -> Server:
        """A running server. Raises `Unavailable`."""
        if name not in self._servers:
            self._servers[name] = _durable(postgres(self.folder)) if name == "postgres" else valkey(self.folder)
            self.versions |= self._version(name)
        return self._servers[name]

    def _version(self, name: str) -> dict[str, str]:
        if name != "postgres":
            server = self._servers[name]
            with redis.Redis(port=server.port, password=server.password, protocol=3) as client:
                return {"Valkey": str(client.info("server").get("valkey_version", "(Redis)"))}
        with self.connect("postgres") as connection:
            row = connection.execute("SHOW server_version").fetchone()
        return {"PostgreSQL": str(row[0]).split()[0]} if row else {}

    def stop(self) -> None:
        for server in self._servers.values():
            server.stop()

    def _address(self, name: str) -> dict[str, Any]:
        server = self.server("postgres")
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "HOST": server.host,
            "PORT": server.port,
            "USER": server.user,
            "PASSWORD": server.password,
        }

    def _sqlite_template(self) -> Path:
        return self.folder / "template.sqlite3"

    def _make_templates(self) -> None:
        """Once; both at a time."""
        if self._sqlite_template().exists():
            return
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE}".encode())
        sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self._sqlite_template())}
        started = [self._migrate(sqlite), self._migrate(self._address(TEMPLATE))]
        codes = [process.wait() for process in started]
        if any(codes):
            raise RuntimeError("the template databases cannot be made")

    def _migrate(self, database: dict[str, Any]) -> "subprocess.Popen[bytes]":
        environment = self.environment("null", database, BENCH_APPS=json.dumps(self.apps))
        command = [sys.executable, "-m", "benchmarks.inside.migrate"]
        return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})

    # Counting

    @contextmanager
    def counting(self) -> "Iterator[dict[str, Counter[str]]]":
        """Statements as the PostgreSQL server logs them, whoever sends them: filled when the block ends.

        By database: "statements", and "transactions" (what opens or closes one).
        """
        counted: dict[str, Counter[str]] = {}
        log = self.server("postgres").log
        self._log_statements("all")
        start = log.stat().st_size
        try:
            yield counted
        finally:
            time.sleep(0.1)  # the server writes its log by itself
            with log.open("rb") as file:
                file.seek(start)
                text = file.read().decode(errors="replace")
            self._log_statements("none")
        for name, statement in _LINE.findall(text):
            kind = "statements" if is_statement(statement) else "transactions"
            counted.setdefault(name, Counter())[kind] += 1

    def _log_statements(self, which: str) -> None:
        with self.connect("postgres") as connection:
            connection.execute(f"ALTER SYSTEM SET log_statement = '{which}'".encode())
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.2)  # running sessions take it with their next command

    def rows_written(self, name: str) -> dict[str, int]:
        """Rows inserted, updated and deleted so far. Sessions report when they end, so close them first."""
        with self.connect(name) as connection:
            row = connection.execute(
                "SELECT tup_inserted, tup_updated, tup_deleted FROM pg_stat_database WHERE datname = %s", [name]
            ).fetchone()
        assert row is not None
        return dict(zip(("inserted", "updated", "deleted"), row, strict=True))


def _durable(server: Server) -> Server:
    """With PostgreSQL's own defaults for what a commit costs; and a log that says which database was asked."""
    server.stop()
    server.command = [str(part).replace("=off", "=on") for part in server.command]
    server.command += ["-c", "log_line_prefix=BENCH %d "]
    server.start()
    return server
