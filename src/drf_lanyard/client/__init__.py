"""A client for servers that use drf-lanyard: signs in, attaches the access token, refreshes by itself.

Needs the extra `client` (httpx); never imports Django.

    auth = LanyardAuth("https://example.com/auth/", TokenFile("~/.config/example/tokens.json"))
    auth.login("alice", password)
    with httpx.Client(auth=auth) as api:
        api.get("https://example.com/api/posts/")

What an application handles: `SignInRequired` (ask for the password again), `Unavailable` (the network or the
server failed: nothing is lost, try later), and a plain 401 answer, which means the same as `SignInRequired`.
"""

from .auth import LanyardAuth
from .errors import (
    ClientError,
    SignInRefused,
    SignInRequired,
    TokenStoreError,
    Unavailable,
    UnexpectedAnswer,
    error_code,
)
from .file import TokenFile
from .server import Account
from .tokens import MemoryTokens, Tokens, TokenStore

__all__ = [
    "Account",
    "ClientError",
    "LanyardAuth",
    "MemoryTokens",
    "SignInRefused",
    "SignInRequired",
    "TokenFile",
    "TokenStore",
    "TokenStoreError",
    "Tokens",
    "Unavailable",
    "UnexpectedAnswer",
    "error_code",
]
