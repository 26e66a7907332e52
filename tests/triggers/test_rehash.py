"""Django's silent re-encoding at sign-in is an UPDATE of the password as well: with triggers too it ends nothing."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.races.crew import Crew
from tests.races.test_rehash import assert_all_live, laptop, log_in, outdate  # noqa: F401
from tests.races.world import PASSWORD, assert_dead, code, pass_time, refresh, refusal

from .kit import NEW_PASSWORD, epoch_of, update_password

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("installed")]


def test_signing_in_with_an_old_encoding_signs_nobody_out(alice: Any, laptop: Any) -> None:  # noqa: F811
    phone = log_in()
    assert phone is not None
    assert epoch_of(alice) == 1  # so the trigger has seen it
    assert refusal(phone.access) == "ok"
    assert refusal(laptop.access) == "token_stale"  # one refresh more, and that is all
    pass_time(laptop.session.id)
    outcome = refresh(laptop.refresh)
    assert code(outcome) == "ok"
    assert_all_live(outcome, phone)


def test_many_at_once(laptop: Any) -> None:  # noqa: F811
    """Each holds the user's row, sessions and epoch for a moment."""
    with Crew(8) as crew:
        for _ in range(2):
            outdate()
            for phone in crew.every(lambda _: log_in()):
                assert phone is not None
                pass_time(phone.session.id)
                assert code(refresh(phone.refresh)) == "ok"
            pass_time(laptop.session.id)
            laptop = refresh(laptop.refresh)
            assert code(laptop) == "ok"


def test_a_real_change_does(alice: Any, laptop: Any) -> None:  # noqa: F811
    phone = log_in()
    update_password(alice)
    assert_dead(laptop, phone)


def test_a_changed_password_keeps_its_own_session(alice: Any) -> None:
    own, other = log_in(), log_in()
    assert own is not None
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {own.access}")
    change = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
    answer = client.post("/auth/password/change/", change)
    assert answer.status_code == 200
    body = answer.json()
    assert body["session"] == str(own.session.id)
    assert refusal(body["access"]) == "ok"
    pass_time(own.session.id)
    assert code(refresh(body["refresh"])) == "ok"
    assert_dead(own, other)
