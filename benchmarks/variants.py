"""The configurations that are compared: each peer as its documentation sets it up. Data only; read in every process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_KNOX = ("knox",)
_SIMPLEJWT = "rest_framework_simplejwt.authentication.JWTAuthentication"
_BLACKLIST = ("rest_framework_simplejwt.token_blacklist",)
_ALLAUTH = ("allauth", "allauth.account", "allauth.headless")
_ALLAUTH_AUTH = "allauth.headless.contrib.rest_framework.authentication.JWTTokenAuthentication"
_ALLAUTH_JWT = {"HEADLESS_TOKEN_STRATEGY": "allauth.headless.tokens.strategies.jwt.JWTTokenStrategy"}
_LANYARD = ("drf_lanyard",)
_LANYARD_AUTH = "drf_lanyard.authentication.LanyardAuthentication"
#: Sent with every request: "1" if the null authenticator is to let it in, else empty. And where WSGI puts it.
NULL_HEADER = "X-Null"
NULL = "HTTP_X_NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One configuration. `credential` names a function of `benchmarks.inside.credentials`."""

    name: str
    label: str
    #: The distribution that it needs; "" for none.
    package: str = ""
    authentication: str
    apps: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    credential: str
    #: What a spoiled credential is answered with; 0: there is none to spoil.
    refusal: int = 401


def _lanyard(name: str, label: str, credential: str, **settings: Any) -> Variant:
    return Variant(
        name=name,
        label=label,
        package="drf-lanyard",
        authentication=_LANYARD_AUTH,
        apps=_LANYARD,
        settings={"LANYARD": settings},
        credential=credential,
    )


def _simplejwt(
    name: str, label: str, apps: tuple[str, ...] = (), authentication: str = _SIMPLEJWT, **options: Any
) -> Variant:
    return Variant(
        name=name,
        label=label,
        package="djangorestframework-simplejwt",
        authentication=authentication,
        apps=apps,
        settings={"SIMPLE_JWT": options},
        credential="simplejwt",
    )


def _knox(name: str, label: str, **options: Any) -> Variant:
    return Variant(
        name=name,
        label=label,
        package="django-rest-knox",
        authentication="knox.auth.TokenAuthentication",
        apps=_KNOX,
        settings={"REST_KNOX": options},
        credential="knox",
    )


def _allauth(name: str, label: str, **settings: Any) -> Variant:
    return Variant(
        name=name,
        label=label,
        package="django-allauth",
        authentication=_ALLAUTH_AUTH,
        apps=_ALLAUTH,
        settings={**_ALLAUTH_JWT, **settings},
        credential="allauth",
    )


_NULL = Variant(
    name="null",
    label="null (a prebuilt user)",
    authentication="benchmarks.project.null.NullAuthentication",
    credential="nothing",
    refusal=0,
)


def _step(name: str, label: str) -> Variant:
    return Variant(
        name=name,
        label=label,
        package="drf-lanyard",
        authentication=f"benchmarks.project.steps.{name.title().replace('_', '')}",
        apps=_LANYARD,
        credential="lanyard",
        refusal=0,
    )


ALL = (
    _NULL,
    _lanyard("lanyard", "drf-lanyard, JWT", "lanyard"),
    _lanyard("lanyard_first", "drf-lanyard, JWT at first sight", "lanyard_first"),
    _lanyard("lanyard_token", "drf-lanyard, API token", "lanyard_token"),
    _lanyard("lanyard_cookie", "drf-lanyard, cookie", "lanyard_cookie"),
    _lanyard("lanyard_user", "drf-lanyard, JWT, USER_LOADING eager", "lanyard", USER_LOADING="eager"),
    _simplejwt("simplejwt", "simplejwt"),
    _simplejwt(
        "simplejwt_stateless",
        "simplejwt, stateless",
        authentication="rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication",
    ),
    _simplejwt("simplejwt_rotate", "simplejwt, rotate", ROTATE_REFRESH_TOKENS=True),
    _simplejwt(
        "simplejwt_blacklist",
        "simplejwt, rotate + blacklist",
        _BLACKLIST,
        ROTATE_REFRESH_TOKENS=True,
        BLACKLIST_AFTER_ROTATION=True,
    ),
    Variant(
        name="drf_token",
        label="DRF TokenAuthentication",
        authentication="rest_framework.authentication.TokenAuthentication",
        apps=("rest_framework.authtoken",),
        credential="drf_token",
    ),
    _knox("knox", "knox"),
    _knox("knox_refresh", "knox, AUTO_REFRESH", AUTO_REFRESH=True),
    Variant(
        name="drf_jwt",
        label="drf-jwt",
        package="drf-jwt",
        authentication="rest_framework_jwt.authentication.JSONWebTokenAuthentication",
        apps=("rest_framework_jwt",),
        credential="drf_jwt",
    ),
    Variant(
        name="django_session",
        label="Django session",
        authentication="rest_framework.authentication.SessionAuthentication",
        credential="django_session",
        refusal=403,  # it has no challenge
    ),
    Variant(
        name="drf_sessions",
        label="drf-sessions",
        package="drf-sessions",
        authentication="drf_sessions.auth.BearerAuthentication",
        apps=("drf_sessions",),
        credential="drf_sessions",
    ),
    _allauth("allauth", "allauth headless JWT"),
    # What any authenticator pays that does what ours does, written by hand without a function of its own.
    _step("step_vary", "by hand: null, and Vary"),
    _step("step_user", "by hand: null, and a user with only a key"),
    _step("step_floor", "by hand: both, and a token, time and revocation"),
    _allauth("allauth_stateful", "allauth headless JWT, stateful", HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED=True),
)
BY_NAME = {variant.name: variant for variant in ALL}


def every_app(installed: frozenset[str]) -> tuple[str, ...]:
    """The apps of every variant whose distribution is installed, each once: what the template database holds."""
    apps = [app for variant in ALL if not variant.package or variant.package in installed for app in variant.apps]
    return tuple(dict.fromkeys(apps))
