"""Signals, with `sender=drf_lanyard.models.Session`.

`revoked` is sent after the commit. The others are sent at once: the endpoints have committed by then; whoever calls
`sign_in` in a transaction has not.

Users are named as in the `sub` claim: by their primary key as text.
"""

from django.dispatch import Signal

#: A session was opened: `request`, `user`, `session_id` (UUID). Django's `user_logged_in` is sent too.
signed_in = Signal()

#: A refresh token was rotated: `session_id`, `user_id`.
refreshed = Signal()

#: Something died: `session_ids` and `token_ids` (UUIDs that were ended one by one), `user_ids` (whose tokens became
#: stale), `reason` (text).
revoked = Signal()

#: A refresh token was replayed and its session has been ended: `session_id`, `user_id`.
refresh_reused = Signal()
