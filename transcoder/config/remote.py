"""This module checks one stream's keys that come from elsewhere than the file: HTTP, MQTT, kept runtime changes.

Such keys are validated like the file's, in the same model. Some values only the machine's owner may give, so they stay
in the file: the names of files and of environment variables. A remote writer could have this machine's secrets sent to
a camera of their own by them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import SecretStr, TypeAdapter, ValidationError

from transcoder.config.defaults import with_defaults
from transcoder.config.document import MAX_DEPTH
from transcoder.config.listen import Endpoint
from transcoder.config.merge import merge
from transcoder.config.model import Config, StreamId
from transcoder.config.problems import Key, describe, key_path, shortened
from transcoder.config.source import LISTENERS_KEY, NETWORKS_KEY, SOURCE_PORTS, Network
from transcoder.config.stream import StreamConfig
from transcoder.config.substitution import MAX_TEXT
from transcoder.errors import ConfigError
from transcoder.text import CONTROL_CHARACTER
from transcoder.url import split_url

HIDDEN: Final = "***"
"""The text that is shown for a secret."""

MAX_BYTES: Final = 64 * 1024
"""Bytes of a document from elsewhere at most; 32 masks of 64 corners with eight decimals take 50 kB. HTTP and MQTT
refuse larger documents before they parse them."""

MAX_NODES: Final = 6_500
"""The largest number of values in a document from elsewhere: 32 masks of 64 corners are 6,240, all other keys of a
stream are fewer than 200."""

MAX_PROBLEMS: Final = 32
"""The largest number of problems that are described to a writer elsewhere: each costs time, and nobody reads more."""

_STREAMS: Final = TypeAdapter(dict[StreamId, StreamConfig])
_FILES_ONLY: Final = frozenset({"password_file", "stream_key_file"})


def check_remote(name: str, keys: object, section: str = "streams") -> dict[str, Any]:
    """Check the keys as far as that is possible without the rest of the configuration.

    Args:
        name: the id of the stream or asset, for the key paths of problems.
        keys: plain data, as parsed from JSON.
        section: the section of the file that the keys are of.

    Returns:
        The keys.

    Raises:
        ConfigError: every problem that was found.
    """
    if not isinstance(keys, Mapping):
        raise ConfigError([f"{key_path((section, name))}: must be a mapping of keys"])
    problems: list[str] = []
    _count(keys, (section, name))
    _check(keys, (section, name), problems)
    if problems:
        raise ConfigError(shortened(problems, MAX_PROBLEMS))
    return dict(keys)


def _count(keys: Mapping[Any, Any], path: tuple[Key, ...]) -> None:
    """Refuse a document that is too large or too deep; at most MAX_NODES of its values are looked at.

    Raises:
        ConfigError: the document has more than MAX_NODES values, or more than MAX_DEPTH levels.
    """
    nodes = 1
    level: list[Any] = [keys]
    for _ in range(MAX_DEPTH - len(path) + 1):
        nodes += sum(map(len, level))  # before the values are touched
        if nodes > MAX_NODES:
            raise ConfigError([f"{key_path(path)}: too large: has more than {MAX_NODES} values"])
        values = [item for each in level for item in (each.values() if isinstance(each, Mapping) else each)]
        level = [item for item in values if isinstance(item, Mapping | list | tuple)]
        if not level:
            return
    raise ConfigError([f"{key_path(path)}: too large: is nested deeper than {MAX_DEPTH} levels"])


def _check(value: object, path: tuple[Key, ...], problems: list[str]) -> None:
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            problems.append(f"{key_path(path)}: longer than {MAX_TEXT} characters")
        elif CONTROL_CHARACTER.search(value):
            problems.append(f"{key_path(path)}: holds a line break or another control character")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key in _FILES_ONLY:
                problems.append(f"{key_path((*path, key))}: can be set in the configuration file only")
            else:
                _check(item, (*path, str(key)), problems)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(item, (*path, index), problems)


def lay_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stream's keys with other keys laid over them.

    A `source` with a URL replaces all of the source below it: the credentials of one camera never go to another camera.
    So does a target of `push`.
    """
    below = _without_replaced(below, above)
    source = above.get("source")
    if isinstance(source, Mapping) and "url" not in source:
        return merge({**below, "source": _as_mapping(below.get("source"), source)}, above)
    result = merge(below, {key: value for key, value in above.items() if key != "source"})
    if "source" in above:
        result["source"] = source
    return result


