"""Settings: defaults, types, late reading, derived keys."""

import hmac
import random
from dataclasses import FrozenInstanceError
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.test import override_settings

from drf_lanyard.conf import DEFAULTS, Rate, Settings, Throttle, get_settings, problems
from drf_lanyard.conf.keys import hkdf
from drf_lanyard.conf.methods import ApiTokenOptions, CookieOptions
from drf_lanyard.conf.names import SIMPLEJWT
from drf_lanyard.core.errors import ConfigurationError
from drf_lanyard.core.policy import Policy


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


P256 = ec.generate_private_key(ec.SECP256R1())
HMAC_SECRET = "a secret with more than thirty-two bytes in it"


def claims(user, session):
    return {"who": user.pk}


def with_settings(**lanyard: object) -> Settings:
    with override_settings(LANYARD=lanyard):
        return get_settings()


def refusal(**lanyard: object) -> str:
    with override_settings(LANYARD=lanyard), pytest.raises(ConfigurationError) as caught:
        get_settings()
    return str(caught.value)


def test_a_project_needs_no_settings() -> None:
    with override_settings():
        found = get_settings()
    assert found.policy == Policy()
    assert found.throttle == Throttle()
    assert (found.claims, found.user_serializer, found.password_reset_url) == (None, None, None)
    assert found.user_loading == "lazy"
    assert found.num_proxies == 0
    assert found.keys.signing.algorithm == "HS256"


def test_writing_every_default_changes_nothing() -> None:
    plain, written = with_settings(), with_settings(**DEFAULTS)
    same = [name for name in Settings.__slots__ if name != "keys"]
    assert [getattr(plain, name) for name in same] == [getattr(written, name) for name in same]
    assert plain.keys.signing.kid == written.keys.signing.kid


def test_settings_are_frozen_and_show_no_secret() -> None:
    found = with_settings(PUSH_URL="redis://:hunter2@127.0.0.1/0")
    with pytest.raises(FrozenInstanceError):
        found.issuer = "other"  # type: ignore[misc]
    assert "hunter2" not in repr(found)
    assert repr(found.refresh_secrets[0]) not in repr(found)


def test_settings_are_read_late_and_cached() -> None:
    before = get_settings()
    assert get_settings() is before
    with override_settings(LANYARD={"ISSUER": "shop"}):
        assert get_settings().issuer == "shop"
        with override_settings(SECRET_KEY="another key that is long enough for everything"):
            assert get_settings().keys.signing.kid != before.keys.signing.kid
    assert get_settings().issuer == before.issuer


@pytest.mark.parametrize(
    ("key", "attribute", "written", "read"),
    [
        ("ACCESS_TOKEN_LIFETIME", "access_lifetime", timedelta(minutes=2), 120.0),
        ("REFRESH_TOKEN_LIFETIME", "refresh_lifetime", timedelta(days=1), 86400.0),
        ("SESSION_LIFETIME", "session_lifetime", None, None),
        ("REFRESH_GRACE", "refresh_grace", 0, 0.0),
        ("LEASE", "lease", 0.5, 0.5),
        ("READ_TIMEOUT", "read_timeout", 3, 3.0),
        ("LEEWAY", "leeway", timedelta(0), 0.0),
        ("MAX_SESSIONS", "max_sessions", 3, 3),
    ],
)
def test_the_policy_is_built_from_seconds_and_timedeltas(key, attribute, written, read) -> None:
    assert getattr(with_settings(**{key: written}).policy, attribute) == read


@pytest.mark.parametrize(
    ("key", "attribute", "written", "read"),
    [
        ("ISSUER", "issuer", "https://api.example.com", "https://api.example.com"),
        ("AUDIENCE", "audience", "shop", "shop"),
        ("TRANSPORTS", "transports", ["bearer"], ("bearer",)),
        ("BEARER_ORIGINS", "bearer_origins", ["capacitor://localhost"], ("capacitor://localhost",)),
        ("TRUSTED_ORIGINS", "trusted_origins", ("https://a.example:8443",), ("https://a.example:8443",)),
        ("CLAIMS", "claims", claims, claims),
        ("CLAIMS", "claims", f"{__name__}.claims", claims),
        ("USER_LOADING", "user_loading", "eager", "eager"),
        ("NUM_PROXIES", "num_proxies", 2, 2),
        ("PUSH_URL", "push_url", "postgres", "postgres"),
        ("COOKIE", "cookie", {"NAME": "shop"}, CookieOptions(name="shop")),
        ("API_TOKEN", "api_token", {"PREFIX": "shop_"}, ApiTokenOptions(prefix="shop_")),
        ("PASSWORD_RESET_URL", "password_reset_url", "shop://r/{uid}/{token}", "shop://r/{uid}/{token}"),
    ],
)
def test_each_setting_reaches_its_field(key, attribute, written, read) -> None:
    assert getattr(with_settings(**{key: written}), attribute) == read


