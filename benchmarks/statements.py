"""What counts as a statement, wherever it is counted."""

_NOT = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA", "SET", "SHOW")


def is_statement(text: str) -> bool:
    """What opens and closes transactions, or sets up a connection, does not count."""
    return not text.lstrip().upper().startswith(_NOT)
