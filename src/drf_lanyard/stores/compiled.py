"""The two statements of a refresh, compiled once: Django takes several times as long to build them as to run them.

What is kept belongs to a kind of database, not to a connection; values and rows go through the fields as always.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler

M = TypeVar("M", bound=models.Model)

#: The key that a query is compiled with, to find its place among the parameters.
_SOME_KEY = UUID("8d7f2d4e-4c1b-4f0e-9a53-0f6c2b1e7a90")


class _Compiled(NamedTuple):
    #: It knows the columns, and how rows become instances; without a connection, that of the caller's thread is used.
    compiler: SQLCompiler
    sql: str
    params: tuple[Any, ...]
    #: The place of the key among `params`.
    place: int


class CompiledGet(Generic[M]):
    """`rows.get(pk=key)` for a model whose key is a UUID, or None. Threads may share it.

    Only the making of the SQL is left out: Django runs it and makes the instances out of the rows.
    """

    def __init__(self, rows: "models.QuerySet[M]") -> None:
        """`rows` has its database chosen (`using`), and nothing in it varies."""
        self._rows = rows
        self._by_vendor: dict[str, _Compiled] = {}

    def get(self, key: UUID) -> M | None:
        connection = connections[self._rows.db]
        compiled = self._by_vendor.get(connection.vendor)
        if compiled is None:  # two threads may do this at once, and come to the same
            compiled = self._by_vendor[connection.vendor] = self._compile(connection)
        compiler = self._bind(compiled, connection, key)
        rows = self._rows.all()
        rows.query.get_compiler = lambda *args, **kwargs: compiler  # type: ignore[method-assign]
        return next(iter(rows), None)

    def _compile(self, connection: BaseDatabaseWrapper) -> _Compiled:
        compiler = self._rows.filter(pk=_SOME_KEY).query.get_compiler(using=self._rows.db)
        sql, params = compiler.as_sql()
        compiler.connection = None
        return _Compiled(compiler, sql, tuple(params), params.index(self._prepared(connection, _SOME_KEY)))

    def _bind(self, compiled: _Compiled, connection: BaseDatabaseWrapper, key: UUID) -> SQLCompiler:
        params = list(compiled.params)
        params[compiled.place] = self._prepared(connection, key)
        compiler = copy.copy(compiled.compiler)
        compiler.connection = connection
        compiler.as_sql = lambda *args, **kwargs: (compiled.sql, tuple(params))  # type: ignore[method-assign]
        return compiler

    def _prepared(self, connection: BaseDatabaseWrapper, key: UUID) -> Any:
        return self._rows.model._meta.pk.get_db_prep_value(key, connection)


class CompiledUpdate:
    """`rows.filter(**expected).update(**values)` for plain values of always the same fields. Threads may share it."""

    def __init__(
        self, model: type[models.Model], alias: str, *, values: Sequence[str], expected: Sequence[str], null: str
    ) -> None:
        """The names of the fields that are written and compared; `null` names one that must be NULL."""
        self._alias = alias
        self._table = model._meta.db_table
        self._values = [_field(model, name) for name in values]
        self._expected = [_field(model, name) for name in expected]
        self._null = _field(model, null)
        self._by_vendor: dict[str, str] = {}

    def update(self, values: Mapping[str, Any], expected: Mapping[str, Any]) -> int:
        """How many rows were written."""
        connection = connections[self._alias]
        sql = self._by_vendor.get(connection.vendor)
        if sql is None:
            sql = self._by_vendor[connection.vendor] = self._compile(connection)
        params = [field.get_db_prep_save(values[field.name], connection) for field in self._values]
        params += [field.get_db_prep_value(expected[field.name], connection) for field in self._expected]
        with transaction.mark_for_rollback_on_error(using=self._alias), connection.cursor() as cursor:
            cursor.execute(sql, params)
            return int(cursor.rowcount)

    def _compile(self, connection: BaseDatabaseWrapper) -> str:
        quote = connection.ops.quote_name
        values = ", ".join(f"{quote(field.column)} = %s" for field in self._values)
        expected = " AND ".join(f"{quote(field.column)} = %s" for field in self._expected)
        null = f"{quote(self._null.column)} IS NULL"
        return f"UPDATE {quote(self._table)} SET {values} WHERE {expected} AND {null}"


def _field(model: type[models.Model], name: str) -> Any:
    return model._meta.get_field(name)
