from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from tests import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("auth/", include("drf_lanyard.urls")),
    path("protected/", views.protected),
    path("public/", views.public),
]
if apps.is_installed("django.contrib.admin"):  # not under every user model
    urlpatterns.append(path("admin/", admin.site.urls))
