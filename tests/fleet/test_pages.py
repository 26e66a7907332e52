"""A log, or a backlog, that is longer than one read may return: many revocations in one transaction, a new process."""

import time
from collections.abc import Iterator

import pytest
from django.db import connection

from drf_lanyard.core.ids import log_uid
from drf_lanyard.core.reader import Reader
from drf_lanyard.models import Revocation, RevocationHead
from drf_lanyard.stores import orm_log
from drf_lanyard.stores.clock import SystemClock
from drf_lanyard.stores.orm_log import OrmLog, read_log

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = 50
ENTRIES = 430
PATIENCE = 60.0


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.setattr(orm_log, "PAGE", PAGE)
    monkeypatch.setattr(orm_log, "BATCH", 20)
    log = OrmLog("default", timeout=PATIENCE, retention=3600.0)
    reader = Reader(log, lease=PATIENCE, timeout=PATIENCE, clock=SystemClock())
    yield reader
    thread = reader._thread
    reader.close()
    if thread is not None:
        thread.join(PATIENCE)


def append(count: int, first: int = 1) -> set[int]:
    numbers = range(first, first + count)
    rows = [Revocation(uid=log_uid(), credential=f"{number:032x}") for number in numbers]
    Revocation.objects.bulk_create(rows, batch_size=100)
    return set(numbers)


def due_again(reader: Reader) -> None:
    """As if the lease, and the pause after a failure to number, were over."""
    with reader._lock:
        reader._good_until = reader._read_from = reader._sequence_from = float("-inf")


def test_a_page_says_that_there_is_more() -> None:
    append(5)
    assert read_log(connection, 0, 5).more_unsequenced
    assert not read_log(connection, 0, 6).more_unsequenced
    log = OrmLog("default", timeout=PATIENCE, retention=3600.0)
    log.sequence()
    log.rest()

    page = read_log(connection, 2, 3)

    assert [entry.position for entry in page.entries] == [2, 3, 4]
    assert page.more_sequenced and not page.more_unsequenced
    assert not read_log(connection, 2, 5).more_sequenced


def test_a_large_backlog_is_numbered_page_by_page_and_then_trusted(reader: Reader) -> None:
    numbers = append(ENTRIES)

    assert reader.fresh().dead == numbers

    deadline = time.monotonic() + PATIENCE
    while Revocation.objects.filter(position=None).exists():  # the last page is numbered after it has been served
        assert time.monotonic() < deadline
        due_again(reader)  # on SQLite our own look at the table may have been in the way
        assert reader.fresh().dead == numbers
    assert set(Revocation.objects.values_list("position", flat=True)) == set(range(1, ENTRIES + 1))
    assert RevocationHead.objects.get().position == ENTRIES


def test_a_new_process_reads_a_long_log_to_its_end_before_it_decides(reader: Reader) -> None:
    numbers = append(ENTRIES)
    while reader.log.sequence():
        pass
    late = append(3, first=10_000)

    assert reader.fresh().dead == numbers | late


def test_a_loss_in_a_long_log_is_noticed_and_restored(reader: Reader) -> None:
    numbers = append(ENTRIES)
    while reader.log.sequence():
        pass
    reader.fresh()
    Revocation.objects.filter(position__gt=ENTRIES - 100).delete()
    RevocationHead.objects.update(position=ENTRIES - 100)
    due_again(reader)

    assert reader.fresh().dead == numbers
    assert {int(text, 16) for text in Revocation.objects.values_list("credential", flat=True)} == numbers
