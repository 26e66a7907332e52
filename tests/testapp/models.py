from django.conf import settings
from django.db import models


class Note(models.Model):
    """A project's own table, with a foreign key to whatever the user model is."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    text = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.text
