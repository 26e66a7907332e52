from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models


class Person(models.Model):
    """The concrete base: the user's primary key lives in this table."""

    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Members(BaseUserManager["Member"]):
    def create_user(self, username: str, password: str | None = None, **fields: object) -> "Member":
        user = self.model(username=username, **{"name": username, **fields})
        user.set_password(password)
        user.save(using=self._db)
        return user


class Account(Person, AbstractBaseUser):
    """Between the person and the member: its primary key is a link to the person."""

    username = models.CharField(max_length=100, unique=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "username"


class Member(Account):
    """The user model: three tables deep, no permissions, no is_staff, no e-mail address."""

    nickname = models.CharField(max_length=100, blank=True)

    objects = Members()
