"""The protected view, and the endpoints of the variant's library."""

from django.conf import settings
from django.urls import include, path

from .views import EchoView, protected

urlpatterns = [path("protected/", protected), path("echo/", EchoView.as_view())]

if "drf_lanyard" in settings.INSTALLED_APPS:
    urlpatterns.append(path("auth/", include("drf_lanyard.urls")))
if settings.BENCH_VARIANT.package == "djangorestframework-simplejwt":
    from rest_framework_simplejwt.views import TokenRefreshView

    urlpatterns.append(path("auth/refresh/", TokenRefreshView.as_view()))
if "allauth.headless" in settings.INSTALLED_APPS:
    urlpatterns.append(path("_allauth/", include("allauth.headless.urls")))
    urlpatterns.append(path("accounts/", include("allauth.urls")))
