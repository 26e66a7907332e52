"""What can go wrong in a client, by what the application has to do about it.

No message carries a token or a password.
"""

import json

import httpx

from ..core.errors import LanyardError


class ClientError(LanyardError):
    """Anything the client raises on purpose."""


class SignInRequired(ClientError):
    """The server ended the session, or nobody is signed in: ask for the password. The tokens are gone.

    `code` is the server's reason (`token_revoked`, `session_expired`…).
    """

    def __init__(self, detail: str, code: str = "") -> None:
        super().__init__(detail)
        self.code = code


class SignInRefused(ClientError):
    """The server did not accept the user name and password; `code` is its reason."""

    def __init__(self, detail: str, code: str = "") -> None:
        super().__init__(detail)
        self.code = code


class Unavailable(ClientError):
    """The network or the server failed for now (no answer, 429, 5xx). The tokens are kept: try again later.

    `retry_after`: seconds to wait, when the server said so.
    """

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class UnexpectedAnswer(ClientError):
    """What answered does not speak this contract: a wrong URL, a proxy, a captive portal. The tokens are kept."""

    def __init__(self, detail: str, status: int = 0) -> None:
        super().__init__(detail)
        self.status = status


class TokenStoreError(ClientError):
    """The tokens cannot be read or written safely; the message says what to do."""


def error_code(response: httpx.Response) -> str | None:
    """The `code` in the body (already read) of an error answer, such as `token_revoked`; None when there is none."""
    return _member(response, "code")


def error_detail(response: httpx.Response) -> str:
    """The sentence for humans in an error answer, or the HTTP status line."""
    return _member(response, "detail") or f"HTTP {response.status_code} {response.reason_phrase}".strip()


def _member(response: httpx.Response, name: str) -> str | None:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, str) else None
