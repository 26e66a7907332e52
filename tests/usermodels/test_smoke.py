"""That the user models behave as Django expects; the rest of this folder tests what the library makes of them."""

import pytest
from django.contrib.auth import authenticate, get_user_model

from .users import create_user, sign_in_name


@pytest.mark.django_db
def test_a_user_signs_in_with_its_own_primary_key() -> None:
    made = create_user("alice")
    found = authenticate(username=sign_in_name("alice"), password="wonderland")
    assert found is not None
    assert found.pk == made.pk
    assert get_user_model()._meta.pk.to_python(str(made.pk)) == made.pk
    assert authenticate(username=sign_in_name("alice"), password="looking-glass") is None
