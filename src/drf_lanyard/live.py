"""Principals of methods that look the user up at every request anyway: a Django session, a password."""

import json
from typing import Any

from .conf import get_settings
from .core.model import Principal


class LivePrincipal(Principal, frozen=True, kw_only=True):
    """Its claims are those of the user at this moment, made when they are first looked at; there is no token to say."""

    user: Any

    @property
    def all_claims(self) -> dict[str, Any]:
        make = get_settings().claims
        # There and back, as through a token: what a client sees does not depend on the method.
        decoded: dict[str, Any] = json.loads(
            json.dumps({} if make is None else dict(make(self.user, None)), allow_nan=False)
        )
        return decoded
