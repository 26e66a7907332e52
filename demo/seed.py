"""The first users and posts. Running it again changes nothing."""

from django.contrib.auth.models import Group, User
from django.db import transaction

from demo import PASSWORD
from demo.blog.models import Post

POSTS = [
    ("alice", "Curiouser and curiouser!"),
    ("bob", "Can we build it?"),
    ("alice", "It's no use going back to yesterday, because I was a different person then."),
]


@transaction.atomic
def seed() -> None:
    if User.objects.exists():
        return
    author = Group.objects.create(name="author")
    users = {name: User.objects.create_user(name, f"{name}@example.com", PASSWORD) for name in ("alice", "bob")}
    author.user_set.add(*users.values())
    User.objects.create_superuser("admin", "admin@example.com", PASSWORD)
    for name, text in POSTS:
        Post.objects.create(author=users[name], text=text)
