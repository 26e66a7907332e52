"""What a project meets in its first hour: settings of its own that break no endpoint, refusals that explain."""

import logging
from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework import versioning
from rest_framework.test import APIClient
from rest_framework.views import APIView

from drf_lanyard.checks.claims import inspect_claims

from .calls import PASSWORD

LOGIN = "/auth/login/"


@pytest.mark.django_db
@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("kind", ["AcceptHeaderVersioning", "QueryParameterVersioning"])
def test_a_projects_versions_are_not_those_of_the_endpoints(
    kind: str, alice: Any, client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/protected/").status_code == 401  # every view is imported now, with versions of its own
    versioned = type("Versioned", (getattr(versioning, kind),), {"allowed_versions": ["v1"], "default_version": None})
    monkeypatch.setattr(APIView, "versioning_class", versioned)
    assert APIView.as_view()(RequestFactory().get("/")).status_code in (404, 406), "a view of the project's"
    assert client.post(LOGIN, {"username": "alice", "password": PASSWORD}).status_code == 200


@pytest.mark.django_db
@pytest.mark.databases("sqlite")
def test_the_log_says_why_a_page_was_refused(client: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "drf_lanyard"):
        answer = client.post(
            LOGIN, {"username": "a", "password": "b"}, HTTP_ORIGIN="https://elsewhere.example\nX: " * 50
        )
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    (record,) = [one for one in caplog.records if one.name == "drf_lanyard"]
    told = record.getMessage()
    assert "'https://elsewhere.example\\nX" in told and "'testserver'" in told and "TRUSTED_ORIGINS" in told
    assert "\n" not in told and len(told) < 500, "what a stranger sends forges no line and floods no log"


def test_a_check_names_the_claim_that_is_no_json() -> None:
    (found,) = inspect_claims({"roles": ["editor"], "tenant": {1, 2}})
    assert "tenant" in found.msg and "set" in found.msg and "1" not in found.msg.replace("W014", "")
