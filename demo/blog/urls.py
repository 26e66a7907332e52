from django.urls import path

from .views import Moderation, PostDetail, PostList

urlpatterns = [
    path("posts/", PostList.as_view()),
    path("posts/<int:pk>/", PostDetail.as_view()),
    path("moderation/", Moderation.as_view()),
]
