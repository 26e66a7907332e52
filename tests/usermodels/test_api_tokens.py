"""API tokens under other user models."""

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from rest_framework.test import APIClient

from drf_lanyard.models import ApiToken
from drf_lanyard.wiring import get_api_tokens

from .users import create_user, sign_in_name

pytestmark = pytest.mark.django_db


def test_a_token_from_its_making_to_the_end_of_its_user():
    cache.clear()
    alice = create_user("alice")
    name = get_user_model().USERNAME_FIELD
    credentials = {name: sign_in_name("alice"), "password": "wonderland"}
    token = APIClient().post("/auth/obtain-token/", credentials).json()["token"]
    script = APIClient()
    script.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    assert script.get("/protected/").json()["user"] == (alice.pk if isinstance(alice.pk, (int, str)) else str(alice.pk))
    body = APIClient().post("/auth/login/", credentials).json()
    page = APIClient()
    page.credentials(HTTP_AUTHORIZATION=f"Bearer {body['access']}")
    made = page.post("/auth/api-tokens/", {"name": "CI"})
    assert made.status_code == 201, made.data
    assert len(page.get("/auth/api-tokens/").json()) == 2
    assert page.delete(f"/auth/api-tokens/{made.json()['id']}/").status_code == 204
    get_api_tokens().flush()
    alice.is_active = False
    alice.save()
    assert script.get("/protected/").json()["code"] == "user_inactive"
    alice.is_active = True
    alice.save()
    assert script.get("/protected/").status_code == 200
    alice.delete()
    assert script.get("/protected/").status_code == 401
    assert not ApiToken.objects.exists()
