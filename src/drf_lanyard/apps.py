from django.apps import AppConfig
from django.conf import settings
from django.core.signals import setting_changed
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class LanyardConfig(AppConfig):
    name = "drf_lanyard"
    label = "lanyard"
    verbose_name = _("Authentication")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, django_sessions, receivers, wiring

        assert checks  # importing it registers the system checks
        _hide_our_cookies_in_error_reports()
        receivers.connect()
        django_sessions.connect()
        setting_changed.connect(_on_setting_changed, dispatch_uid="lanyard.settings")
        # A flush (between TransactionTestCases, or by hand) takes the log back to its beginning.
        post_migrate.connect(wiring.reset, sender=self, dispatch_uid="lanyard.flush")


def _hide_our_cookies_in_error_reports() -> None:
    """Those of every view, ours or not, have them. A filter that the project chose stays, and a check looks at it."""
    if not settings.is_overridden("DEFAULT_EXCEPTION_REPORTER_FILTER"):  # type: ignore[misc]
        settings.DEFAULT_EXCEPTION_REPORTER_FILTER = "drf_lanyard.error_reports.ExceptionReporterFilter"


def _on_setting_changed(*, setting: str, **kwargs: object) -> None:
    from . import wiring
    from .conf import RELOADED_BY

    if setting in RELOADED_BY:
        wiring.reset()
