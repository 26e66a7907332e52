"""Signals. All are sent after the commit of what they tell, with `sender=drf_lanyard.models.Session`."""

from django.dispatch import Signal

#: A session was opened: `request`, `user`, `session_id` (UUID). Django's `user_logged_in` is sent too.
signed_in = Signal()

#: A refresh token was rotated: `session_id`, `user_id` (text, as in the `sub` claim).
refreshed = Signal()

#: Something died: `session_ids` and `token_ids` (UUIDs that were ended one by one), `user_ids` (primary keys of users
#: whose tokens became stale), `reason` (text).
revoked = Signal()

#: A refresh token was replayed and its session has been ended: `session_id`, `user_id` (text).
refresh_reused = Signal()
