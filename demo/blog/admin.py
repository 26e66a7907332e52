from django.contrib import admin

from .models import Post


@admin.register(Post)
class PostAdmin(admin.ModelAdmin):
    list_display = ["id", "author", "text", "created_at"]
    list_select_related = ["author"]
    search_fields = ["text", "author__username"]
