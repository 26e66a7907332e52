"""What one INSTALLED_APPS costs: run as a program, prints JSON. The first import of everything is in it."""

import json
import sys
import time
from pathlib import Path

APPS = json.loads(sys.argv[1])


def resident_kb() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


def main() -> None:
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="for benchmarks only: long enough for every HMAC that is keyed with it",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", *APPS],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"] if "allauth.account" in APPS else [],
    )
    before, began = resident_kb(), time.perf_counter()
    django.setup()
    setup_ms, setup_kb = (time.perf_counter() - began) * 1000, resident_kb() - before
    # A project's URLs import REST framework's views whatever authenticates: counted for everybody from here on.
    import rest_framework.views  # noqa: F401

    for module in sys.argv[2:]:
        __import__(module)
    used_ms, used_kb = (time.perf_counter() - began) * 1000, resident_kb() - before
    print(json.dumps({"setup_ms": setup_ms, "setup_kb": setup_kb, "used_ms": used_ms, "used_kb": used_kb}))


if __name__ == "__main__":
    main()
