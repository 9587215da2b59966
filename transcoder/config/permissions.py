"""This module finds files and folders that everybody on the machine may read or change, and nobody else should."""

import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from transcoder.config.load import ConfigFile

_SECRET_FILES: Final = frozenset({"password_file", "token_file", "stream_key_file", "key_file"})
_OTHER_FILES: Final = frozenset({"cert_file", "certificate_file", "ca_file"})
_SECRETS: Final = frozenset({"password", "token", "stream_key"})
_WITH_PASSWORD: Final = re.compile(r"//[^/@\s]*:[^/@\s]*@")
_STATE_FILES: Final = ("state.sqlite", "state.sqlite-wal", "state.remembered", "lock")


def loose_permissions(path: Path, file: ConfigFile) -> list[str]:
    """Return a line for each file and folder that everybody may read or change, with its name.

    A file that is not there, or can't be looked at, is left out: whoever reads it says so.

    Args:
        path: the path of the configuration file.
        file: the configuration file as it was read.
    """
    state = file.config.state_dir
    checked = {path: _holds_secret(file.raw), **{Path(each.name): _holds_secret(each.data) for each in file.texts}}
    checked |= {name.parent: False for name in checked}
    if state is not None:
        checked |= {state: False} | {state / name: True for name in _STATE_FILES}
    for name, is_secret in named_files(file.raw):
        checked[path.parent / name] = is_secret
        checked.setdefault((path.parent / name).parent, False)
    return [line for each, is_secret in checked.items() if (line := _loose(each, is_secret=is_secret))]


def _loose(path: Path, *, is_secret: bool) -> str:
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""
    if mode & stat.S_IWOTH and not (
        stat.S_ISDIR(mode) and mode & stat.S_ISVTX
    ):  # sticky: its owner alone replaces files
        return f"{path} can be changed by everybody on this machine: chmod o-w"
    if is_secret and mode & stat.S_IROTH:
        return f"{path} holds passwords or tokens and can be read by everybody on this machine: chmod o-r"
    return ""


def named_files(value: object) -> Iterator[tuple[str, bool]]:
    """Yield the name of each file that the keys of a configuration name, and whether it holds a secret."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in _SECRET_FILES | _OTHER_FILES and isinstance(item, str):
                yield item, key in _SECRET_FILES
            else:
                yield from named_files(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from named_files(item)


def _holds_secret(value: Any) -> bool:
    """Return whether a secret stands in the configuration file itself, and not in a variable or a file of its own."""
    if isinstance(value, str):
        found = _WITH_PASSWORD.search(value)
        return found is not None and "${" not in found[0]
    if isinstance(value, Mapping):
        return any(
            (key in _SECRETS and isinstance(item, str) and "${" not in item) or _holds_secret(item)
            for key, item in value.items()
        )
    return isinstance(value, list | tuple) and any(map(_holds_secret, value))
