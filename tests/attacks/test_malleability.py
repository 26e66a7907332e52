"""One token has one spelling: what was revoked or remembered cannot come back in other clothes."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from drf_lanyard.core import algorithms
from drf_lanyard.core.algorithms import ALGORITHMS
from tests.attacks.refusals import invalid
from tests.core.material import CURVES, FAMILIES, NOW, door, mint, rsa_key, segment, signing_key


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_other_spellings_of_a_token_are_refused(family: str, remembered: bool) -> None:
    tokens = door(signing_key(family))
    token = mint(tokens)
    if remembered:
        tokens.verify(token, NOW)
    head, body, signature = token.split(".")
    spaces = [" ", "\n", "\r\n", "\t", "\v", "\f"]
    changed = [token + "=", token + "==", head + "=." + body + "." + signature, f"{head}.{body}==.{signature}"]
    changed += [token + space for space in spaces] + [space + token for space in spaces]
    changed += [f"{head}.{body}.{space}{signature}" for space in spaces] + [
        f"{head}.{body}{space}.{signature}" for space in spaces
    ]
    changed += [
        f"{head}.{body}.{signature[:5]}\n{signature[5:]}",
        token.upper(),
        token.lower(),
        "Bearer " + token,
        f'"{token}"',
    ]
    for other in changed:
        invalid(tokens, other)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_alphabet_of_plain_base64_is_refused(family: str) -> None:
    tokens = door(signing_key(family))
    for _ in range(500):
        token = mint(tokens)
        head, body, signature = token.split(".")
        if {"-", "_"} & set(signature):
            break
    invalid(tokens, f"{head}.{body}.{signature.translate(str.maketrans('-_', '+/'))}")


@pytest.mark.parametrize("family", ["HS256", "RS256", "ES512", "EdDSA"])
def test_trailing_bits_are_refused(family: str) -> None:
    """The same signature, byte for byte, with bits set that decoding drops."""
    tokens = door(signing_key(family))
    token = mint(tokens)
    signature = token.rpartition(".")[2]
    raw = base64.urlsafe_b64decode(signature + "==")
    unused = {1: 4, 2: 2, 0: 0}[len(raw) % 3]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1])
    twins = [alphabet[last ^ bits] for bits in range(1, 1 << unused)]
    assert all(base64.urlsafe_b64decode(signature[:-1] + twin + "==") == raw for twin in twins)
    for twin in twins:
        invalid(tokens, token[:-1] + twin)
    assert bool(twins) == bool(len(raw) % 3)


@pytest.mark.parametrize("algorithm", CURVES)
def test_the_mirrored_ecdsa_signature_is_refused(algorithm: str) -> None:
    """(r, n - s) is as genuine as (r, s); it would be a second token with the same claims."""
    curve = ALGORITHMS[algorithm]
    assert isinstance(curve, algorithms.Ecdsa)
    tokens = door(signing_key(algorithm))
    head, body, signature = mint(tokens).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    half = len(raw) // 2
    mirrored = raw[:half] + (curve.order - int.from_bytes(raw[half:])).to_bytes(half)
    invalid(tokens, f"{head}.{body}.{segment(mirrored)}")


@pytest.mark.parametrize("algorithm", CURVES)
def test_ecdsa_signatures_of_another_form_are_refused(algorithm: str) -> None:
    curve = ALGORITHMS[algorithm]
    assert isinstance(curve, algorithms.Ecdsa)
    tokens = door(signing_key(algorithm))
    head, body, signature = mint(tokens).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    half = len(raw) // 2
    r, s = int.from_bytes(raw[:half]), int.from_bytes(raw[half:])
    zero, order = b"\0" * half, curve.order.to_bytes(half)
    forms = [
        encode_dss_signature(r, s),
        zero + zero,  # CVE-2022-21449
        zero + raw[half:],
        raw[:half] + zero,
        order + raw[half:],
        order + order,
        b"\0" + raw[:half] + b"\0" + raw[half:],
        raw + b"\0",
        raw[:half] + b"\0" + raw[half:],
        raw[:-1],
        raw[half:] + raw[:half],
    ]
    for form in forms:
        invalid(tokens, f"{head}.{body}.{segment(form)}")


def test_a_signature_beyond_the_modulus_or_the_group_is_refused() -> None:
    """s + n for RSA and S + L for Ed25519 (RFC 8032 section 5.1.7) mean the same number."""
    tokens = door(signing_key("RS256"))
    head, body, signature = mint(tokens).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    longer = (int.from_bytes(raw) + rsa_key().public_key().public_numbers().n).to_bytes(257)
    for form in (longer, longer[1:], b"\0" + raw):
        invalid(tokens, f"{head}.{body}.{segment(form)}")

    tokens = door(signing_key("EdDSA"))
    head, body, signature = mint(tokens).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    group = 2**252 + 27742317777372353535851937790883648493
    shifted = (int.from_bytes(raw[32:], "little") + group).to_bytes(32, "little")
    invalid(tokens, f"{head}.{body}.{segment(raw[:32] + shifted)}")


def test_white_space_in_a_revoked_token_does_not_make_it_new() -> None:
    """Revocation goes by the ids in the claims, so both readings of a token name the same session."""
    tokens = door()
    token = mint(tokens)
    credential = tokens.verify(token, NOW).credential
    assert tokens.verify(str(token.encode(), "ascii"), NOW).credential == credential
    invalid(tokens, token + "\n")
