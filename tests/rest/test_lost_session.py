"""What `make faults` found with lost commits: a session whose row the failover took can still be signed out."""

import pytest
from rest_framework.test import APIClient

from drf_lanyard.models import Revocation, Session
from tests.fleet.kit import a_user


@pytest.mark.django_db
@pytest.mark.databases("sqlite")
def test_a_sign_out_ends_a_session_that_a_failover_has_lost() -> None:
    a_user("alice")
    client = APIClient()
    signed_in = client.post("/auth/login/", {"username": "alice", "password": "wonderland"}).json()
    Session.objects.filter(pk=signed_in["session"])._raw_delete("default")  # the commit of the sign-in is lost
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {signed_in['access']}")
    assert client.get("/protected/").status_code == 200
    assert client.post("/auth/logout/").status_code == 204
    assert client.get("/protected/").json()["code"] == "token_revoked"
    assert client.post("/auth/logout/").status_code == 204
    assert Revocation.objects.count() == 1  # asked again, it writes nothing
