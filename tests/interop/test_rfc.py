"""The signatures printed in the RFCs verify through our primitives.

Those of RFC 7520 are read from files (LANYARD_VECTORS names the folder) and skipped where there are none.
"""

import json
import os
from pathlib import Path
from typing import Any

import joserfc.jwk
import pytest

from drf_lanyard.core import base64url
from drf_lanyard.core.algorithms import ALGORITHMS
from drf_lanyard.core.keys import Key

VECTORS = Path(os.environ.get("LANYARD_VECTORS") or Path(__file__).parents[3] / "shared" / "vectors")


def key_from_jwk(jwk: dict[str, Any], algorithm: str) -> Key:
    if jwk["kty"] == "oct":
        return Key.from_secret(base64url.decode(jwk["k"].encode()), algorithm)
    imported: Any = joserfc.jwk.import_key(jwk)
    return Key.from_pem(imported.as_pem(private=False), algorithm)


def check(key: Key, compact: str) -> None:
    signing_input, _, signature = compact.rpartition(".")
    raw = base64url.decode_canonical(signature.encode())
    assert key.verify(signing_input.encode(), raw)
    assert not key.verify(signing_input.encode() + b"x", raw)
    assert not key.verify(signing_input.encode(), raw[:-1] + bytes([raw[-1] ^ 1]))


def test_rfc_7515_appendix_a1() -> None:
    jwk = {
        "kty": "oct",
        "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    }
    check(
        key_from_jwk(jwk, "HS256"),
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    )


def test_rfc_8037_appendix_a4() -> None:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    key = key_from_jwk(jwk, "EdDSA")
    check(
        key,
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
        ".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    )
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"  # appendix A.3


def rfc7520() -> list[Any]:
    file = VECTORS / "jws_rfc7520.json"
    if not file.exists():
        reason = f"the vectors of RFC 7520 are not in {VECTORS.name}/; set LANYARD_VECTORS"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    tests = json.loads(file.read_text())["tests"]
    return [pytest.param(test, id=test["name"]) for test in tests if test["protected"]["alg"] in ALGORITHMS]


@pytest.mark.parametrize("vector", rfc7520())
def test_rfc_7520_section_4(vector: dict[str, Any]) -> None:
    algorithm = vector["protected"]["alg"]
    jwk = json.loads((VECTORS / "keys" / vector["public_key"]).read_text())
    check(key_from_jwk(jwk, algorithm), vector["compact"])
