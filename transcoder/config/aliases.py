"""Other names of streams and renditions must lead to one of them."""

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import parse_qsl

from transcoder.config.model import Config
from transcoder.worker_options import served_path

MAX_FIELDS: Final = 32
"""Fields of a reader's query that are looked at, at most."""


def alias_problems(config: Config) -> Iterator[str]:
    """Yield a problem for each other name that leads to another stream or rendition already."""
    known = {f"/{path}": path for path, _ in _served(config)}
    for path, aliases in _served(config):
        for index, alias in enumerate(aliases):
            other = known.setdefault(alias.lower().rstrip("/"), path)
            if other != path or alias == f"/{path}":
                yield f"{_key(path)}.aliases[{index}]: {alias} leads to {_key(other)} already: give it to one"


def _served(config: Config) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each path that is served, with its other names."""
    for stream, keys in config.streams.items():
        for output, aliases in keys.aliases_by_output.items():
            yield served_path(stream, output), aliases


def _key(path: str) -> str:
    stream, _, rendition = path.partition("/")
    return f"streams.{stream}.renditions.{rendition}" if rendition else f"streams.{stream}"


def names_alias(path: str, alias: str) -> bool:
    """Return whether a path that a reader names is an alias: the same path, and all that the alias's query says.

    Recorders add to a camera's query (`unicast=true`), leave a slash at the end and write names in other cases.

    Args:
        path: path and query of a URL.
        alias: the alias as it is configured.
    """
    own, _, wanted = alias.partition("?")
    named, _, given = path.partition("?")
    if own.strip("/").lower() != named.strip("/").lower() or given.count("&") > MAX_FIELDS:
        return False
    pairs = {(key.lower(), value.lower()) for key, value in parse_qsl(given, keep_blank_values=True)}
    return all((key.lower(), value.lower()) in pairs for key, value in parse_qsl(wanted, keep_blank_values=True))
