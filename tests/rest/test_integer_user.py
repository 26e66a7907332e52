"""The tests of `tests/usermodels` under Django's own user model; that folder runs under the others."""

from tests.usermodels.test_life import *  # noqa: F403
from tests.usermodels.test_request_user import *  # noqa: F403
