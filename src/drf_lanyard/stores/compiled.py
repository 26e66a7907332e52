"""The two statements of a refresh, compiled once: Django takes several times as long to build them as to run them.

What is kept belongs to a kind of database, not to a connection; what fields or the database convert is still converted.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

#: The key that a query is compiled with, to find its place among the parameters.
_SOME_KEY = UUID("8d7f2d4e-4c1b-4f0e-9a53-0f6c2b1e7a90")
#: Fields that hand their values to the driver as they are.
_AS_IT_IS = (models.CharField, models.FloatField)


class _Compiled(NamedTuple):
    sql: str
    params: tuple[Any, ...]
    #: The place of the key among `params`.
    place: int
    #: The columns whose values the database or the field converts. The converters themselves hold a connection.
    converted: tuple[tuple[int, Any], ...]


class CompiledGet:
    """`rows.get(pk=key)` of a `values_list`, for a model whose key is a UUID. Threads may share it."""

    def __init__(self, rows: "models.QuerySet[Any, Any]") -> None:
        """`rows` has its database chosen (`using`), and nothing in it varies."""
        self._rows = rows
        self._by_vendor: dict[str, _Compiled] = {}

    def get(self, key: UUID) -> list[Any] | None:
        """The values of that row, or None."""
        connection = connections[self._rows.db]
        compiled = self._by_vendor.get(connection.vendor)
        if compiled is None:  # two threads may do this at once, and come to the same
            compiled = self._by_vendor[connection.vendor] = self._compile(connection)
        params = list(compiled.params)
        params[compiled.place] = self._prepared(connection, key)
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, params)
            row = cursor.fetchone()
        return None if row is None else _convert(list(row), compiled.converted, connection)

    def _compile(self, connection: BaseDatabaseWrapper) -> _Compiled:
        compiler = self._rows.filter(pk=_SOME_KEY).query.get_compiler(using=self._rows.db)
        sql, params = compiler.as_sql()
        columns = [column for column, _, _ in compiler.select]
        converted = tuple((place, columns[place]) for place in compiler.get_converters(columns))
        return _Compiled(sql, tuple(params), params.index(self._prepared(connection, _SOME_KEY)), converted)

    def _prepared(self, connection: BaseDatabaseWrapper, key: UUID) -> Any:
        return self._rows.model._meta.pk.get_db_prep_value(key, connection)


def _convert(row: list[Any], columns: Sequence[tuple[int, Any]], connection: BaseDatabaseWrapper) -> list[Any]:
    """As `SQLCompiler.apply_converters` does."""
    for place, column in columns:
        for convert in (*connection.ops.get_db_converters(column), *column.get_db_converters(connection)):
            row[place] = convert(row[place], column, connection)
    return row


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
        params = [_prepared(field, values[field.name], connection) for field in self._values]
        params += [_prepared(field, expected[field.name], connection) for field in self._expected]
        with transaction.mark_for_rollback_on_error(using=self._alias), connection.cursor() as cursor:
            cursor.execute(sql, params)
            return int(cursor.rowcount)

    def _compile(self, connection: BaseDatabaseWrapper) -> str:
        quote = connection.ops.quote_name
        values = ", ".join(f"{quote(field.column)} = %s" for field in self._values)
        expected = " AND ".join(f"{quote(field.column)} = %s" for field in self._expected)
        null = f"{quote(self._null.column)} IS NULL"
        return f"UPDATE {quote(self._table)} SET {values} WHERE {expected} AND {null}"


def _prepared(field: Any, value: Any, connection: BaseDatabaseWrapper) -> Any:
    """A value as the driver takes it. Fields of text and floats would return theirs as they are."""
    return value if type(field) in _AS_IT_IS else field.get_db_prep_save(value, connection)


def _field(model: type[models.Model], name: str) -> Any:
    return model._meta.get_field(name)
