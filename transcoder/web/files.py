"""The files of the web page are read once, when the service starts.

A request is looked up among them by its whole name, so that no path of a request ever reaches the file system.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

INDEX: Final = "index.html"
"""The name of the file that `/` is answered with."""
MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""The media types by the end of a file's name (RFC 9239 for scripts); files of other kinds are not served."""
MAX_DEPTH: Final = 3
"""The folders that may lie in one another: `js/pages/wall.js` has two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebFile:
    """Holds one file of the page.

    Attributes:
        content: the bytes of the file.
        media_type: the value of Content-Type.
        etag: the entity tag of the content, in its quotes (RFC 9110, 8.8.3).
    """

    content: bytes
    media_type: str
    etag: str


def load() -> Mapping[str, WebFile]:
    """Return the files of the page by their names, whose folders are parted by slashes."""
    return dict(sorted(_found(files("transcoder.web"), "", MAX_DEPTH)))


def _found(folder: Traversable, prefix: str, depth: int) -> list[tuple[str, WebFile]]:
    found: list[tuple[str, WebFile]] = []
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            if depth:
                found += _found(entry, f"{name}/", depth - 1)
            continue
        media_type = MEDIA_TYPES.get(f".{entry.name.rpartition('.')[2]}")
        if media_type is not None and not entry.name.startswith("."):
            content = entry.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
            found.append((name, WebFile(content=content, media_type=media_type, etag=etag)))
    return found
