"""The demo's settings for these tests: cheap passwords, no throttle, and the origins and lifetimes that they name."""

import os

from demo.settings import *  # noqa: F403
from demo.settings import INSTALLED_APPS, LANYARD, MIDDLEWARE

#: Origins, separated by spaces. CORS lets both kinds read answers; only the first kind is trusted with cookies.
TRUSTED = os.environ.get("BROWSER_TRUSTED", "").split()
UNTRUSTED = os.environ.get("BROWSER_UNTRUSTED", "").split()
#: Seconds.
LIFETIME = int(os.environ.get("BROWSER_ACCESS_LIFETIME", "300"))

INSTALLED_APPS = [*INSTALLED_APPS, "corsheaders"]
MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *MIDDLEWARE]
CORS_ALLOWED_ORIGINS = [*TRUSTED, *UNTRUSTED]
CORS_ALLOW_CREDENTIALS = True
CORS_ALLOW_HEADERS = ["authorization", "content-type", "idempotency-key"]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LANYARD = {
    **LANYARD,
    "TRUSTED_ORIGINS": TRUSTED,
    "ACCESS_TOKEN_LIFETIME": LIFETIME,
    "LEEWAY": 0,
    "THROTTLE": dict.fromkeys(("login_address", "login_account", "password_change_account")),
}
