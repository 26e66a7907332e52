"""Sessions and API tokens in Django's admin."""

from .api_tokens import ApiTokenAdmin
from .sessions import SessionAdmin

__all__ = ["ApiTokenAdmin", "SessionAdmin"]
