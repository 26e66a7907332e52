from rest_framework.permissions import IsAuthenticated


class IsAuthor(IsAuthenticated):
    """Who wrote a post may change it. Comparing ids needs no query for the user."""

    def has_object_permission(self, request, view, obj) -> bool:
        return obj.author_id == request.user.pk