def _without_replaced(below: Mapping[str, Any], above: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the lower keys without the targets of `push` that the upper ones give another URL."""
    old, new = below.get("push"), above.get("push")
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return below
    replaced = {name for name, keys in new.items() if isinstance(keys, Mapping) and "url" in keys}
    kept = {
        name: {"url": keys} if isinstance(keys, str) and isinstance(new.get(name), Mapping) else keys
        for name, keys in old.items()
        if name not in replaced
    }
    return {**below, "push": kept}


def _as_mapping(source: object, over: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a source with its credentials in keys of their own where other keys are to be laid over them."""
    keys = {"url": source} if isinstance(source, str) else dict(source) if isinstance(source, Mapping) else {}
    if over.keys() & {"username", "password"} and isinstance(text := keys.get("url"), str):
        try:
            url = split_url(text, SOURCE_PORTS)
        except ValueError:
            return keys  # the problem is reported when the stream is validated
        if url.username is not None:
            keys = {**keys, "url": url.text, "username": url.username, "password": url.password}
    return keys


def validate_stream(
    stream: str,
    keys: Mapping[str, Any],
    defaults: Mapping[str, Any],
    networks: Sequence[Network],
    listeners: Sequence[Endpoint] = (),
) -> StreamConfig:
    """Validate one stream.

    Args:
        stream: the stream's id.
        keys: the stream's keys, without defaults.
        defaults: the file's `defaults`, as given there.
        networks: the networks that the stream's camera may be in.
        listeners: the gateway's own servers, which are no cameras.

    Raises:
        ConfigError: the problems, at most MAX_PROBLEMS, with their key paths `streams.<id>...`.
    """
    streams = {stream: with_defaults(defaults, keys)}
    context = {NETWORKS_KEY: tuple(networks), LISTENERS_KEY: tuple(listeners)}
    try:
        return _STREAMS.validate_python(streams, context=context)[stream]
    except ValidationError:  # once more, as a part of the whole: problems are described by their place in that
        pass
    data = {"node": "n", "streams": streams}
    try:
        config = Config.model_validate(data, context=context)
    except ValidationError as error:
        raise ConfigError(describe(error, Config, data, limit=MAX_PROBLEMS)) from None
    return config.streams[stream]


def stream_keys(stream: StreamConfig, *, secrets: bool) -> dict[str, Any]:
    """Return all of a stream's keys as plain JSON data.

    Args:
        stream: a validated stream.
        secrets: True: the data holds the password; False: HIDDEN stands for it, and no value comes from a secret.
    """
    data = _plain(stream.model_dump(), secrets=secrets)
    push = {name: _given(keys, secrets=secrets) for name, keys in data["push"].items()}
    return {**data, "source": _given(data["source"], secrets=secrets), "push": push}


def _given(keys: Mapping[str, Any], *, secrets: bool) -> dict[str, Any]:
    """Return the keys of a peer that have a value, each secret once."""
    given = {key: value for key, value in keys.items() if value is not None}
    for secret in ("password", "stream_key"):
        if secrets and secret in given:
            given.pop(f"{secret}_file", None)
    return given


def _plain(value: Any, *, secrets: bool) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value() if secrets else HIDDEN
    if isinstance(value, Mapping):
        return {key: _plain(item, secrets=secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, secrets=secrets) for item in value]
    return value
