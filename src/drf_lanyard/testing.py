"""What the tests of a project need: a client that is signed in without a password.

    class PostTests(APITestCase):
        client_class = LanyardClient

        def test_alice_may_post(self):
            self.client.login_as(alice)
            self.assertEqual(self.client.post("/api/posts/", {"text": "hi"}).status_code, 201)

pytest has the fixture `lanyard_client`. It is a real sign-in: a session, a token, every signal; so a test can revoke
it and see what happens. Works inside `TestCase` and `TransactionTestCase`, on any database.

With freezegun, tokens expire as the frozen time goes on. Sessions do not: their times are the database's own, which
no library can freeze; change a session's row instead. Nothing needs to wait for the lease: a test sees what it revoked
at once.
"""

from http.cookies import SimpleCookie
from typing import Any

from django.conf import settings
from django.test import RequestFactory
from rest_framework.test import APIClient

from .api import sign_in
from .core.model import Issued, Transport

__all__ = ["LanyardClient", "LoginAs"]


class LoginAs:
    """A mixin that gives `login_as` to a subclass of `django.test.Client`."""

    defaults: dict[str, Any]

    def login_as(
        self, user: Any, *, device: str = "", transport: Transport = "bearer", method: str = "password"
    ) -> Issued:
        """Open a session for `user`, and send its access token with every request from now on.

        The token goes into the Authorization header, whatever the session's transport.

        Raises `UserInactive`, or `InvalidCredentials` if the user's password is not the one in the database (a
        `set_password` without `save`).
        """
        request = RequestFactory(**self.defaults).get("/")
        issued = sign_in(request, user, method=method, transport=transport, device=device)
        self.send_token(issued.access)
        return issued

    def send_token(self, access: str | None) -> None:
        """Send this access token with every request, or none."""
        self.defaults.pop("HTTP_AUTHORIZATION", None)
        if access is not None:
            self.defaults["HTTP_AUTHORIZATION"] = f"Bearer {access}"


class LanyardClient(LoginAs, APIClient):
    """REST framework's test client with `login_as(user)`."""

    def send_token(self, access: str | None) -> None:
        self.credentials(**({} if access is None else {"HTTP_AUTHORIZATION": f"Bearer {access}"}))

    def logout(self) -> None:
        """Forget who is signed in. It ends no session: post to the logout view for that."""
        self.send_token(None)
        if settings.SESSION_COOKIE_NAME in self.cookies:
            super().logout()
            return
        # REST framework's own would make a Django session first, for which the project may have no table.
        handler: Any = self.handler
        handler._force_user = handler._force_token = None
        self.cookies = SimpleCookie()
