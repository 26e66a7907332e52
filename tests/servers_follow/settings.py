"""Settings of the project that these servers serve: tests.settings, and LANYARD from the environment (JSON)."""

import json
import os

from tests.servers_follow import waits
from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.servers_follow.urls"
MIDDLEWARE = ["tests.servers_follow.views.worker"]
LANYARD = json.loads(os.environ.get("LANYARD_TEST_SETTINGS", "{}"))
if "LANYARD_TEST_WAITS" in os.environ:
    waits.note_from_now_on()
