"""What the tests of the HTTP contract say often."""

from typing import Any

from rest_framework.test import APIClient

PASSWORD = "correct horse battery"
NEW_PASSWORD = "a much newer horse"


def bearer(access: str) -> APIClient:
    client = APIClient(enforce_csrf_checks=True)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return client


def login(client: APIClient, username: str, password: str = PASSWORD, **extra: Any) -> dict[str, Any]:
    response = client.post("/auth/login/", {"username": username, "password": password, **extra})
    assert response.status_code == 200, response.data
    body: dict[str, Any] = response.json()
    return body


def refusal(response: Any) -> tuple[int, str]:
    """Status and code; checks that the body is of the documented shape."""
    body = response.json()
    assert set(body) <= {"detail", "code", "errors"}, body
    assert isinstance(body["detail"], str), body
    return int(response.status_code), str(body["code"])
