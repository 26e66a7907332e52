"""Tables as a grown-up site has them, filled by the database itself; and how large they are."""

from typing import Any

from django.db import connection

#: How often each session was refreshed.
REFRESHES = 50
LANYARD = ("lanyard_session", "lanyard_userepoch", "lanyard_revocation")
SIMPLEJWT = ("token_blacklist_outstandingtoken", "token_blacklist_blacklistedtoken")


def fill_lanyard(sessions: int) -> dict[str, Any]:
    """Live sessions, ten of each user. A refresh changes a row and adds none; the ids are in order of time (UUIDv7)."""
    _users(sessions // 10)
    _do(
        "INSERT INTO lanyard_session (id, user_id, secret, counter, method, transport, device, ip, user_agent, "
        "created_at, rotated_at, idle_expires_at, absolute_expires_at, revoked_at, revoked_reason, idempotency, "
        "auth_hash) SELECT (lpad(to_hex(1700000000000 + n), 12, '0') || '7' || substr(md5(n::text), 1, 19))::uuid, "
        "1000 + n / 10 %% (%s / 10), substr(md5(n::text) || md5((-n)::text), 1, 43), %s, 'password', 'bearer', "
        "'Phone of somebody', '203.0.113.' || n %% 250, repeat('Mozilla/5.0 ', 9), t - 86400, t - 600, t + 1209600, "
        "t + 7776000, NULL, '', '', md5(n::text) || md5((-n)::text) "
        "FROM generate_series(1, %s) AS n, (SELECT extract(epoch FROM now()) AS t) AS clock",
        [sessions, REFRESHES, sessions],
    )
    return _measured(LANYARD)


def fill_simplejwt(sessions: int) -> dict[str, Any]:
    """With rotation and blacklist: one row for every refresh token there ever was, one more for each that was used."""
    _users(sessions // 10)
    _do(
        "INSERT INTO token_blacklist_outstandingtoken (id, token, created_at, expires_at, jti, user_id) "
        "SELECT n, substr(repeat(md5(n::text), 8), 1, 230), now(), now() + interval '1 day', md5(n::text), "
        "1000 + n %% (%s / 10) FROM generate_series(1, %s) AS n",
        [sessions, sessions * (REFRESHES + 1)],
    )
    _do(
        "INSERT INTO token_blacklist_blacklistedtoken (id, blacklisted_at, token_id) "
        "SELECT n, now(), n FROM generate_series(1, %s) AS n",
        [sessions * REFRESHES],
    )
    for table in SIMPLEJWT:  # past what was written with ids
        _do(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))", [])
    return _measured(SIMPLEJWT)


def _users(count: int) -> None:
    _do(
        "INSERT INTO auth_user (id, username, password, is_superuser, is_staff, is_active, first_name, last_name, "
        "email, date_joined) SELECT 1000 + n, 'u' || n, '!', false, false, true, '', '', '', now() "
        "FROM generate_series(0, %s) AS n",
        [count],
    )


def _measured(tables: tuple[str, ...]) -> dict[str, Any]:
    rows = size = 0
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"VACUUM ANALYZE {table}")
            cursor.execute(f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}")
            found = cursor.fetchone()
            rows, size = rows + found[0], size + found[1]
        cursor.execute("CHECKPOINT")  # what follows is not to pay for it
    return {"rows": rows, "megabytes": size / 1e6}


def _do(statement: str, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
