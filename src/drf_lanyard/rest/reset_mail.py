"""Mail with a link to reset a password, sent after the answer, which does not tell whether an account exists."""

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.db import connections
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.views.decorators.debug import sensitive_variables

from ..wiring import in_test_environment
from .serializers import email_field

logger = logging.getLogger("drf_lanyard")

#: Mails that may wait; beyond it they are dropped, loudly.
MAX_WAITING = 1000
SUBJECT = "drf_lanyard/password_reset_subject.txt"
BODY = "drf_lanyard/password_reset_email.txt"


def send_reset_mail(email: str, url: str) -> None:
    """Mail every active user with this address. `url` has `{uid}` and `{token}`. In tests the mail is sent at once."""
    work = partial(_send_all, email, url, translation.get_language())
    if in_test_environment():
        work()
    else:
        _background.run(partial(_in_thread, work))


def _send_all(email: str, url: str, language: str | None) -> None:
    with translation.override(language):
        for user in PasswordResetForm().get_users(email):
            _send(user, url)


@sensitive_variables()  # a thread has no view above it that would hide the token
def _send(user: Any, url: str) -> None:
    uid = urlsafe_base64_encode(force_bytes(user._meta.pk.value_to_string(user)))
    token = default_token_generator.make_token(user)
    address = getattr(user, email_field(type(user)) or "")
    link = url.replace("{uid}", uid).replace("{token}", token)
    context = {"user": user, "email": address, "uid": uid, "token": token, "url": link}
    subject = "".join(render_to_string(SUBJECT, context).splitlines())  # a header holds one line
    try:
        send_mail(subject, render_to_string(BODY, context), None, [address])
    except Exception:  # as Django's own form does: the answer must not depend on it
        logger.exception("The mail to reset the password of user %s could not be sent.", user.pk)


def _in_thread(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:
        logger.exception("A mail to reset a password could not be sent.")
    finally:
        connections.close_all()  # this thread's own


def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="lanyard-mail")


class _Background:
    """A few threads, started at the first mail, and again in a forked child."""

    def __init__(self) -> None:
        self.start_afresh()

    def start_afresh(self) -> None:
        self._room = threading.BoundedSemaphore(MAX_WAITING)
        self._pool = _pool()

    def run(self, work: Callable[[], None]) -> None:
        if not self._room.acquire(blocking=False):
            logger.error("A mail to reset a password was dropped: %d are waiting.", MAX_WAITING)
            return
        pool = self._pool
        try:
            mail = pool.submit(work)
        except RuntimeError as error:  # there are too many threads, or the process is ending
            self._room.release()
            self._leave(pool)
            logger.error("A mail to reset a password was dropped, unless a thread had room for it: %s.", error)
            return
        mail.add_done_callback(lambda _: self._room.release())

    def _leave(self, pool: ThreadPoolExecutor) -> None:
        """Begin with another pool: this one keeps what it could not begin. What threads it has finish their work."""
        if self._pool is pool:
            self._pool = _pool()
        pool.shutdown(wait=False)


_background = _Background()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_background.start_afresh)
