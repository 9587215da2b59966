"""Keys, the canonical form and signatures. The canonical form is held against RFC 8785's own example."""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from transcoder.verify.proof import canonical, check, fingerprint, load_or_make_key, read_public_key, sign
from transcoder.verify.statement import ProofError

STATEMENT: dict[str, object] = {
    "format": "transcoder verify statement 1",
    "verdict": "clean",
    "pictures": 3,
    "fps": 12.5,
    "text": {"ä": 1},
}


def test_order_of_names() -> None:
    """RFC 8785 section 3.2.3, the example of sorting."""
    data = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\x80": "Control",
        "\xf6": "Latin Small Letter O With Diaeresis",
    }
    expected = ["Carriage Return", "One", "Control", "Latin Small Letter O With Diaeresis", "Euro Sign",
                "Emoji: Grinning Face", "Hebrew Letter Dalet With Dagesh"]  # fmt: skip
    assert list(json.loads(canonical(data)).values()) == expected


def test_strings_and_literals() -> None:
    """RFC 8785 section 3.2.2, the example of strings and literals."""
    text = '\u20ac$\x0f\nA\'B"\\\\"/'
    expected = r'{"literals":[null,true,false],"string":"€$\u000f\nA' + "'" + r'B\"\\\\\"/"}'
    assert canonical({"string": text, "literals": [None, True, False]}).decode() == expected


@pytest.mark.parametrize(
    ("number", "text"), [(0.0, "0"), (-0.0, "0"), (10.0, "10"), (12.5, "12.5"), (0.002, "0.002"), (-3, "-3")]
)
def test_numbers_as_ecmascript_writes_them(number: float, text: str) -> None:
    assert canonical(number).decode() == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e-7, 1e21, 2**53, 10**400, b"bytes", {"a": "\ud800"}])
def test_what_has_no_canonical_form(value: object) -> None:
    with pytest.raises(ProofError):
        canonical(value)


def nested(levels: int) -> object:
    value: object = []
    for _ in range(levels):
        value = [value]
    return value


def test_depth_is_bounded() -> None:
    with pytest.raises(ProofError):
        canonical(nested(100_000))


def test_the_key_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    os.umask(0)
    path = tmp_path / "state" / "verify.key"
    key = load_or_make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(item.name for item in path.parent.iterdir()) == ["verify.key", "verify.key.pub"]
    assert load_or_make_key(path).private_bytes_raw() == key.private_bytes_raw()
    assert fingerprint(read_public_key(path.with_name("verify.key.pub"))) == fingerprint(key.public_key())


@pytest.fixture(autouse=True)
def _umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def kept(path: Path, data: object) -> Path:
    path.write_text(json.dumps(data))
    return path


def test_a_signature_holds_for_its_statement_and_its_key(tmp_path: Path) -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    signed = sign(STATEMENT, key)
    path = kept(tmp_path / "a.json", signed)
    assert check(path, key.public_key()) == STATEMENT
    with pytest.raises(ProofError, match="another key"):
        check(path, other.public_key())
    for change in ({"verdict": "unclean"}, {"pictures": 4}, {"more": 1}):
        with pytest.raises(ProofError, match="was changed"):
            check(kept(tmp_path / "b.json", signed | {"statement": STATEMENT | change}), key.public_key())


def test_the_key_in_the_file_is_not_believed(tmp_path: Path) -> None:
    forger = Ed25519PrivateKey.generate()
    path = kept(tmp_path / "a.json", sign(STATEMENT | {"verdict": "clean"}, forger))
    with pytest.raises(ProofError):
        check(path, Ed25519PrivateKey.generate().public_key())


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"statement": {}, "algorithm": "none", "signature": ""}', '{"a": 1, "a": 2}', "[" * 100_000,
     '{"statement": {"x": NaN}, "algorithm": "Ed25519", "signature": ""}',
     '{"statement": {}, "algorithm": "Ed25519", "signature": "!"}',
     '{"statement": {}, "algorithm": "Ed25519", "signature": "é"}',
     '{"statement": {"x": 1' + "0" * 400 + '}, "algorithm": "Ed25519", "signature": ""}',
     '{"statement": {}, "algorithm": "Ed25519", "signature": ""}'],
)  # fmt: skip
def test_files_that_are_no_statement(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(ProofError):
        check(tmp_path / "a.json", Ed25519PrivateKey.generate().public_key())


def test_keys_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.write_text("no key")
    for read in (load_or_make_key, read_public_key):
        with pytest.raises(ProofError, match="in PEM"):
            read(path)
    with pytest.raises(ProofError, match="can't be read"):
        read_public_key(tmp_path / "missing")
    with pytest.raises(ProofError, match="can't be used"):
        load_or_make_key(path / "below a file")


@pytest.mark.process
def test_another_program_checks_the_signature(tmp_path: Path) -> None:
    """OpenSSL, and the bytes put together by hand as the documentation says."""
    key = Ed25519PrivateKey.generate()
    signed = sign(STATEMENT, key)
    text = '{"format":"transcoder verify statement 1","fps":12.5,"pictures":3,"text":{"ä":1},"verdict":"clean"}'
    (tmp_path / "message").write_bytes(b"transcoder verify statement 1\n" + text.encode())
    (tmp_path / "signature").write_bytes(base64.b64decode(str(signed["signature"])))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pub").write_bytes(public)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pub", "-rawin", "-in", "message",
               "-sigfile", "signature"]  # fmt: skip
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=20, cwd=tmp_path)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    assert (done.returncode, done.stdout.strip()) == (0, "Signature Verified Successfully")
