from django.urls import include, path

from tests.views import protected

from . import views

urlpatterns = [
    path("auth/", include("drf_lanyard.urls")),
    path("protected/", protected),
    path("inside/", views.inside),
    path("alive/", views.alive),
    path("still/", views.still),
    path("whoami/", views.whoami),
]
