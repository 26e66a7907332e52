from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A string primary key that looks like a number: "7" is not 7."""

    code = models.CharField(primary_key=True, max_length=20)

    REQUIRED_FIELDS = ["code"]
