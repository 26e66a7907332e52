"""What a project writes with Django's own test classes. Run by `test_users_tests` on every database."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import SimpleTestCase, TestCase, TransactionTestCase
from freezegun import freeze_time
from rest_framework.test import APIClient

from drf_lanyard import revoke_user, sign_in


def client_of(user: Any) -> APIClient:
    return APIClient(headers={"Authorization": f"Bearer {sign_in(None, user).access}"})


class RolledBack(TestCase):
    """Every test signs in the same user with the same id, and most revoke; none notices the others."""

    user: Any

    @classmethod
    def setUpTestData(cls) -> None:
        cls.user = get_user_model().objects.create_user("alice", password="wonderland")

    def status(self, client: APIClient) -> int:
        code: int = client.get("/protected/").status_code
        return code

    def test_revoked_is_refused_at_once(self) -> None:
        client, other = client_of(self.user), client_of(get_user_model().objects.create_user("bob"))
        self.assertEqual(self.status(client), 200)
        revoke_user(self.user)
        self.assertEqual(self.status(client), 401)
        self.assertEqual(self.status(other), 200)

    def test_and_nobody_notices_in_the_next_test(self) -> None:
        client = client_of(self.user)
        self.assertEqual(self.status(client), 200)
        revoke_user(self.user)
        revoke_user(self.user)
        self.assertEqual(self.status(client_of(self.user)), 200)

    def test_nor_in_the_one_after(self) -> None:
        self.assertEqual(self.status(client_of(self.user)), 200)

    def test_a_password_change_in_the_test_counts(self) -> None:
        client = client_of(self.user)
        self.user.set_password("changed")
        self.user.save()
        self.assertEqual(self.status(client), 401)

    def test_a_savepoint_takes_its_revocation_back(self) -> None:
        client = client_of(self.user)
        with transaction.atomic():
            revoke_user(self.user)
            self.assertEqual(self.status(client), 401)
            transaction.set_rollback(True)
        self.assertEqual(self.status(client), 200)

    def test_an_authenticated_request_costs_no_query(self) -> None:
        client = client_of(self.user)
        with self.assertNumQueries(0):
            self.assertEqual(self.status(client), 200)

    def test_hooks_after_commit_may_be_run(self) -> None:
        client = client_of(self.user)
        with self.captureOnCommitCallbacks(execute=True):
            revoke_user(self.user)
        self.assertEqual(self.status(client), 401)

    def test_time_can_be_frozen_and_moved(self) -> None:
        with freeze_time("2031-05-06 07:08:09") as frozen:
            client = client_of(self.user)
            self.assertEqual(self.status(client), 200)
            frozen.tick(200)
            self.assertEqual(self.status(client), 200)
            frozen.tick(200)
            answer = client.get("/protected/")
            self.assertEqual((answer.status_code, answer.json()["code"]), (401, "token_expired"))


class Committed(TransactionTestCase):
    """A flush between two tests: users get the ids of those who are gone, and the log begins anew."""

    def round(self) -> None:
        user = get_user_model().objects.create_user("alice", pk=1)
        client = client_of(user)
        self.assertEqual(client.get("/protected/").status_code, 200)
        revoke_user(user, wait=True)
        self.assertEqual(client.get("/protected/").status_code, 401)
        self.assertEqual(client_of(user).get("/protected/").status_code, 200)

    def test_one(self) -> None:
        self.round()

    def test_two(self) -> None:
        self.round()

    def test_time_can_be_frozen(self) -> None:
        with freeze_time("2031-05-06 07:08:09"):
            self.round()


class Reset(TransactionTestCase):
    reset_sequences = True

    def test_ids_begin_anew(self) -> None:
        Committed.round(self)  # type: ignore[arg-type]


class Serialized(TransactionTestCase):
    """With what migrations have put there restored: this flush sends no signal."""

    serialized_rollback = True

    def test_one(self) -> None:
        Committed.round(self)  # type: ignore[arg-type]

    def test_two(self) -> None:
        Committed.round(self)  # type: ignore[arg-type]


class WithoutDatabase(SimpleTestCase):
    """Opening a connection behind the test's back could reach the real database: it has to be told."""

    def test_it_is_told_to_say_so(self) -> None:
        from drf_lanyard.core.ids import uuid7
        from drf_lanyard.wiring import get_lanyard

        lanyard = get_lanyard()
        token = lanyard.access.mint(subject="1", session_id=uuid7(0.0), epoch=0, now=lanyard.clock.time(), claims={})
        with self.assertRaisesMessage(AssertionError, "Database"):
            lanyard.authenticate(token)
