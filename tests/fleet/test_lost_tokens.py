"""An API token whose deletion the database has lost is deleted again by whoever remembers."""

import pytest
from django.contrib.auth import get_user_model

from drf_lanyard.core.model import Entry
from drf_lanyard.models import ApiToken
from drf_lanyard.stores.orm_log import OrmLog
from drf_lanyard.wiring import get_api_tokens

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_lost_deletion_is_repeated() -> None:
    user = get_user_model().objects.create_user("owner")
    _, lost = get_api_tokens().create(user.pk, "lost")
    _, kept = get_api_tokens().create(user.pk, "kept")
    log = OrmLog("default", timeout=5.0, retention=3600.0)

    log.restore([Entry(uid=0, credential=lost.int)])
    log.rest()

    assert list(ApiToken.objects.values_list("pk", flat=True)) == [kept]
