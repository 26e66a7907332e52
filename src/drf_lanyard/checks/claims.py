"""The check that makes the claims of one real user and looks at them. It runs with `check --database` and `migrate`."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage
from django.db import Error as DatabaseError
from django.db import router, transaction

from ..conf import get_settings, problems
from ..core.ids import uuid7
from ..core.model import REGISTERED_CLAIMS, SessionState
from .catalogue import message

#: Bytes of JSON. A cookie holds 4,096 bytes; Base64, the registered claims and a signature take the rest.
MAX_CLAIMS_BYTES = 2048
_SECRET = re.compile(
    r"pass(word|wd|phrase)|secret|private|credential|api_?key|(^|_)(key|token|pin|otp|salt|hash|iban|ssn|cvv|cvc)(_|$)",
    re.IGNORECASE,
)
# "$" and "sha256" and so on at the front: how Django's hashers and crypt(3) write a password.
_HASH = re.compile(r"(pbkdf2_sha\d+|argon2\w*|bcrypt\w*|scrypt|md5)\$|\$(2[aby]|argon2\w*|[156y])\$")


def looks_secret(claims: Mapping[str, Any]) -> list[str]:
    """The names (dotted, where nested) of claims that look like secrets. Tokens are signed, not encrypted."""
    return [path for path, value in _walk(claims, "") if _is_secret(path, value)]


def _is_secret(path: str, value: object) -> bool:
    return bool(_SECRET.search(path.rpartition(".")[2])) or (isinstance(value, str) and bool(_HASH.match(value)))


def _walk(value: object, path: str) -> list[tuple[str, object]]:
    if isinstance(value, Mapping):
        found = [(f"{path}.{key}".lstrip("."), one) for key, one in value.items()]
        return found + [deeper for key, one in found for deeper in _walk(one, key)]
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [deeper for one in value for deeper in [(path, one), *_walk(one, path)]]
    return []


def check_claims(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """W012 to W014, for the last user of the table; silent without `CLAIMS`, users or migrations."""
    user_model: Any = get_user_model()
    alias = router.db_for_read(user_model)
    if alias not in (databases or ()) or problems() or (make := get_settings().claims) is None:
        return []
    try:
        with transaction.atomic(using=alias):
            user = user_model._default_manager.using(alias).order_by("-pk").first()
            return [] if user is None else _claims_of(user, make)
    except DatabaseError:  # `migrate` comes by before the tables are as the models say
        return []


def _claims_of(user: Any, make: Callable[[Any, SessionState], object]) -> list[CheckMessage]:
    try:
        claims = make(user, sample_session(user))
    except DatabaseError:
        raise
    except Exception as error:
        text = f"LANYARD: CLAIMS failed for the user {user.pk}: {type(error).__name__}."
        return [message("W014", text, "It must work for every user: nobody for whom it fails can sign in.", "CLAIMS")]
    return inspect_claims(claims)


def inspect_claims(claims: object) -> list[CheckMessage]:
    """What is wrong with one user's claims."""
    problem = _unusable(claims)
    if problem is not None or not isinstance(claims, Mapping):
        return [message("W014", f"LANYARD: CLAIMS {problem}.", "Return a dictionary of plain JSON values.", "CLAIMS")]
    found = []
    if names := looks_secret(claims):
        text = f"LANYARD: CLAIMS puts {', '.join(sorted(set(names)))} into tokens, which looks like a secret."
        found.append(message("W012", text, "Tokens are signed, not encrypted: leave it out or rename it.", "CLAIMS"))
    if (size := len(_json(claims))) > MAX_CLAIMS_BYTES:
        text = f"LANYARD: CLAIMS makes {size} bytes; a cookie has room for about {MAX_CLAIMS_BYTES}."
        found.append(
            message("W013", text, "Put ids or roles into claims and load the rest where it is used.", "CLAIMS")
        )
    return found


def _unusable(claims: object) -> str | None:
    if not isinstance(claims, Mapping):
        return f"returned {type(claims).__name__}"
    if clash := sorted(REGISTERED_CLAIMS & claims.keys()):
        return f"returned {', '.join(clash)}, whose meaning is fixed"
    for name, value in claims.items():
        try:
            _json({name: value})
        except (TypeError, ValueError, RecursionError):
            return f"returned {name}, which is not JSON ({type(value).__name__})"
    return None


def _json(claims: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(claims), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def sample_session(user: Any) -> SessionState:
    """A session that was never stored, for a claims callable that looks at it."""
    return SessionState(
        id=uuid7(0),
        subject=str(user.pk),
        secret="",
        counter=0,
        method="password",
        transport="bearer",
        created_at=0.0,
        rotated_at=0.0,
        idle_expires_at=0.0,
        absolute_expires_at=None,
        revoked_at=None,
        user_active=True,
        epoch=0,
        now=0.0,
        user=user,
    )
