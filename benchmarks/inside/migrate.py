"""Make the template: the tables of every variant and the user "bench"."""

import django
from django.core.management import call_command

if __name__ == "__main__":
    django.setup()
    from django.contrib.auth import get_user_model

    call_command("migrate", verbosity=0, interactive=False)
    get_user_model().objects.create_user("bench", "bench@example.com", "wonderland")
