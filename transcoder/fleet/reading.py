"""FLEET.yaml, its base configuration and what both include are read here, with every problem at once."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from transcoder.config import Config
from transcoder.config.asset_links import asset_problems
from transcoder.config.document import MAX_NODES, Budget, read_document
from transcoder.config.include import TextFile, put_together, read_included
from transcoder.config.load import validated
from transcoder.config.places import located
from transcoder.config.problems import describe
from transcoder.config.substitution import EXTENSION, FILE_KEYS, SECRET_KEYS
from transcoder.errors import ConfigError
from transcoder.fleet.cost import cost_of
from transcoder.fleet.file import FleetFile, FleetStream
from transcoder.fleet.plan import Item, Slot
from transcoder.regular_file import read_regular

MAX_BYTES: Final = 64 * 1024 * 1024
"""Bytes of a fleet's files at most, all together: 20,000 streams of 3 KiB each."""
_NODES: Final = 8 * MAX_NODES
"""The largest number of values of a fleet's files: eight configurations of over a thousand streams with every key."""
_OWN_KEYS: Final = frozenset(FleetStream.model_fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Holds what a fleet's files say.

    Attributes:
        file: what FLEET.yaml says of slots and addresses.
        raw: the keys of a configuration with all streams, as written: no variable is expanded, no secret is read.
        config: the same as a valid configuration.
        own: the keys of streams that only FLEET.yaml knows.
    """

    file: FleetFile
    raw: Mapping[str, Any]
    config: Config
    own: Mapping[str, FleetStream]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Return the kinds of slots."""
        return tuple(
            Slot(cores=slot.cores, fill=slot.fill, labels=frozenset(slot.labels), count=slot.count)
            for slot in self.file.slots
        )

    def items(self, measured: Mapping[str, float]) -> list[Item]:
        """Return the streams as they are placed.

        Args:
            measured: the share of a core that the workers of streams took, by id.
        """
        return [
            Item(
                name=name,
                cost=cost_of(stream, self.own[name].cost, measured.get(name)),
                together=f"asset {stream.asset}" if stream.asset else stream.source.host.lower(),
                needs=frozenset(self.own[name].needs),
                aliases=frozenset(
                    alias.lower().rstrip("/") for aliases in stream.aliases_by_output.values() for alias in aliases
                ),
            )
            for name, stream in self.config.streams.items()
        ]


class _Mapping(NamedTuple):
    """Holds a file whose text is a mapping, and that mapping."""

    file: TextFile
    keys: dict[str, Any]


def read_fleet_file(path: Path, folder: Path, environ: Mapping[str, str] = os.environ) -> Fleet:
    """Read FLEET.yaml and all that it names.

    Args:
        path: the file.
        folder: the folder that shards' configurations are written to: paths that would lead elsewhere from it are made
            absolute.
        environ: the variables for `${NAME}`.

    Raises:
        ConfigError: every problem that was found, one line each.
    """
    problems: list[str] = []
    budget = Budget(limit=_NODES)
    main, keys = _read(path, budget, problems)
    head = {key: value for key, value in keys.items() if key != "streams" and not key.startswith(EXTENSION)}
    file = _fleet_file(head, problems)
    rest = {key: value for key, value in keys.items() if key == "streams"}
    texts = [main, *read_included(main, path.parent, environ, budget, problems, path, limit=MAX_BYTES)]
    files = [replace(main, data=rest), *texts[1:]]
    files = [_moved(each, path.parent, folder) for each in files]
    if isinstance(name := head.get("base"), str) and name:
        base_path = path.parent / name
        try:
            base, base_keys = _read(base_path, budget, problems)
        except ConfigError as error:
            problems += [f"base: {line}" for line in error.problems]
        else:
            plain = replace(base, data={key: value for key, value in base_keys.items() if key != "include"})
            included = read_included(base, base_path.parent, environ, budget, problems, base_path, limit=MAX_BYTES)
            texts += [base, *included]
            files += [_moved(each, base_path.parent, folder) for each in (plain, *included)]
    raw = {"streams": {}, **put_together(files, problems)}
    own = _take_own_keys(raw, problems)
    config, _ = validated(raw, folder, environ, problems)
    if config is not None:
        problems += [*asset_problems(config), *_shared(config, raw)]
    if problems or file is None or config is None:
        raise located(problems, texts)
    return Fleet(file=file, raw=raw, config=config, own=own)


def read_earlier(paths: Sequence[Path]) -> dict[str, tuple[str, ...]]:
    """Read which streams the shards of an earlier plan have, by the shards' names.

    Args:
        paths: the configurations of the shards.

    Raises:
        ConfigError: a file can't be read, or is no shard's.
    """
    budget = Budget(limit=_NODES)
    found: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    for path in paths:
        try:
            data = _read(path, budget, problems).keys
        except ConfigError as error:
            problems += error.problems
            continue
        if data.get("node") != path.stem or not isinstance(data.get("streams"), dict):
            problems.append(
                f"{path}: is no configuration of the shard {path.stem}: its node or its streams are missing"
            )
            continue
        found[path.stem] = tuple(data["streams"])
    if problems:
        raise ConfigError(problems)
    return found


def _read(path: Path, budget: Budget, problems: list[str]) -> _Mapping:
    try:
        text = read_regular(path, MAX_BYTES).decode("utf-8")
    except OSError as error:
        raise ConfigError([f"{path}: can't be read: {error.strerror or type(error).__name__}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: not UTF-8 text"]) from None
    except ValueError as error:
        raise ConfigError([f"{path}: {error}"]) from None
    data = read_document(text, str(path), problems, budget)
    if not isinstance(data, dict):
        raise ConfigError([f"{path}: must be a mapping of keys at its top level"])
    return _Mapping(TextFile(name=str(path), text=text, data=data), data)


def _fleet_file(data: Mapping[str, Any], problems: list[str]) -> FleetFile | None:
    slots = data.get("slots")
    listed = {**data, "slots": [slots]} if isinstance(slots, dict) else data
    try:
        return FleetFile.model_validate(listed)
    except ValidationError as error:
        lines = describe(error, FleetFile, listed)
        problems += lines if listed is data else [re.sub(r"^slots\[0\]", "slots", line) for line in lines]
        return None


def _take_own_keys(raw: dict[str, Any], problems: list[str]) -> dict[str, FleetStream]:
    """Take the keys of FLEET.yaml out of the streams' keys; return them by stream."""
    own: dict[str, FleetStream] = {}
    streams = raw["streams"] if isinstance(raw["streams"], dict) else {}
    plain = FleetStream()
    for name, keys in streams.items():
        own[name] = plain
        if not isinstance(keys, dict) or _OWN_KEYS.isdisjoint(keys):
            continue
        given = {"streams": {name: {key: value for key, value in keys.items() if key in _OWN_KEYS}}}
        streams[name] = {key: value for key, value in keys.items() if key not in _OWN_KEYS}
        try:
            own[name] = FleetStream.model_validate(given["streams"][name])
        except ValidationError as error:
            problems += (f"streams.{name}.{line}" for line in describe(error, FleetStream, given["streams"][name]))
    return own


def _shared(config: Config, raw: Mapping[str, Any]) -> list[str]:
    """Return a problem for each key of the base that gateways beside each other can't share."""
    problems = []
    if "node" in raw:
        problems.append("node: each shard has its own name for a node: leave it out of the base")
    if config.mqtt is not None and config.mqtt.client_id is not None:
        problems.append(
            "mqtt.client_id: clients of one name throw each other out of the broker: leave it out of the base"
        )
    if config.rtsp.multicast is not None:
        problems.append("rtsp.multicast: shards would send to the same groups: a plan can't divide them")
    return problems


def _moved(file: TextFile, before: Path, after: Path) -> TextFile:
    """Return a file whose relative paths lead to the same files from another folder."""
    if before.resolve() == after.resolve():
        return file
    return replace(file, data=_absolute(file.data, before.resolve()))


def _absolute(value: object, before: Path) -> object:
    if isinstance(value, list):
        return [_absolute(each, before) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: str(before / item)  # no ..: the folder that is written to need not be there yet
        if (key in SECRET_KEYS or key in FILE_KEYS) and isinstance(item, str) and not item.startswith(("/", "${"))
        else _absolute(item, before)
        for key, item in value.items()
    }
