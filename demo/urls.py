from django.contrib import admin
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import include, path

from . import page_views

urlpatterns = [
    path("", page_views.index),
    path("page/<path:path>", page_views.page),
    path("favicon.ico", page_views.page, {"path": "art/mark.svg"}),  # of the admin, and of answers of the API
    path("client/<path:path>", page_views.client),
    path("auth/", include("drf_lanyard.urls")),
    path("api/", include("demo.blog.urls")),
    path("admin/", admin.site.urls),
    *staticfiles_urlpatterns(),  # the admin's, while DEBUG is on
]
