"""Sessions in Django's admin: looked at and revoked, never edited. Secrets are not shown."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_permission_codename, get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from ..models import Session
from ..stores.dialect import DatabaseNow
from ..wiring import get_lanyard
from .shared import asks_for, goes_with_its_user, local

if TYPE_CHECKING:
    SessionModelAdmin = admin.ModelAdmin[Session]
else:
    SessionModelAdmin = admin.ModelAdmin

STATES = {"live": _("Live"), "revoked": _("Revoked"), "expired": _("Expired")}
#: Columns that are never shown, and that no filter may ask for: the secret of a Django session is its cookie.
SECRETS = frozenset({"secret", "counter", "idempotency", "auth_hash"})


def state_of(session: Session, now: float) -> str:
    """One of `STATES`, at `now` (Unix seconds by the database's clock)."""
    if session.revoked_at is not None:
        return "revoked"
    ends = [session.idle_expires_at]
    if session.absolute_expires_at is not None:
        ends.append(session.absolute_expires_at)
    return "live" if now < min(ends) else "expired"


class StateFilter(admin.SimpleListFilter):
    """Live, revoked or expired."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Session]) -> QuerySet[Session]:
        match self.value():
            case "live":
                return queryset.filter(pk__in=Session.objects.live().values("pk"))
            case "revoked":
                return queryset.filter(revoked_at__isnull=False)
            case "expired":
                return queryset.filter(revoked_at=None).exclude(pk__in=Session.objects.live().values("pk"))
        return queryset


@admin.register(Session)
class SessionAdmin(SessionModelAdmin):
    """Who is signed in, from where; "Revoke selected sessions" ends them within the lease."""

    list_display = ("user", "device", "method", "transport", "ip", "created", "last_seen", "expires", "state")
    list_display_links = ("user", "created")
    list_select_related = ("user",)
    list_filter = (StateFilter, "transport", "method")
    show_full_result_count = False
    ordering = ("-created_at",)
    actions = ("revoke_selected",)
    fields = (
        ("user", "state"), ("method", "transport"), ("device", "ip"), "user_agent", ("created", "last_seen"),
        ("expires", "revoked"), "revoked_reason", "id",
    )  # fmt: skip
    readonly_fields = ("id", "created", "last_seen", "expires", "revoked", "state")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return super().get_queryset(request).annotate(lanyard_now=DatabaseNow())

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return not asks_for(lookup, SECRETS) and super().lookup_allowed(lookup, value, request)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (f"user__{get_user_model().USERNAME_FIELD}", "ip")

    # Columns

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, session: Session) -> datetime | None:
        return local(session.when("created_at"))

    @admin.display(description=_("last seen"), ordering="rotated_at")
    def last_seen(self, session: Session) -> datetime | None:
        return local(session.when("rotated_at"))

    @admin.display(description=_("expires"), ordering="idle_expires_at")
    def expires(self, session: Session) -> datetime | None:
        """When it ends if nobody uses it; the absolute end is never earlier than that."""
        return local(session.when("idle_expires_at"))

    @admin.display(description=_("revoked"), empty_value="-")
    def revoked(self, session: Session) -> datetime | None:
        return local(session.when("revoked_at"))

    @admin.display(description=_("state"))
    def state(self, session: Session) -> Any:
        return STATES[state_of(session, session.lanyard_now)]  # type: ignore[attr-defined]  # annotated above

    # Permissions

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may change sessions: revoking is the only change there is."""
        return request.user.has_perm(f"lanyard.{get_permission_codename('change', self.opts)}")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Sessions go with their user: on other pages of the admin, whoever may delete users need not ask for more."""
        return super().has_delete_permission(request, obj) or goes_with_its_user(request, "lanyard_session_", obj)

    # Revoking

    @admin.action(description=_("Revoke selected sessions"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        sessions = list(queryset)
        ended = get_lanyard().revoke_sessions([session.pk for session in sessions], "admin")
        _note(request, sessions)
        text = ngettext("%(ended)d live session was revoked.", "%(ended)d live sessions were revoked.", ended)
        self.message_user(request, text % {"ended": ended}, messages.SUCCESS)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.revoke_view))
        return [path("<path:object_id>/revoke/", view, name="lanyard_session_revoke"), *super().get_urls()]

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The button of the object page."""
        if not self.has_revoke_permission(request):
            raise PermissionDenied
        session = self.get_object(request, unquote(object_id))
        if session is not None:
            self.revoke_selected(request, self.get_queryset(request).filter(pk=session.pk))
        return HttpResponseRedirect(reverse("admin:lanyard_session_changelist", current_app=self.admin_site.name))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        session: Session | None = kwargs.get("obj")
        if session is not None and session.revoked_at is None and self.has_revoke_permission(request):
            context["lanyard_revoke_url"] = self._url_of("revoke", session.pk)
        return super().render_change_form(request, context, *args, **kwargs)

    def _url_of(self, page: str, session_id: UUID) -> str:
        return reverse(f"admin:lanyard_session_{page}", args=[session_id], current_app=self.admin_site.name)


def _note(request: HttpRequest, sessions: list[Session]) -> None:
    """Who revoked what, in the admin's own history. One statement."""
    user: Any = request.user  # somebody who is signed in, as the admin has made sure
    change = [{"changed": {"fields": ["revoked"]}}]
    LogEntry.objects.log_actions(user.pk, sessions, CHANGE, change_message=change)
