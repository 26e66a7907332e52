from rest_framework import serializers

from .models import Post


class PostSerializer(serializers.ModelSerializer):
    """A post as its author gets it back. `author` is the id, which costs no query."""

    class Meta:
        model = Post
        fields = ["id", "author", "text", "created_at"]
        read_only_fields = ["author"]


class ListedPostSerializer(PostSerializer):
    """A post in a list, with the author's name (joined in the list's own query)."""

    author_name = serializers.CharField(source="author.username", read_only=True)

    class Meta(PostSerializer.Meta):
        fields = ["id", "author", "author_name", "text", "created_at"]
