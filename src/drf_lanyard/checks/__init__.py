"""System checks. Importing this registers them; the app does so when it is ready."""

from django.core.checks import Tags, register

from .catalogue import CATALOGUE
from .claims import check_claims, inspect_claims, looks_secret
from .environment import (
    check_authenticators,
    check_basic,
    check_cache,
    check_database,
    check_django_sessions,
    check_error_reports,
    check_gevent,
    check_push,
)
from .policy import (
    check_policy,
    check_proxies,
    check_reset_link,
    check_secret_key,
    check_settings,
    check_user_model,
)

__all__ = ["CATALOGUE", "inspect_claims", "looks_secret"]

for _check in (
    check_settings,
    check_user_model,
    check_secret_key,
    check_policy,
    check_reset_link,
    check_proxies,
    check_authenticators,
    check_cache,
    check_database,
    check_django_sessions,
    check_gevent,
    check_push,
):
    register(_check, Tags.security)
register(check_claims, Tags.database)
register(check_basic, Tags.security, deploy=True)
register(check_error_reports, Tags.security, deploy=True)
