"""Tables and users: `python -m tests.faults.prepare COUNT`. Prints the users' primary keys as JSON."""

import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.faults.settings")
PASSWORD = "wonderland-0"


def main(count: int) -> None:
    import django

    django.setup()
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    have = User.objects.count()
    encoded = make_password(PASSWORD)
    User.objects.bulk_create(User(username=f"user{have + n}", password=encoded) for n in range(count))
    print(json.dumps(list(User.objects.order_by("pk").values_list("pk", "username")[have:])))


if __name__ == "__main__":
    main(int(sys.argv[1]))
