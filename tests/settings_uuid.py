from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as BASE

INSTALLED_APPS = [*BASE, "tests.userapps.uuid_user"]
AUTH_USER_MODEL = "uuid_user.User"
