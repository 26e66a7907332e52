from django.contrib import admin
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import include, path

urlpatterns = [
    path("auth/", include("drf_lanyard.urls")),
    path("api/", include("demo.blog.urls")),
    path("admin/", admin.site.urls),
    *staticfiles_urlpatterns(),  # the admin's, while DEBUG is on
]