def test_a_serializer_is_given_by_class_or_path() -> None:
    from rest_framework.serializers import Serializer

    assert with_settings(USER_SERIALIZER=Serializer).user_serializer is Serializer
    assert with_settings(USER_SERIALIZER="rest_framework.serializers.Serializer").user_serializer is Serializer


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[(key, value) for key in ("ISSUER", "AUDIENCE") for value in ("", None, 5, "x" * 256)],
        *[
            (key, value)
            for key in ("ACCESS_TOKEN_LIFETIME", "LEASE", "REFRESH_GRACE")
            for value in ("300", None, True, -1, float("nan"), float("inf"), timedelta(seconds=-1))
        ],
        ("ACCESS_TOKEN_LIFETIME", 0.5),
        ("LEASE", 0),
        ("SESSION_LIFETIME", 0),
        ("MAX_SESSIONS", 0),
        ("MAX_SESSIONS", 1.0),
        ("MAX_SESSIONS", True),
        ("NUM_PROXIES", None),
        ("NUM_PROXIES", -1),
        ("TRANSPORTS", "bearer"),
        ("TRANSPORTS", []),
        ("TRANSPORTS", ["bearer", "bearer"]),
        ("TRANSPORTS", ["carrier pigeon"]),
        ("USER_LOADING", "Lazy"),
        ("USER_LOADING", ["lazy"]),
        ("CLAIMS", "tests.edge.test_conf.missing"),
        ("CLAIMS", "claims"),
        ("CLAIMS", {"role": "admin"}),
        ("USER_SERIALIZER", dict),
        ("USER_SERIALIZER", "no.such.module.Serializer"),
        ("PUSH_URL", "http://127.0.0.1"),
        ("COOKIE", None),
        ("API_TOKEN", {1: 2}),
        ("API_TOKEN", {"PREFIX": "has space_"}),
        ("API_TOKEN", {"LIFETIME": "soon"}),
        ("COOKIE", {"NAME": "a;b"}),
        ("COOKIE", {"PATH": "/"}),
        ("THROTTLE", "20/min"),
        ("THROTTLE", {"logins": "20/min"}),
        *[("THROTTLE", {"login_address": rate}) for rate in ("0/min", "20", "20/fortnight", 20, "20/min\n", "-1/min")],
        *[
            (key, [origin])
            for key in ("BEARER_ORIGINS", "TRUSTED_ORIGINS")
            for origin in (
                "https://a.example/",
                "https://a.example:443",
                "https://a.example:99999",
                "https://*.example",
                "https://A.example",
                "a.example",
                "null",
                "*",
                "https://a.example\n",
                "https://u@a.example",
            )
        ],
        ("TRUSTED_ORIGINS", "https://a.example"),
        *[
            ("PASSWORD_RESET_URL", url)
            for url in (
                "/reset/{uid}/{token}",
                "https://a.example/{uid}",
                "https://a.example/{uid}/{token}/{site}",
                "https://a.example/{uid}/{token}/{",
                "https://a.example/{}/{uid}/{token}",
                5,
            )
        ],
    ],
)
def test_a_bad_value_is_refused_by_name_and_reported(key, value) -> None:
    assert refusal(**{key: value}).startswith(f"LANYARD: {key}")
    with override_settings(LANYARD={key: value}):
        (problem,) = problems()
    assert problem.key == key
    assert problem.kind in {"value", "import"}
    assert problem.hint


def test_a_contradiction_names_the_settings() -> None:
    message = refusal(ACCESS_TOKEN_LIFETIME=600, REFRESH_TOKEN_LIFETIME=300)
    assert "ACCESS_TOKEN_LIFETIME must not exceed REFRESH_TOKEN_LIFETIME" in message


