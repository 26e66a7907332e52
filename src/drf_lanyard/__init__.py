"""JWT speed, real logout, for Django REST Framework.

The public Python API. Names are loaded when they are first used: importing the package needs no Django settings.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import create_token, revoke_session, revoke_token, revoke_user, revoke_users, sign_in
    from .core.model import Issued, Principal
    from .signals import refresh_reused, refreshed, revoked, signed_in

    __version__: str

__all__ = [
    "Issued",
    "Principal",
    "create_token",
    "refresh_reused",
    "refreshed",
    "revoke_session",
    "revoke_token",
    "revoke_user",
    "revoke_users",
    "revoked",
    "sign_in",
    "signed_in",
]

_HOMES = {
    ".api": ("create_token", "revoke_session", "revoke_token", "revoke_user", "revoke_users", "sign_in"),
    ".core.model": ("Issued", "Principal"),
    ".signals": ("refresh_reused", "refreshed", "revoked", "signed_in"),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("drf-lanyard")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home, __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
