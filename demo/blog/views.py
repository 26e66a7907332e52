from rest_framework import generics

from drf_lanyard.rest.permissions import HasClaim

from .models import Post
from .permissions import IsAuthor
from .serializers import ListedPostSerializer, PostSerializer


class PostList(generics.ListCreateAPIView):
    """Anyone reads, whoever is signed in writes."""

    queryset = Post.objects.select_related("author")

    def get_serializer_class(self):
        return PostSerializer if self.request.method == "POST" else ListedPostSerializer

    def perform_create(self, serializer) -> None:
        # The id alone: `request.user` is not loaded, and needs not be.
        serializer.save(author_id=self.request.user.pk)


class PostDetail(generics.DestroyAPIView):
    queryset = Post.objects.all()
    permission_classes = [IsAuthor | HasClaim("roles", "staff")]


class Moderation(generics.ListAPIView):
    """Every post, for staff: by what the access token says, without a query for the user."""

    queryset = Post.objects.select_related("author")
    serializer_class = ListedPostSerializer
    permission_classes = [HasClaim("roles", "staff")]
