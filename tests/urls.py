from importlib.util import find_spec

from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from tests import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("protected/", views.protected),
    path("public/", views.public),
]
if apps.is_installed("django.contrib.admin"):
    urlpatterns.append(path("admin/", admin.site.urls))
if find_spec("drf_lanyard.urls"):
    urlpatterns.append(path("auth/", include("drf_lanyard.urls")))
