"""The user of a refresh is the one that Django would make, whatever its model."""

from typing import Any

import pytest

from drf_lanyard import sign_in
from drf_lanyard.models import Session
from drf_lanyard.wiring import get_lanyard

from .users import create_user


@pytest.mark.django_db
def test_a_loaded_session_has_the_user_of_the_query() -> None:
    for name in ("alice", "bob"):
        issued = sign_in(None, create_user(name))
        expected: Any = Session.objects.select_related("user").get(pk=issued.session.id).user
        state = get_lanyard().sessions.load(issued.session.id)
        assert state is not None
        assert type(state.user) is type(expected)
        assert {**vars(state.user), "_state": None} == {**vars(expected), "_state": None}
