"""The manifest of a backup: every file of the archive with its size and SHA-256, and the facts that a restore needs."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from transcoder.config.include import MAX_FILE_BYTES, MAX_FILES
from transcoder.errors import TranscoderError
from transcoder.text import CONTROL_CHARACTER

MANIFEST_NAME: Final = "manifest.json"
FORMAT: Final = "transcoder-backup"
VERSION: Final = 1
"""The version of the archive's form."""
MAX_MANIFEST_BYTES: Final = 4 << 20
"""Bytes of a manifest at most: that of 8,192 files with names of 300 characters."""
MAX_MEMBERS: Final = 2 * MAX_FILES
"""Files of an archive at most: as many as a configuration may include, each with a secret."""
MAX_STATE_BYTES: Final = 16 << 30
"""Bytes of a database at most: a hundred years of 1,000 audit records a day."""
MAX_DEPTH: Final = 128
"""Folders of a name at most, so that no path is too long, and none has to be gone down without an end."""
STAGED: Final = ".restored"
"""What the names of files end with until a restore moves them into their places."""
STATE_FILES: Final = ("state.sqlite", "verify.key", "verify.key.pub")
"""The files of the state: changes, audit log and verdicts; the key that signs verdicts, and its public key."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class BackupError(TranscoderError):
    """A backup can't be made, or is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Holds what the manifest says of one file.

    Attributes:
        name: the name in the archive: `config/` or `state/`, then the path in that folder.
        bytes: the size of the file.
        sha256: the digest of the file, in hex.
    """

    name: str
    bytes: int
    sha256: str

    @property
    def place(self) -> tuple[str, PurePosixPath]:
        """Return "config" or "state", and the path below that folder."""
        folder, _, path = self.name.partition("/")
        return folder, PurePosixPath(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Holds what is known of a backup.

    Attributes:
        made_at: the time of the backup, UTC, RFC 3339.
        made_by: the version of the product.
        node: the gateway's name.
        configuration: the name of the configuration file, below `config/`.
        state_dir: the folder of the state: relative to the configuration's folder where it lies in it, else absolute;
            None where nothing is kept.
        records: the number of records of the audit log.
        head: the hash of the newest record, "" without a database.
        files: every other file of the archive.
    """

    made_at: str
    made_by: str
    node: str
    configuration: str
    state_dir: str | None
    records: int
    head: str
    files: tuple[Member, ...]

    def to_json(self) -> bytes:
        """Return the manifest as it stands in the archive."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, indent=1).encode()


def read_manifest(content: bytes) -> Manifest:
    """Read a manifest, and refuse every name that leads out of its folder.

    Raises:
        BackupError: the content is no manifest, or one of a newer version, or names a file that no backup has.
    """
    try:
        found: dict[str, Any] = json.loads(content)
        _check_version(found)
        names = ("made_at", "made_by", "node", "configuration", "state_dir", "records", "head")
        manifest = Manifest(
            **{name: found[name] for name in names}, files=tuple(Member(**each) for each in found["files"])
        )
        _check_types(manifest)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BackupError(f"it is no backup: {MANIFEST_NAME} is damaged") from None
    _check_names(manifest)
    return manifest


def _check_version(found: dict[str, Any]) -> None:
    if found["format"] != FORMAT:
        raise ValueError
    if found["version"] > VERSION:
        raise BackupError(f"it was made by a newer version ({printable_version(found.get('made_by'))}): update first")


def printable_version(version: object) -> str:
    """Return a version as far as it is one."""
    return version if isinstance(version, str) and re.fullmatch(r"[0-9A-Za-z.+-]{1,32}", version) else "unknown"


def _check_types(manifest: Manifest) -> None:
    """Check what a dataclass does not.

    Raises:
        ValueError: a value is of another type.
    """
    texts = (manifest.made_at, manifest.made_by, manifest.node, manifest.configuration, manifest.head)
    numbers = (manifest.records, *(member.bytes for member in manifest.files))
    if not all(
        isinstance(text, str) and not CONTROL_CHARACTER.search(text) for text in (*texts, manifest.state_dir or "")
    ):
        raise ValueError
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError
    if not all(isinstance(member.name, str) and _DIGEST.fullmatch(member.sha256) for member in manifest.files):
        raise ValueError


def _check_names(manifest: Manifest) -> None:
    names = [member.name for member in manifest.files]
    if len(names) > MAX_MEMBERS or len(set(names)) != len(names):
        raise BackupError("it is no backup: it names a file twice, or too many")
    folders = {f"{parent}" for name in names for parent in PurePosixPath(name).parents}
    taken = folders.union(names)
    for member in manifest.files:
        folder, path = member.place
        if member.name in folders or f"{member.name}{STAGED}" in taken:
            raise BackupError(f"it is no backup: {member.name!r} stands in the way of another file")
        limit = MAX_STATE_BYTES if member.name == "state/state.sqlite" else MAX_FILE_BYTES
        is_known = str(path) in STATE_FILES if folder == "state" else folder == "config" and is_inside(str(path))
        if not is_known or member.name != f"{folder}/{path}":
            raise BackupError(f"it is no backup: it names {member.name!r}")
        if member.bytes > limit:
            raise BackupError(f"it is no backup: {member.name} has {member.bytes} bytes")
    if not is_inside(manifest.configuration) or f"config/{manifest.configuration}" not in names:
        raise BackupError("it is no backup: it has no configuration")
    state_dir = manifest.state_dir
    if state_dir is not None and not (is_inside(state_dir) or PurePosixPath(state_dir).is_absolute()):
        raise BackupError("it is no backup: its state_dir leads out of the configuration's folder")


def is_inside(path: str) -> bool:
    """Return whether a path stays in its folder, at no great depth, and is written in one way only."""
    parts = PurePosixPath(path).parts
    if not 0 < len(parts) <= MAX_DEPTH or path != "/".join(parts) or CONTROL_CHARACTER.search(path) or "\\" in path:
        return False
    return not PurePosixPath(path).is_absolute() and not {"..", "."} & set(parts)
