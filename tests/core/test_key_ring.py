import json

import pytest

from drf_lanyard.core import base64url
from drf_lanyard.core.errors import ConfigurationError
from drf_lanyard.core.keys import Key, KeyRing
from tests.core.material import SECRET, private_pem, rsa_key, signing_key, verifying_key


def test_a_ring_finds_a_key_by_the_whole_header_and_publishes_no_secret() -> None:
    signing, accepted = signing_key("ES256"), [signing_key("HS256"), verifying_key("EdDSA")]
    ring = KeyRing(signing, iter(accepted))
    assert ring.signing is signing
    assert ring.keys == (signing, *accepted)
    for key in ring.keys:
        header = ring.header(key)
        assert ring.find(header) is key
        assert json.loads(base64url.decode(header.encode())) == {"alg": key.algorithm, "kid": key.kid, "typ": "at+jwt"}
        for other in (header[:-1], header + "=", header + " ", header.lower(), ""):
            assert ring.find(other) is None
    assert [jwk["kid"] for jwk in ring.jwks()["keys"]] == ["ES256-1", "EdDSA-1"]


def test_two_keys_with_one_id_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="Two keys have the id"):
        KeyRing(signing_key("HS256"), [Key.from_secret(SECRET[::-1], kid=signing_key("HS256").kid)])
    with pytest.raises(ConfigurationError, match="Two keys have the id"):
        KeyRing(signing_key("HS256"), [signing_key("ES256"), signing_key("ES256")])


def test_one_rsa_key_is_not_used_with_two_algorithms() -> None:
    """RFC 8725 section 3.1: the default id is the key's own, so the ring notices."""
    pem = private_pem(rsa_key())
    with pytest.raises(ConfigurationError, match="Two keys have the id"):
        KeyRing(Key.from_pem(pem, "RS256"), [Key.from_pem(pem, "PS256")])