def test_every_problem_is_reported_at_once() -> None:
    with override_settings(LANYARD={"ISSUER": 1, "LEASE": "x", "TYPO": 1}):
        assert {problem.key for problem in problems()} == {"ISSUER", "LEASE", "TYPO"}


def test_lanyard_must_be_a_dictionary() -> None:
    with override_settings(LANYARD=["ISSUER"]):
        assert [problem.key for problem in problems()] == ["LANYARD"]
        with pytest.raises(ConfigurationError):
            get_settings()


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("ACCESS_LIFETIME", "'ACCESS_TOKEN_LIFETIME'"),
        ("issuer", "'ISSUER'"),
        ("TRUSTED_ORIGIN", "'TRUSTED_ORIGINS'"),
        ("SIGNING_KEY", "SIGNING_KEYS"),
        ("ROTATE_REFRESH_TOKENS", "always rotated"),
        ("xyzzy", "The settings are: ISSUER"),
        (5, "texts"),
    ],
)
def test_an_unknown_key_suggests_what_was_meant(key, hint) -> None:
    with override_settings(LANYARD={key: 1}):
        (problem,) = problems()
    assert problem.kind == "unknown"
    assert hint in problem.hint


def test_simplejwts_settings_that_exist_here_are_not_called_unknown() -> None:
    assert not SIMPLEJWT.keys() & DEFAULTS.keys()
    with override_settings(LANYARD={"ACCESS_TOKEN_LIFETIME": timedelta(minutes=5), "ISSUER": "me", "LEEWAY": 0}):
        assert problems() == []


# Throttle


def test_rates() -> None:
    rates = with_settings(THROTTLE={"login_address": "20/min", "login_account": "5/5min"}).throttle
    assert rates.login_address == Rate(limit=20, window=60)
    assert rates.login_account == Rate(limit=5, window=300)
    assert rates.password_reset_address == Throttle().password_reset_address


@pytest.mark.parametrize(("text", "window"), [("3/s", 1), ("3/10sec", 10), ("3/hours", 3600), ("3/2d", 172800)])
def test_units(text, window) -> None:
    assert with_settings(THROTTLE={"login_address": text}).throttle.login_address == Rate(3, window)


def test_limits_can_be_turned_off_one_by_one_or_all() -> None:
    assert with_settings(THROTTLE={"login_address": None}).throttle.login_address is None
    off = with_settings(THROTTLE=None).throttle
    assert all(getattr(off, name) is None for name in Throttle.__slots__)


# Keys


def test_the_first_key_signs_and_the_rest_are_accepted() -> None:
    ring = with_settings(
        SIGNING_KEYS=[
            {"algorithm": "ES256", "key": pem(P256), "kid": "new"},
            {"algorithm": "HS256", "key": HMAC_SECRET, "kid": "old"},
        ]
    ).keys
    assert (ring.signing.kid, ring.signing.algorithm) == ("new", "ES256")
    assert [key.kid for key in ring.keys] == ["new", "old"]


def test_the_derived_key_can_be_listed_while_another_takes_over() -> None:
    derived = with_settings().keys
    assert len(derived.keys) >= 1

    both = with_settings(SIGNING_KEYS=[{"algorithm": "ES256", "key": pem(P256)}, "SECRET_KEY"]).keys

    assert both.signing.algorithm == "ES256"
    assert [key.kid for key in both.keys[1:]] == [key.kid for key in derived.keys]
    assert with_settings(SIGNING_KEYS=["SECRET_KEY"]).keys.signing.kid == derived.signing.kid


def test_an_encrypted_key_takes_its_password() -> None:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

    locked = P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")).decode()
    entry = {"algorithm": "ES256", "key": locked}
    assert with_settings(SIGNING_KEYS=[{**entry, "password": "open sesame"}]).keys.signing.can_sign
    assert "open sesame" not in refusal(SIGNING_KEYS=[{**entry, "password": "wrong"}])


WEAK_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)


