import uuid
from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class ActiveUsers(BaseUserManager["User"]):
    """The default manager hides inactive users: code that asks it for "the user" does not see them."""

    def get_queryset(self) -> "models.QuerySet[User]":
        return super().get_queryset().filter(is_active=True)

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A UUID primary key, an e-mail address to sign in with, no username, a manager that hides the inactive."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)

    objects = ActiveUsers()
    everyone: ClassVar[models.Manager["User"]] = models.Manager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
