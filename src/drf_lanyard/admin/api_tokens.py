"""API tokens in Django's admin: made, looked at and deleted, never edited. A token is shown once, its digest never."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..api import create_token
from ..conf import get_settings
from ..core.policy import DAY
from ..core.scope import join_scopes
from ..models import ApiToken
from ..stores.dialect import DatabaseNow
from .shared import asks_for, goes_with_its_user, local

if TYPE_CHECKING:
    TokenModelAdmin = admin.ModelAdmin[ApiToken]
    TokenModelForm = forms.ModelForm[ApiToken]
else:
    TokenModelAdmin, TokenModelForm = admin.ModelAdmin, forms.ModelForm

STATES = {"live": _("Live"), "expired": _("Expired")}
MAX_DAYS = 36500
#: Columns that are never shown, and that no filter may ask for.
SECRETS = frozenset({"digest"})


class ApiTokenForm(TokenModelForm):
    """What a new token is made of. `request` is set by `ApiTokenAdmin.get_form`."""

    request: HttpRequest
    days = forms.IntegerField(
        label=_("days until it expires"), required=False, min_value=1, max_value=MAX_DAYS, help_text=_("Empty: never.")
    )
    idle_days = forms.IntegerField(
        label=_("days without use until it expires"),
        required=False,
        min_value=1,
        max_value=MAX_DAYS,
        help_text=_("Empty: it may rest for ever."),
    )

    class Meta:
        model = ApiToken
        fields = ("user", "name", "scope")
        help_texts = {"scope": _("Separated by spaces. Empty: it may do all that its user may.")}

    def clean_user(self) -> Any:
        """Whoever has a token of a user can do what that user can."""
        user = self.cleaned_data["user"]
        if getattr(user, "is_superuser", False) and not getattr(self.request.user, "is_superuser", False):
            raise ValidationError(_("Only superusers make tokens for superusers."))
        return user

    def clean_scope(self) -> str:
        try:
            return join_scopes(self.cleaned_data["scope"].split())
        except ValueError as error:
            raise ValidationError(str(error)) from None


class StateFilter(admin.SimpleListFilter):
    """Live or expired."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
        idle_for: Any = DatabaseNow() - Coalesce(F("last_used_at"), F("created_at"))
        expired = Q(expires_at__lte=DatabaseNow()) | Q(idle_lifetime__lte=idle_for)
        match self.value():
            case "live":  # not `~expired`: either column may be NULL
                return queryset.exclude(pk__in=ApiToken.objects.filter(expired).values("pk"))
            case "expired":
                return queryset.filter(expired)
        return queryset


def state_of(token: ApiToken, now: float) -> str:
    """One of `STATES`, at `now` (Unix seconds by the database's clock)."""
    ends = [] if token.expires_at is None else [token.expires_at]
    if token.idle_lifetime is not None:
        ends.append((token.last_used_at or token.created_at) + token.idle_lifetime)
    return "live" if now < min(ends, default=float("inf")) else "expired"


@admin.register(ApiToken)
class ApiTokenAdmin(TokenModelAdmin):
    """Whose keys there are. Deleting one revokes it within the lease."""

    form = ApiTokenForm
    list_display = ("name", "user", "ends_in", "scope", "created", "expires", "last_used", "state")
    list_select_related = ("user",)
    list_filter = (StateFilter,)
    show_full_result_count = False
    ordering = ("-created_at",)
    raw_id_fields = ("user",)
    readonly_fields = ("ends_in", "created", "expires", "idle", "last_used", "state", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        return super().get_queryset(request).annotate(lanyard_now=DatabaseNow())

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return not asks_for(lookup, SECRETS) and super().lookup_allowed(lookup, value, request)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (f"user__{get_user_model().USERNAME_FIELD}", "name", "hint")

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        if obj is None:
            return ("user", "name", "scope", "days", "idle_days")
        return (("user", "state"), ("name", "ends_in"), "scope", ("created", "last_used"), ("expires", "idle"), "id")

    # Columns

    @admin.display(description=_("ends in"), ordering="hint")
    def ends_in(self, token: ApiToken) -> str:
        return token.hint

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, token: ApiToken) -> datetime | None:
        return local(token.when("created_at"))

    @admin.display(description=_("expires"), ordering="expires_at")
    def expires(self, token: ApiToken) -> datetime | None:
        return local(token.when("expires_at"))

    @admin.display(description=_("expires when idle for"), ordering="idle_lifetime")
    def idle(self, token: ApiToken) -> timedelta | None:
        return None if token.idle_lifetime is None else timedelta(seconds=token.idle_lifetime)

    @admin.display(description=_("last used"), ordering="last_used_at")
    def last_used(self, token: ApiToken) -> datetime | None:
        return local(token.when("last_used_at"))

    @admin.display(description=_("state"))
    def state(self, token: ApiToken) -> Any:
        return STATES[state_of(token, token.lanyard_now)]  # type: ignore[attr-defined]  # annotated above

    # Permissions

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tokens go with their user, as sessions do."""
        return super().has_delete_permission(request, obj) or goes_with_its_user(request, "lanyard_apitoken_", obj)

    # Making one

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"request": request})

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        lifetime = get_settings().api_token.lifetime
        default = {} if lifetime is None else {"days": max(1, int(lifetime // DAY))}
        return {**default, **super().get_changeform_initial_data(request)}

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        only_one = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**only_one, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        days, idle_days = form.cleaned_data["days"], form.cleaned_data["idle_days"]
        token, obj.pk = create_token(
            obj.user,
            obj.name,
            scopes=obj.scope.split(),
            lifetime=None if days is None else days * DAY,
            idle_lifetime=None if idle_days is None else idle_days * DAY,
        )
        text = format_html(gettext("The API token is <code>{}</code>. Copy it now: it is not shown again."), token)
        self.message_user(request, text, messages.SUCCESS)

    def response_add(self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None) -> HttpResponse:
        """A page of its own, no redirect: a message that has to wait for the next page is stored in between."""
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": obj.name, "token": obj}
        return TemplateResponse(request, "admin/lanyard/apitoken/created.html", context)  # the admin says no-store
