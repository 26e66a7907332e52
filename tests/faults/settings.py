"""Settings of one worker process: the test project's, with what this run chose in LANYARD_FAULTS (JSON)."""

import json
import os
from typing import Any

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES

CHOSEN: dict[str, Any] = json.loads(os.environ.get("LANYARD_FAULTS", "{}"))
ROOT_URLCONF = "tests.faults.urls"

#: Connections are kept, as most projects do, and looked at before use: one that a fault has ended costs no request.
DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}

LANYARD: dict[str, Any] = {  # type: ignore[no-redef]
    "LEASE": CHOSEN.get("lease", 1),
    "REFRESH_GRACE": CHOSEN.get("grace", 2),
    # Longer than a run, shorter than the hour by which a clock is moved.
    "ACCESS_TOKEN_LIFETIME": 1800,
    "THROTTLE": None,
    "PUSH_URL": CHOSEN.get("push_url"),
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"django.request": {"level": "CRITICAL"}},
}
