"""Reading keys out of PEM and DER. It imports `cryptography`: see `algorithms`."""

from collections.abc import Callable
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import load_der_x509_certificate

from .errors import ConfigurationError

_LOADERS: tuple[Callable[[bytes], object], ...] = (
    serialization.load_der_public_key,
    lambda der: serialization.load_der_private_key(der, None),
    load_der_x509_certificate,
)


def load_pem(pem: bytes | str, password: bytes | str | None) -> Any:
    """A key object of `cryptography`. Raises ConfigurationError.

    The messages of the errors of `cryptography` are not passed on: they may quote the key.
    """
    raw = pem.encode() if isinstance(pem, str) else pem
    secret = password.encode() if isinstance(password, str) else password
    try:
        if b"PRIVATE KEY-----" in raw:
            return serialization.load_pem_private_key(raw, secret)
        return serialization.load_pem_public_key(raw)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError("The key is not a readable PEM, or its password is wrong or missing.") from None


def is_der(data: bytes) -> bool:
    """Whether it is a key or a certificate."""
    return any(_loads(loader, data) for loader in _LOADERS)


def _loads(loader: Callable[[bytes], object], data: bytes) -> bool:
    try:
        loader(data)
    except TypeError:  # an encrypted private key: it was recognised, only not opened
        return True
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True
