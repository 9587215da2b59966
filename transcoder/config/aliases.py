"""Other names of streams must lead to one stream."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl

from transcoder.config.model import Config

MAX_FIELDS: Final = 32
"""Fields of a reader's query that are looked at, at most."""


def alias_problems(config: Config) -> Iterator[str]:
    """Yield a problem for each other name that leads to another stream already."""
    known: dict[str, str] = {f"/{name}": name for name in config.streams}
    for name, stream in config.streams.items():
        for index, alias in enumerate(stream.aliases):
            other = known.setdefault(alias.lower().rstrip("/"), name)
            if other != name or alias == f"/{name}":
                yield f"streams.{name}.aliases[{index}]: {alias} leads to streams.{other} already: give it to one"


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
