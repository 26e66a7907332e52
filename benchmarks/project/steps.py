"""Authenticators that do a part of what drf-lanyard does, each as briefly as it can be written: whose time is it?

Nobody could use them: there is no expiry to speak of, no other scheme, no error that says anything, and no model that
makes its instances itself.
"""

import time
import weakref
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models.base import ModelState
from rest_framework.authentication import BaseAuthentication

from .null import NullAuthentication

VARY = "Accept, Authorization, Cookie"


class StepVary(NullAuthentication):
    """An answer that no cache may hand to somebody else."""

    def authenticate(self, request: Any) -> tuple[Any, None]:
        request.parser_context["view"].headers["Vary"] = VARY
        return super().authenticate(request)


class Unloaded(weakref.ref[Any]):
    """What would load the row."""

    __slots__ = ()


class StepUser(BaseAuthentication):
    """A new instance for each request, of which only the primary key is there."""

    model: Any = None

    def authenticate(self, request: Any) -> tuple[Any, None]:
        model = StepUser.model
        if model is None:
            model = StepUser.model = get_user_model()
        user = object.__new__(model)
        user._state = state = ModelState()
        state.adding = False
        state.db = "default"
        user.id = 1
        user.refresh_from_db = Unloaded(user)
        return user, None

    def authenticate_header(self, request: Any) -> str:
        return "Bearer"


class StepFloor(StepUser):
    """And of a token: is it known, is it in time, is what we know of revocations fresh, is this one revoked?"""

    known: dict[str, Any] = {}
    dead: set[int] = set()
    epochs: dict[str, int] = {}
    fresh_until = float("inf")

    def authenticate(self, request: Any) -> tuple[Any, Any]:
        header = request._request.META["HTTP_AUTHORIZATION"]
        principal = StepFloor.known.get(header)
        if principal is None:
            from drf_lanyard.wiring import get_lanyard

            principal = StepFloor.known[header] = get_lanyard().authenticate(header.partition(" ")[2])
            StepUser.model = get_user_model()
        if time.time() >= principal.expires_at or time.monotonic() >= StepFloor.fresh_until:
            raise AssertionError("too late")
        if principal.credential in StepFloor.dead or StepFloor.epochs.get(principal.user_id, 0) > principal.epoch:
            raise AssertionError("revoked")
        request.parser_context["view"].headers["Vary"] = VARY
        user = object.__new__(StepUser.model)
        user._state = state = ModelState()
        state.adding = False
        state.db = "default"
        user.id = 1
        user.refresh_from_db = Unloaded(user)
        return user, principal
