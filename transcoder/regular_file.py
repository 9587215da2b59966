"""A file that the product reads is a regular one: a pipe that nobody writes to, or a device, would hold it for ever."""

import errno
import os
import stat
from pathlib import Path
from typing import Final

from typing_extensions import override

NOT_REGULAR: Final = "not a regular file"


class NotRegularError(OSError):
    """A pipe, a device, a socket or a folder is where a file should be."""

    def __init__(self, path: Path) -> None:
        code, reason = (errno.EISDIR, os.strerror(errno.EISDIR)) if path.is_dir() else (errno.EINVAL, NOT_REGULAR)
        super().__init__(code, reason, str(path))

    @override
    def __str__(self) -> str:
        return f"{self.filename} is {NOT_REGULAR}"


def check_regular(*paths: Path) -> None:
    """Refuse whatever is no regular file, before another library opens it by its name; a path may be free.

    Raises:
        NotRegularError: something else is at a path.
        OSError: a path can't be looked at.
    """
    for path in paths:
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        if not stat.S_ISREG(mode):
            raise NotRegularError(path)


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open a regular file and return its descriptor; a file that is made is for its owner alone.

    Args:
        path: the path of the file.
        flags: the flags of open(2).

    Raises:
        NotRegularError: it is no regular file.
        OSError: it can't be opened.
    """
    check_regular(path)  # to open a device can be a command to it
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # it was replaced meanwhile
        os.close(descriptor)
        raise NotRegularError(path)
    return descriptor


def read_regular(path: Path, limit: int) -> bytes:
    """Read a regular file of at most `limit` bytes.

    Raises:
        ValueError: the file has more bytes.
        OSError: the file can't be read, or is no regular one.
    """
    with os.fdopen(open_regular(path), "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"has more than {limit} bytes")
    return content
