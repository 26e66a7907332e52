"""Messages: everything survives the way, and nobody without the key can say anything."""

from itertools import pairwise
from typing import Any

import pytest

from drf_lanyard.conf.keys import push_keys
from drf_lanyard.core.messages import MAX_BYTES, WAKE, Messages
from drf_lanyard.core.model import Entry

ALICE = Entry(uid=2**63 - 1, credential=2**128 - 1)
ENTRIES = [
    ALICE,
    Entry(uid=1, credential=1),
    Entry(uid=2, subject="42", epoch=7, ends_sessions=True),
    Entry(uid=3, subject="42", epoch=2**62, ends_sessions=False),
    Entry(uid=4, subject='Zoë "\\\n\x00🦊', epoch=1, ends_sessions=True),
    Entry(uid=5),  # neither: something that the log says and that kills nothing
]
KEY, OTHER = bytes(32), bytes(range(32))
MINE = Messages([KEY])


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_kind_of_entry_survives(entry: Entry) -> None:
    assert MINE.decode(MINE.encode([entry])) == [entry]


def test_several_in_their_order() -> None:
    assert MINE.decode(MINE.encode(ENTRIES)) == ENTRIES


def test_a_position_is_not_told() -> None:
    """It would be of no use: only a read may move a process's place in the log."""
    (heard,) = MINE.decode(MINE.encode([Entry(uid=1, position=9, credential=5)]))
    assert heard == Entry(uid=1, credential=5)


def test_one_line_of_text_without_zero_bytes() -> None:
    """What PostgreSQL takes as a payload."""
    text = MINE.encode(ENTRIES)
    assert text.isprintable() or "🦊" in text
    assert "\x00" not in text and "\n" not in text


FORGED: list[Any] = [
    "[]",
    " ",
    "0" * 32,
    "0" * 32 + '[[1,"1","",0,false]]',
    "é" * 40,
    "\ufffd" * 40,
    "\ud800" * 40,  # what cannot be encoded
    Messages([OTHER]).encode([ALICE]),
    MINE.encode([ALICE])[:-1],
    MINE.encode([ALICE])[1:],
    MINE.encode([ALICE])[:32],
    MINE.encode([ALICE]) + " ",
    MINE.encode([ALICE]).upper(),
    MINE.encode([ALICE]).replace("fff", "ffe", 1),
]


@pytest.mark.parametrize("text", FORGED, ids=range(len(FORGED)))
def test_what_we_did_not_write_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        MINE.decode(text)


def test_every_single_change_is_noticed() -> None:
    text = MINE.encode([ALICE])
    for place in range(len(text)):
        with pytest.raises(ValueError):
            MINE.decode(text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :])


@pytest.mark.parametrize("body", [b"{}", b"[[1]]", b'[[1,"xyz","",0,false]]', b'[["1","1","",0,false]]', b"\xff"])
def test_another_versions_message_is_refused_like_a_forged_one(body: bytes) -> None:
    """While a new release is rolled out, both are there, with one key."""
    from drf_lanyard.core import messages

    with pytest.raises(ValueError):
        MINE.decode(messages._tag(KEY, body) + body.decode(errors="surrogateescape"))


def test_another_project_on_the_same_redis_is_not_understood() -> None:
    shop, blog = (Messages(push_keys(["one secret"], issuer)) for issuer in ("shop", "blog"))
    with pytest.raises(ValueError):
        blog.decode(shop.encode([ALICE]))


def test_the_key_is_of_this_purpose_alone() -> None:
    from drf_lanyard.conf.keys import refresh_secrets

    assert push_keys(["s"], "x") != refresh_secrets(["s"])


def test_processes_understand_each_other_while_a_key_is_changed() -> None:
    """The three steps of `SECRET_KEY`: each neighbour understands the other."""
    steps = [Messages(keys) for keys in ([KEY], [KEY, OTHER], [OTHER, KEY], [OTHER])]
    for before, after in pairwise(steps):
        assert after.decode(before.encode([ALICE])) == before.decode(after.encode([ALICE])) == [ALICE]
    with pytest.raises(ValueError):
        steps[3].decode(steps[0].encode([ALICE]))


def test_wake_names_nothing() -> None:
    assert MINE.decode(WAKE) == []


def test_what_is_too_long_for_postgresql_becomes_wake() -> None:
    def entry(length: int) -> Entry:
        return Entry(uid=0, subject="é" * length)

    most = max(n for n in range(3000, 4000) if MINE.encode([entry(n)]) != WAKE)
    fits = MINE.encode([entry(most)])
    assert MAX_BYTES - 2 < len(fits.encode()) <= MAX_BYTES < 8000
    assert MINE.decode(fits) == [entry(most)]
    assert MINE.encode([Entry(uid=n, subject=str(n), epoch=1) for n in range(1000)]) == WAKE
