"""A failure under a sign-in must not carry the password into an error report."""

import sys
from typing import Any

import pytest
from django.test import RequestFactory
from django.urls import resolve, reverse
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db

PASSWORD = "a-very-secret-password-for-reports"


def broken_claims(user: Any, session: Any) -> dict[str, Any]:
    raise ZeroDivisionError


@pytest.mark.parametrize("name", ["login", "refresh", "password-change", "obtain-token"])
def test_what_is_posted_to_our_views_is_in_no_report(name: str) -> None:
    request = RequestFactory().post("/", {"refresh": PASSWORD})
    resolve(reverse(f"lanyard:{name}")).func(request)
    assert SafeExceptionReporterFilter().get_post_parameters(request)["refresh"] != PASSWORD


@pytest.mark.databases("sqlite")
def test_no_password_in_the_report_of_a_sign_in_that_fails(django_user_model: Any, settings: Any) -> None:
    django_user_model.objects.create_user("reported", password=PASSWORD)
    settings.LANYARD = {"CLAIMS": broken_claims}
    with pytest.raises(ZeroDivisionError):
        APIClient().post("/auth/login/", {"username": "reported", "password": PASSWORD}, format="json")
    try:
        APIClient().post("/auth/login/", {"username": "reported", "password": PASSWORD}, format="json")
    except ZeroDivisionError:
        reporter = ExceptionReporter(RequestFactory().post("/auth/login/"), *sys.exc_info())
        frames = reporter.get_traceback_frames()

    ours = [frame for frame in frames if "drf_lanyard" in frame["filename"]]
    assert any(frame["function"] == "verified_user" or frame["function"] == "_sign_in" for frame in ours)
    assert not [frame["function"] for frame in ours if PASSWORD in str(frame["vars"])]
