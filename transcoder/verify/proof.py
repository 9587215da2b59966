"""A statement is signed with Ed25519 (RFC 8032), so that whoever has the public key knows who made it.

The signature covers the line `transcoder verify statement 1`, a newline, and the statement in the canonical form of RFC
8785: UTF-8, no white space, the members of each object in the order of their names as UTF-16, numbers as ECMAScript
writes them. A statement holds no numbers but integers and decimals of three places, which Python and ECMAScript write
alike. The file that is kept holds `statement`, `algorithm`, `public_key` and `signature`, the latter two in base64.
"""

import base64
import contextlib
import hashlib
import json
import math
import os
import secrets
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from transcoder.regular_file import read_regular
from transcoder.verify.statement import FORMAT, ProofError

ALGORITHM: Final = "Ed25519"
PUBLIC_SUFFIX: Final = ".pub"
"""The public key lies beside the key, under its name with this at the end."""
MAX_FILE: Final = 16 << 20
"""Bytes of a signed statement at most: a statement's lists are bounded, and the largest seen is under 1 MiB."""
_SAFE_INTEGER: Final = 2**53
"""Integers from here on are no numbers of ECMAScript (RFC 8785 section 3.2.2.3)."""


# -- canonical form ----------------------------------------------------------------------------------------------------


def canonical(value: object) -> bytes:
    """Return a value in the canonical form of RFC 8785.

    Raises:
        ProofError: the value holds a number that is not written alike everywhere, or is no JSON.
    """
    try:
        return _canonical(value).encode()
    except (UnicodeEncodeError, RecursionError):
        raise ProofError("no statement: it can't be written as JSON") from None


def _canonical(value: object) -> str:
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{_canonical(name)}:{_canonical(value[name])}" for name in names) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _SAFE_INTEGER:
        raise ProofError("no statement: it holds a number that is too large")
    if value is None or isinstance(value, str | int):
        return json.dumps(value, ensure_ascii=False)
    raise ProofError(f"no statement: {type(value).__name__} is no type of JSON")


def _number(value: float) -> str:
    if not math.isfinite(value) or abs(value) >= _SAFE_INTEGER or (value and abs(value) < 1e-3):
        raise ProofError("no statement: it holds a number that is not written alike everywhere")
    return str(int(value)) if value.is_integer() else repr(value)


def _signed_bytes(statement: object, form: str) -> bytes:
    return form.encode() + b"\n" + canonical(statement)


# -- keys --------------------------------------------------------------------------------------------------------------


def load_or_make_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in a file; where there is none, make one, for its owner alone, and its public key beside it.

    Raises:
        ProofError: the file can't be read or made, or holds no Ed25519 key.
    """
    try:
        if not path.exists():
            _make_key(path)
        data = _read(path, 1 << 16)
    except OSError as error:
        raise ProofError(f"the key {path} can't be used: {error.strerror or error}") from None
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ProofError(f"{path} holds no private key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ProofError(f"the key in {path} is not of {ALGORITHM}")
    return key


def new_key() -> Ed25519PrivateKey:
    """Return a key that is kept nowhere."""
    return Ed25519PrivateKey.generate()


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = new_key()
    # the key appears under its name whole, and never over a key that somebody made meanwhile
    written = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    _write_new(written, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(written, path)
            public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            public_path = path.with_name(path.name + PUBLIC_SUFFIX)
            public_path.unlink(missing_ok=True)  # of a key that is gone
            _write_new(public_path, public, 0o644)
    finally:
        written.unlink()


def _write_new(path: Path, data: bytes, mode: int) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(file, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(file)


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Return the public key in a PEM file.

    Raises:
        ProofError: the file can't be read or holds no such key.
    """
    try:
        key = load_pem_public_key(_read(path, 1 << 16))
    except OSError as error:
        raise ProofError(f"the public key {path} can't be read: {error.strerror or error}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ProofError(f"{path} holds no public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ProofError(f"the key in {path} is not of {ALGORITHM}")
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the first 32 hexadecimal digits of the SHA-256 of a public key, by which people tell keys apart."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:32]


def _read(path: Path, limit: int) -> bytes:
    try:
        return read_regular(path, limit)
    except ValueError:
        raise ProofError(f"{path} is larger than {limit} bytes") from None


# -- signatures --------------------------------------------------------------------------------------------------------


def sign(statement: dict[str, object], key: Ed25519PrivateKey, form: str = FORMAT) -> dict[str, object]:
    """Return a statement with its signature.

    Args:
        statement: the statement.
        key: the key.
        form: the line that says what kind of statement it is, so that none passes for one of another kind.

    Raises:
        ProofError: the statement has no canonical form.
    """
    return {
        "statement": statement,
        "algorithm": ALGORITHM,
        "public_key": base64.b64encode(key.public_key().public_bytes_raw()).decode(),
        "signature": base64.b64encode(key.sign(_signed_bytes(statement, form))).decode(),
    }


def check(path: Path, key: Ed25519PublicKey, form: str = FORMAT) -> dict[str, Any]:
    """Return the statement of a file, if this key signed it.

    The public key in the file is not asked: whoever changes a statement can put a key of his own there.

    Args:
        path: the file.
        key: the key.
        form: the kind of statement, as it was signed.

    Raises:
        ProofError: the file holds no statement that this key signed.
    """
    data = read_signed(path)
    statement: dict[str, Any] = data["statement"]
    try:
        key.verify(base64.b64decode(str(data.get("signature")), validate=True), _signed_bytes(statement, form))
    except ValueError:  # other text than ASCII as well as what is no base64
        raise ProofError(f"the signature of {path} is no base64") from None
    except InvalidSignature:
        raise ProofError(f"the statement of {path} was changed, or another key signed it") from None
    return statement


def read_signed(path: Path) -> dict[str, Any]:
    """Return what a signed file holds, whoever signed it.

    Raises:
        ProofError: the file can't be read, or is no signed statement.
    """
    try:
        data = json.loads(_read(path, MAX_FILE), object_pairs_hook=_unique, parse_constant=_refuse)
    except OSError as error:
        raise ProofError(f"{path} can't be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise ProofError(f"{path} is no signed statement: it is no JSON, or names something twice") from None
    statement = data.get("statement") if isinstance(data, dict) else None
    if not isinstance(statement, dict) or data.get("algorithm") != ALGORITHM:
        raise ProofError(f"{path} is no signed statement")
    return {**data}


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
