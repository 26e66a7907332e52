"""The test project with metrics, for the processes of tests/edge/test_metrics.py."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as BASE

INSTALLED_APPS = [*BASE, "drf_lanyard.contrib.prometheus"]
