import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from drf_lanyard.core import algorithms, base64url
from drf_lanyard.core.algorithms import ALGORITHMS
from tests.core.material import signing_key, verifying_key


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
def test_the_order_of_each_curve_is_right(algorithm: str) -> None:
    """(order - 1) times the base point is the base point mirrored."""
    curve = ALGORITHMS[algorithm]
    assert isinstance(curve, algorithms.Ecdsa)
    base = ec.derive_private_key(1, curve.curve).public_key().public_numbers()
    last = ec.derive_private_key(curve.order - 1, curve.curve).public_key().public_numbers()
    assert last.x == base.x
    assert last.y != base.y


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
def test_only_the_smaller_s_is_minted_and_accepted_as_text(algorithm: str) -> None:
    curve = ALGORITHMS[algorithm]
    assert isinstance(curve, algorithms.Ecdsa)
    for number in range(16):
        data = b"%d" % number
        signature = signing_key(algorithm).sign(data)
        half = len(signature) // 2
        s = int.from_bytes(signature[half:])
        assert s <= curve.order // 2
        mirrored = signature[:half] + (curve.order - s).to_bytes(half)
        assert verifying_key(algorithm).verify(data, signature)
        assert verifying_key(algorithm).verify(data, mirrored)  # the standard has it so
        assert verifying_key(algorithm).verify_text(data, base64url.encode(signature))
        assert not verifying_key(algorithm).verify_text(data, base64url.encode(mirrored))
