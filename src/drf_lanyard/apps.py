from django.apps import AppConfig
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
        receivers.connect()
        django_sessions.connect()
        setting_changed.connect(_on_setting_changed, dispatch_uid="lanyard.settings")
        # A flush (between TransactionTestCases, or by hand) takes the log back to its beginning.
        post_migrate.connect(wiring.reset, sender=self, dispatch_uid="lanyard.flush")


def _on_setting_changed(*, setting: str, **kwargs: object) -> None:
    from . import wiring

    if setting in {"LANYARD", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "AUTH_USER_MODEL", "DATABASES", "DATABASE_ROUTERS"}:
        wiring.reset()
