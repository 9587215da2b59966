"""A report is written as signed data, as a page and as a table, and its signature is checked."""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from transcoder.assets.exporting import table_text
from transcoder.errors import TranscoderError
from transcoder.report.dataset import FORMAT, Report
from transcoder.report.page import page
from transcoder.report.texts import Texts
from transcoder.verify.proof import check, fingerprint, read_public_key, read_signed, sign
from transcoder.verify.statement import ProofError

DATA: Final = "report.json"
PAGE: Final = "report.html"
TABLE: Final = "assets.csv"
_TOLD: Final = ("audience", "node", "at")
"""The members that a check repeats; whoever has a key can sign anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Says what the check of a report found.

    Attributes:
        is_signed: whether a key signed exactly these data.
        fingerprint: the fingerprint of the key.
        is_trusted: whether the key came from elsewhere than the report itself.
        statement: the data, where they are signed.
    """

    is_signed: bool
    fingerprint: str
    is_trusted: bool
    statement: dict[str, Any]


def write_report(report: Report, texts: Texts, key: Ed25519PrivateKey, folder: Path) -> tuple[Path, ...]:
    """Write a report into a folder; files of an earlier one are replaced, each whole.

    Args:
        report: the report.
        texts: the words of the page's language.
        key: the key that signs the data.
        folder: the folder; it is made where it is missing.

    Returns:
        The paths of the files.

    Raises:
        TranscoderError: a file can't be written.
    """
    data = json.dumps(sign(report.to_dict(texts.language), key, FORMAT), ensure_ascii=False, indent=1) + "\n"
    listed = report.figure("assets", "assets")
    rows = [dict(zip(listed.columns, map(_text, row), strict=True)) for row in listed.rows]
    contents = {
        DATA: data,
        PAGE: page(report, texts, fingerprint(key.public_key())),
        TABLE: table_text(listed.columns, rows),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            _write(folder / name, content, 0o644 if report.audience == "public" else 0o600)
    except OSError as error:
        raise TranscoderError(f"the report can't be written to {folder}: {error.strerror or error}") from None
    return tuple(folder / name for name in contents)


def _write(path: Path, content: str, mode: int) -> None:
    written = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        file = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(file, "w", encoding="utf-8", newline="") as stream:
            stream.write(content)
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)


def check_report(path: Path, key_path: Path | None) -> Checked:
    """Check the signature of a report.

    Args:
        path: the signed data.
        key_path: the public key in PEM; None: the key that the report names, which proves no more than that nothing
            was changed by whoever has not the key.

    Raises:
        ProofError: the file is no report, or the key can't be used.
    """
    signed = read_signed(path)
    told = signed["statement"]
    if told.get("format") != FORMAT or not all(isinstance(told.get(name), str) for name in _TOLD):
        raise ProofError(f"{path} is no report of this kind")
    key = read_public_key(key_path) if key_path is not None else _own_key(path, signed)
    try:
        statement, is_signed = check(path, key, FORMAT), True
    except ProofError:
        statement, is_signed = {}, False
    return Checked(
        is_signed=is_signed, fingerprint=fingerprint(key), is_trusted=key_path is not None, statement=statement
    )


def _own_key(path: Path, signed: dict[str, Any]) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(str(signed.get("public_key")), validate=True))
    except ValueError:
        raise ProofError(f"{path} names no public key: give --key") from None
