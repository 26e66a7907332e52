from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path

from tests import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("protected/", views.protected),
    path("public/", views.public),
]
if find_spec("drf_lanyard.urls"):
    urlpatterns.append(path("auth/", include("drf_lanyard.urls")))
