"""Changing a password, and resetting a forgotten one with Django's own tokens."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.http import urlsafe_base64_decode
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from .. import django_sessions
from ..browser import refuse_refresh_in_body
from ..conf import get_settings
from ..core.errors import UserInactive
from ..core.model import Denied, Issued
from ..receivers import keeping_session
from ..stores.dialect import write_transaction
from ..throttling import Attempts
from ..wiring import alias, get_lanyard
from .answers import credentials
from .base import AccountView, LanyardView
from .reset_mail import send_reset_mail
from .serializers import PasswordChangeBody, PasswordResetBody, PasswordResetConfirmBody, email_field

_WRONG = {"old_password": ["The old password is not correct."]}
_BAD_LINK = {"token": ["The link is not valid, has expired or has been used."]}


class PasswordChangeView(AccountView):
    """`{old_password, new_password}` -> new credentials for this session; every other session has ended."""

    checks_source = True

    @sensitive_variables()
    def post(self, request: Request, **kwargs: Any) -> Response:
        body = self.read(PasswordChangeBody)
        rate = get_settings().throttle.password_change_account
        account = str(request.user.pk)
        attempts = Attempts(request, "password_change", account, by_address=None, by_account=rate, from_anywhere=True)
        attempts.count()
        issued = self._change(body["old_password"], body["new_password"])
        attempts.succeeded()
        if issued.session.transport == "session":
            django_sessions.renew(request._request, issued)
        return credentials(issued, request)

    @sensitive_variables()
    def _change(self, old: str, new: str) -> Issued:
        session_id = self.principal.session_id
        assert session_id is not None  # the permission asked for a session
        user = _stored(self.request.user.pk)
        if user is None or not user.is_active:
            raise UserInactive
        if not user.check_password(old):
            raise ValidationError(_WRONG)
        _validate(new, user)
        with locked_user(user) as locked:
            if locked.password != user.password:  # somebody was faster
                raise ValidationError(_WRONG)
            with keeping_session(session_id):
                locked.set_password(new)
                locked.save(using=alias())
            renewed = get_lanyard().renew(session_id)
            if isinstance(renewed, Denied):  # the session ended meanwhile: nothing is changed then
                raise renewed.error
            if renewed.session.transport == "bearer":
                refuse_refresh_in_body(self.request)
        return renewed


class PasswordResetView(LanyardView):
    """`{email}` -> 204, whether or not the account exists; the mail leaves after the answer."""

    checks_source = True

    @sensitive_variables()
    def post(self, request: Request, **kwargs: Any) -> Response:
        settings = get_settings()
        if settings.password_reset_url is None or email_field(get_user_model()) is None:
            raise NotFound('Passwords are not reset by mail here: LANYARD["PASSWORD_RESET_URL"] is not set.')
        email = self.read(PasswordResetBody)["email"]
        limits = settings.throttle
        Attempts(
            request,
            "password_reset",
            email,
            by_address=limits.password_reset_address,
            by_account=limits.password_reset_account,
        ).count()
        send_reset_mail(email, settings.password_reset_url)
        return Response(status=204)


class PasswordResetConfirmView(LanyardView):
    """`{uid, token, new_password}` -> 204; every session of the user has ended."""

    checks_source = True

    @sensitive_variables()
    def post(self, request: Request, **kwargs: Any) -> Response:
        body = self.read(PasswordResetConfirmBody)
        user = _user_of(body["uid"])
        if user is None or not default_token_generator.check_token(user, body["token"]):
            raise ValidationError(_BAD_LINK)
        _validate(body["new_password"], user)
        with locked_user(user) as locked:
            if not default_token_generator.check_token(locked, body["token"]):  # two people, one link
                raise ValidationError(_BAD_LINK)
            locked.set_password(body["new_password"])
            locked.save(using=alias())
        return Response(status=204)


def _user_of(uid: str) -> Any:
    """The active user whom Django's reset calls by this id, or None."""
    try:
        user = _stored(get_user_model()._meta.pk.to_python(urlsafe_base64_decode(uid).decode()))
    except (TypeError, ValueError, OverflowError, DjangoValidationError):
        return None
    return user if user is not None and user.is_active else None


def _stored(pk: Any) -> Any:
    return get_user_model()._base_manager.using(alias()).filter(pk=pk).first()


@sensitive_variables()
def _validate(password: str, user: Any) -> None:
    try:
        validate_password(password, user)
    except DjangoValidationError as error:
        raise ValidationError({"new_password": error.messages}) from None


@contextmanager
def locked_user(user: Any) -> Iterator[Any]:
    """A transaction that holds the user's row as it is stored now. Raises `UserInactive` if there is none to hold."""
    database = alias()
    with write_transaction(database):
        rows = get_user_model()._base_manager.using(database).select_for_update().filter(pk=user.pk)
        locked = next(iter(rows), None)
        if locked is None or not locked.is_active:
            raise UserInactive
        yield locked
