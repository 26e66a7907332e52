from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as BASE

#: Django's admin wants `is_staff` and permissions, which this user model does not have.
INSTALLED_APPS = [app for app in BASE if app != "django.contrib.admin"] + ["tests.userapps.mti_user"]
AUTH_USER_MODEL = "mti_user.Member"
