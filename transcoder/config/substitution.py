"""A configuration takes environment variables and secret files from outside its file.

Both are put in before validation, into copies; every problem is collected.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from transcoder.config.document import MAX_DEPTH
from transcoder.config.problems import Key, key_path
from transcoder.regular_file import NOT_REGULAR, NotRegularError, read_regular
from transcoder.text import CONTROL_CHARACTER

MAX_TEXT: Final = 8192
"""The largest number of characters of one value after expansion: a URL that a camera accepts has at most about two
thousand."""

MAX_SECRET_BYTES: Final = 64 * 1024
"""Bytes of a secret file at most, far above any password, so that a wrong file name doesn't read a disk image."""

_VARIABLE: Final = re.compile(r"(\$?)\$\{([^}]*)(\}?)")
_VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_WHERE_SET: Final = {
    "CREDENTIALS_DIRECTORY": "; systemd sets it for the service: `transcoder-admin` runs a command as the service would"
}
"""Where a variable comes from that people do not set themselves."""

SECRET_KEYS: Final = {"password_file": "password", "token_file": "token", "stream_key_file": "stream_key"}
FILE_KEYS: Final = frozenset({"ca_file", "cert_file", "certificate_file", "key_file"})
EXTENSION: Final = "x-"
"""The start of a key that the gateway leaves alone, as Compose does: a place for YAML anchors."""
_FREE_NAMES: Final = frozenset({("streams",), ("assets",), ("rtsp", "users"), ("http", "tokens")})
"""The mappings whose keys are names of the operator's choice: `x-ray` is a stream like any other."""
_FOLDER_KEYS: Final = frozenset({"state_dir"})


def substitute(data: object, folder: Path, environ: Mapping[str, str], problems: list[str]) -> object:
    """Expand `${NAME}`, read secret files, make paths relative to the configuration's folder.

    Args:
        data: plain data as read from the file.
        folder: the configuration file's folder.
        environ: the environment; `$${` stands for a literal `${`.
        problems: takes a problem with its key path for everything that is missing.

    Returns:
        A copy in which `password_file` and `token_file` have their secret beside them, without the keys that start with
        `x-`.
    """
    return _Substitution(folder, environ, problems).value(data, ())


def expand(text: str, path: tuple[Key, ...], environ: Mapping[str, str], problems: list[str]) -> str:
    """Expand `${NAME}` in one value, see `substitute`."""
    return str(_Substitution(Path(), environ, problems).value(text, path))


def read_bounded(path: Path, limit: int) -> bytes:
    """Read a file of at most `limit` bytes.

    Raises:
        ValueError: the file has more bytes, or is no regular one.
        OSError: the file can't be read.
    """
    try:
        return read_regular(path, limit)
    except NotRegularError:
        raise ValueError(f"is {NOT_REGULAR}") from None


def _is_free(path: tuple[Key, ...]) -> bool:
    return path in _FREE_NAMES or (path[:1] == ("assets",) and path[2:] == ("extra",))


def _is_extension(key: object) -> bool:
    return isinstance(key, str) and key.startswith(EXTENSION)


class _Substitution:
    def __init__(self, folder: Path, environ: Mapping[str, str], problems: list[str]) -> None:
        self._folder = folder
        self._environ = environ
        self._problems = problems
        self._unusable: set[tuple[Key, ...]] = set()
        """The keys of texts that could not be expanded: no file is looked for under the name that stands in for one."""

    def value(self, data: object, path: tuple[Key, ...]) -> object:
        if len(path) > MAX_DEPTH:
            self._say(path, f"nested deeper than {MAX_DEPTH} levels")
            return None
        if isinstance(data, str):
            return self._expand(data, path)
        if isinstance(data, Mapping):
            own = ((str(key), item) for key, item in data.items() if _is_free(path) or not _is_extension(key))
            return self._mapping({key: self.value(item, (*path, key)) for key, item in own}, path)
        if isinstance(data, list | tuple):
            return [self.value(item, (*path, index)) for index, item in enumerate(data)]
        return data

    def _expand(self, text: str, path: tuple[Key, ...]) -> str:
        def replace(match: re.Match[str]) -> str:
            escaped, name, closed = match.groups()
            if escaped:
                return match[0][1:]
            if not closed or not _VARIABLE_NAME.fullmatch(name):
                self._say(path, "${ must be followed by a variable's name and }; $${ stands for ${ itself")
            elif name not in self._environ:
                self._say(path, f"environment variable {name} is not set{_WHERE_SET.get(name, '')}")
            else:
                return self._environ[name]
            self._unusable.add(path)
            return "unset"

        text = _VARIABLE.sub(replace, text) if "${" in text else text
        if len(text) > MAX_TEXT:
            self._say(path, f"longer than {MAX_TEXT} characters")
        elif CONTROL_CHARACTER.search(text):
            self._say(path, "holds a line break or another control character")
        else:
            return text
        self._unusable.add(path)
        return "unusable"

    def _mapping(self, data: dict[str, object], path: tuple[Key, ...]) -> dict[str, object]:
        for key in _FOLDER_KEYS & data.keys():
            if isinstance(name := data[key], str) and not path:
                data[key] = str(self._folder / name)
        for key in FILE_KEYS & data.keys():
            if isinstance(name := data[key], str):
                data[key] = str(self._folder / name)
                self._read(name, (*path, key), MAX_SECRET_BYTES)
        for key, secret in SECRET_KEYS.items():
            if data.get(key) is None or isinstance(data[key], dict):  # a dict: a user or a stream of that name
                continue
            if data.get(secret) is not None:
                self._say((*path, key), f"{secret} is given too; give one of them")
            data[secret] = self._secret(data[key], (*path, key))
        return data

    def _secret(self, name: object, path: tuple[Key, ...]) -> SecretStr:
        content = self._read(name, path, MAX_SECRET_BYTES) if isinstance(name, str) else None
        if content is None:  # a problem already: the stand-in keeps "is missing" from being said as well
            return SecretStr("unread")
        try:
            text = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            self._say(path, f"{name} is not UTF-8 text")
            return SecretStr("unread")
        if not text:
            self._say(path, f"{name} is empty")
        elif CONTROL_CHARACTER.search(text):
            self._say(path, f"{name} must hold one line without control characters")
        else:
            return SecretStr(text)
        return SecretStr("unread")

    def _read(self, name: str, path: tuple[Key, ...], limit: int) -> bytes | None:
        if path in self._unusable:
            return None
        file = self._folder / name
        try:
            return read_regular(file, limit)
        except NotRegularError as error:
            self._say(path, str(error))
        except OSError as error:
            self._say(path, f"{file} can't be read: {error.strerror or type(error).__name__}")
        except ValueError as error:
            self._say(path, f"{file} can't be read: {error}")
        return None

    def _say(self, path: tuple[Key, ...], message: str) -> None:
        self._problems.append(f"{key_path(path) or 'configuration'}: {message}")