@pytest.mark.parametrize(
    "keys",
    [
        "a secret that is a bare text instead of a list",
        {"algorithm": "HS256", "key": HMAC_SECRET},
        [HMAC_SECRET],
        [{"key": HMAC_SECRET}],
        [{"algorithm": "HS256", "key": HMAC_SECRET, "use": "sig"}],
        [{"algorithm": "HS256", "key": "short"}],
        [{"algorithm": "HS512", "key": HMAC_SECRET}],
        [{"algorithm": "none", "key": HMAC_SECRET}],
        [{"algorithm": ["HS256"], "key": HMAC_SECRET}],
        [{"algorithm": "HS256", "key": None}],
        [{"algorithm": "HS256", "key": public_pem(P256)}],
        [{"algorithm": "RS256", "key": pem(P256)}],
        [{"algorithm": "RS256", "key": pem(WEAK_RSA)}],
        [{"algorithm": "ES384", "key": pem(P256)}],
        [{"algorithm": "ES256", "key": public_pem(P256)}],
        [{"algorithm": "ES256", "key": pem(P256), "password": 5}],
        [{"algorithm": "ES256", "key": pem(P256), "kid": ""}],
        [{"algorithm": "ES256", "key": pem(P256)}, {"algorithm": "ES256", "key": public_pem(P256)}],
    ],
)
def test_a_key_that_cannot_be_used_is_refused_without_quoting_it(keys) -> None:
    message = refusal(SIGNING_KEYS=keys)
    assert message.startswith("LANYARD: SIGNING_KEYS")
    assert HMAC_SECRET not in message
    assert "PRIVATE KEY" not in message
    with override_settings(LANYARD={"SIGNING_KEYS": keys}):
        assert [problem.kind for problem in problems()] == ["key"]


def test_derived_keys_are_apart_from_each_other_and_from_the_secret_key() -> None:
    key = "".join(random.Random(1).choices("abcdefgh", k=60))
    with override_settings(SECRET_KEY=key):
        found = get_settings()
    assert [len(secret) for secret in found.refresh_secrets] == [32]
    assert found.refresh_secrets[0] not in key.encode()
    # Signing with the refresh secret, or with SECRET_KEY itself, is not what the ring accepts.
    signature = found.keys.signing.sign(b"data")
    from drf_lanyard.core.keys import Key

    for other in (found.refresh_secrets[0], key):
        assert not Key.from_secret(other).verify(b"data", signature)


def cryptography_hkdf(secret: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)


def test_hkdf_is_that_of_rfc_5869() -> None:
    """Appendix A.3, the one vector of SHA-256 without a salt: the first 32 of its 42 bytes."""
    known = bytes.fromhex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")
    assert hkdf(b"\x0b" * 22, b"") == known
    for secret in (b"", b"s", b"s" * 63, b"s" * 64, b"s" * 65, bytes(range(256)) * 4):
        for info in (b"", b"drf-lanyard v1 refresh token secret", bytes(range(256))):
            assert hkdf(secret, info) == cryptography_hkdf(secret, info)


def test_derived_keys_are_the_same_in_every_version() -> None:
    """A rolling deploy: neighbouring versions share tokens, so neither may derive anything else.

    The expected values come from a second implementation of RFC 5869.
    """
    secret = b"a key of more than thirty-two bytes, for good"
    with override_settings(SECRET_KEY=secret.decode()):
        found = get_settings()
    assert found.refresh_secrets == (cryptography_hkdf(secret, b"drf-lanyard v1 refresh token secret"),)
    signing = cryptography_hkdf(secret, b"drf-lanyard v1 access token signing key")
    assert found.keys.signing.sign(b"data") == hmac.digest(signing, b"data", "sha256")


def test_fallbacks_of_the_secret_key_are_accepted_and_do_not_sign() -> None:
    old, new = "the old secret key, of more than 32 bytes", "the new secret key, of more than 32 bytes"
    with override_settings(SECRET_KEY=old):
        before = get_settings()
    with override_settings(SECRET_KEY=new, SECRET_KEY_FALLBACKS=[old, new, old]):
        after = get_settings()
    assert [key.kid for key in after.keys.keys[1:]] == [before.keys.signing.kid]
    assert after.refresh_secrets[1:] == before.refresh_secrets


def test_own_signing_keys_leave_nothing_derived_in_the_ring() -> None:
    found = with_settings(SIGNING_KEYS=[{"algorithm": "ES256", "key": pem(P256)}])
    assert [key.algorithm for key in found.keys.keys] == ["ES256"]
    assert found.refresh_secrets == with_settings().refresh_secrets
