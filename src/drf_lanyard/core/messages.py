"""What one process tells the others when something dies: entries of the log, signed, as one line of text.

A message is a hint. It can only kill, and only what somebody with our key says is dead: whoever can write to Redis, or
NOTIFY in the database, must not be able to sign anybody out.
"""

import hashlib
import hmac
from collections.abc import Sequence

import msgspec

from .model import Entry

#: PostgreSQL refuses a NOTIFY with 8,000 bytes; what is longer is read from the log.
MAX_BYTES = 7900
#: "There is something new": whoever gets it reads the log soon. It names nothing, so it is not signed.
WAKE = ""
_TAG_DIGITS = 32  # 128 bits

_Line = tuple[int, str, str, int, bool]


class Messages:
    """Encodes with the first key and accepts all, so that processes understand each other while SECRET_KEY changes."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)
        self._decoder = msgspec.json.Decoder(list[_Line])

    def encode(self, entries: Sequence[Entry]) -> str:
        """`WAKE` where the entries do not fit into one message."""
        lines = [
            (e.uid, "" if e.credential is None else f"{e.credential:x}", e.subject or "", e.epoch, e.ends_sessions)
            for e in entries
        ]
        body = msgspec.json.encode(lines)
        text = f"{_tag(self._keys[0], body)}{body.decode()}"
        return text if len(text.encode()) <= MAX_BYTES else WAKE

    def decode(self, text: str) -> list[Entry]:
        """The entries; none for `WAKE`. ValueError for what we did not write."""
        if text == WAKE:
            return []
        tag, body = text[:_TAG_DIGITS].encode(), text[_TAG_DIGITS:].encode()
        if not any(hmac.compare_digest(tag, _tag(key, body).encode()) for key in self._keys):
            raise ValueError("not a message of ours")
        return [_entry(*line) for line in self._decoder.decode(body)]


def _entry(uid: int, dead: str, who: str, epoch: int, ends_sessions: bool) -> Entry:
    credential = int(dead, 16) if dead else None
    return Entry(uid=uid, credential=credential, subject=who or None, epoch=epoch, ends_sessions=ends_sessions)


def _tag(key: bytes, body: bytes) -> str:
    return hmac.digest(key, body, hashlib.sha256).hex()[:_TAG_DIGITS]
