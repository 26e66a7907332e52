"""The npm package jose verifies our tokens: one process for all algorithms."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest

from drf_lanyard.core import base64url
from drf_lanyard.core.algorithms import ALGORITHMS
from tests.core.material import ASYMMETRIC, AUDIENCE, HMACS, ISSUER, SECRET, SESSION, signing_key
from tests.interop.conftest import CLAIMS, tampered

HERE = Path(__file__).parent
TIMEOUT = 120


def unavailable(reason: str) -> NoReturn:
    """A machine without Node may skip this; one that says it is CI may not."""
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(reason)
    pytest.skip(f"NOT CHECKED AGAINST jose: {reason}")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside the source tree with jose in the version that package.json pins."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        unavailable("node and npm are not on the PATH")
    folder = tmp_path_factory.mktemp("jose")
    for name in ("package.json", "verify.mjs"):
        shutil.copy(HERE / name, folder)
    command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=TIMEOUT, text=True)
    except subprocess.CalledProcessError as error:
        unavailable(f"npm install failed:\n{error.stderr}")
    except subprocess.TimeoutExpired:
        unavailable(f"npm install took longer than {TIMEOUT} s")
    return folder


@pytest.fixture(scope="module")
def results(
    project: Path, tokens: dict[str, str], published: dict[str, list[dict[str, str]]]
) -> dict[tuple[str, str], dict[str, Any]]:
    jobs: dict[tuple[str, str], dict[str, Any]] = {}
    for name, token in tokens.items():
        jwk = (
            {"kty": "oct", "k": base64url.encode(SECRET).decode()} if name in HMACS else signing_key(name).public_jwk()
        )
        jobs[name, "key"] = {"alg": name, "token": token, "jwk": jwk}
        jobs[name, "tampered"] = {"alg": name, "token": tampered(token), "jwk": jwk}
        jobs[name, "published"] = {"alg": name, "token": token}
    job = {"issuer": ISSUER, "audience": AUDIENCE, "jwks": published, "tokens": list(jobs.values())}
    done = subprocess.run(
        ["node", "verify.mjs"], cwd=project, input=json.dumps(job), capture_output=True, timeout=TIMEOUT, text=True
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(jobs, json.loads(done.stdout), strict=True))


def check(result: dict[str, Any], algorithm: str) -> None:
    assert "error" not in result, result
    kid = signing_key(algorithm).kid
    assert result["header"] == {"alg": algorithm, "kid": kid, "typ": "at+jwt"}
    claims = result["payload"]
    assert (claims["sub"], claims["sid"], claims["epoch"]) == ("42", str(SESSION), 3)
    assert {name: claims[name] for name in CLAIMS} == CLAIMS


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_jose_verifies_our_tokens(algorithm: str, results: dict[tuple[str, str], dict[str, Any]]) -> None:
    check(results[algorithm, "key"], algorithm)
    assert results[algorithm, "tampered"] == {"error": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"}


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_jose_finds_our_published_keys(algorithm: str, results: dict[tuple[str, str], dict[str, Any]]) -> None:
    check(results[algorithm, "published"], algorithm)


@pytest.mark.parametrize("algorithm", HMACS)
def test_no_secret_is_published(algorithm: str, results: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert "error" in results[algorithm, "published"]
