"""What Django's error reports leave out of our cookies and settings. (Of variables: `sensitive_variables`, in place.)

A report of any view has the request's cookies, and Django hides those whose names say "token" or the like; ours do not,
and cannot be renamed without signing everybody out.
"""

import re
from typing import Any

from django.views.debug import SafeExceptionReporterFilter

# Whatever LANYARD["COOKIE"]["NAME"] is, or was when the browser got the cookie. A PUSH_URL may hold a password.
_SECRET = re.compile(r"-(access|refresh)\Z|\APUSH_URL\Z")


class ExceptionReporterFilter(SafeExceptionReporterFilter):
    """Django's filter, which hides our cookies too. A project's own filter inherits from it."""

    def cleanse_setting(self, key: Any, value: Any) -> Any:
        """The value of a setting, header or cookie as reports show it."""
        if isinstance(key, str) and _SECRET.search(key):
            return self.cleansed_substitute
        return super().cleanse_setting(key, value)
