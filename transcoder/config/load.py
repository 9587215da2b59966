"""This module makes a `Config` of a file, or lists everything that is wrong with the file."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from transcoder.config.aliases import alias_problems
from transcoder.config.asset_links import asset_problems
from transcoder.config.defaults import with_defaults
from transcoder.config.document import Budget, read_document
from transcoder.config.include import MAX_FILE_BYTES, TextFile, put_together, read_included
from transcoder.config.listen import Endpoint, read_endpoints
from transcoder.config.listeners import port_problems
from transcoder.config.model import Config
from transcoder.config.onvif import OnvifConfig, onvif_problems
from transcoder.config.places import located
from transcoder.config.problems import describe
from transcoder.config.server import HttpConfig, RtspConfig, RtspTlsConfig
from transcoder.config.source import LISTENERS_KEY, NETWORKS_KEY, SourcesConfig
from transcoder.config.stream import DefaultsConfig
from transcoder.config.substitution import EXTENSION, substitute
from transcoder.errors import ConfigError
from transcoder.regular_file import read_regular


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """Holds a configuration file in its three stages.

    Attributes:
        raw: the data as written: variables are not expanded, secret files are not read.
        data: the data with variables and secrets, without `defaults` put under the streams; it holds secrets.
        config: the validated configuration.
        texts: the file itself and those that it includes, each with its text; none for a text that is no file.
    """

    raw: Mapping[str, Any]
    data: Mapping[str, Any]
    config: Config
    texts: tuple[TextFile, ...] = field(default=(), repr=False)

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the paths of the file itself and of those that it includes."""
        return tuple(Path(each.name) for each in self.texts)

    def keys_of(self, stream: str) -> Mapping[str, Any] | None:
        """Return the keys that the file gives a stream, with variables and secrets; None where the file gives none."""
        streams: Mapping[str, Mapping[str, Any]] = self.data["streams"]
        return streams.get(stream)


def load(path: Path) -> Config:
    """Read a configuration file.

    Args:
        path: the file; secret files and `state_dir` are relative to its folder.

    Raises:
        ConfigError: every problem that was found, one line each.
    """
    return load_file(path).config


def load_file(path: Path) -> ConfigFile:
    """Read a configuration file and keep the data that the configuration was made of.

    Args:
        path: the file; secret files and `state_dir` are relative to its folder.

    Raises:
        ConfigError: every problem that was found, one line each.
    """
    try:
        content = read_regular(path, MAX_FILE_BYTES)
    except OSError as error:
        raise ConfigError([f"{path}: can't be read: {error.strerror or type(error).__name__}"]) from None
    except ValueError as error:
        raise ConfigError([f"{path}: {error}"]) from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}: line {line}: not UTF-8 text"]) from None
    return _parse(text, path, path.parent, os.environ)


def parse(text: str, folder: Path, environ: Mapping[str, str]) -> Config:
    """Read a configuration's text.

    Args:
        text: YAML.
        folder: the folder that secret files and `state_dir` are relative to.
        environ: the variables for `${NAME}`.

    Raises:
        ConfigError: every problem that was found, one line each.
    """
    if len(text) > MAX_FILE_BYTES:
        raise ConfigError([f"configuration: has more than {MAX_FILE_BYTES} characters"])
    return _parse(text, None, folder, environ).config


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a configuration file, for editors.

    The schema is stricter than `load` where a value comes from a variable or a file: it does not allow `${NAME}` in the
    place of a number, nor `password_file` in the place of `password`.
    """
    schema = _schema()
    patterns = schema["properties"]["include"]
    one = {key: patterns.pop(key) for key in ("type", "items", "maxItems")}
    schema["properties"]["include"] = {"anyOf": [one["items"], one], **patterns}
    for section in (schema, *schema["$defs"].values()):
        section["patternProperties"] = {f"^{EXTENSION}": {}}
    return schema


def _schema() -> dict[str, Any]:
    schema = Config.model_json_schema()
    definitions = schema["$defs"]
    source = definitions["StreamConfig"]["properties"]["source"]
    url = {"type": "string", "pattern": "^[rR][tT][sS][pP]://", "description": "The camera's URL"}
    definitions["StreamConfig"]["properties"]["source"] = {"anyOf": [url, source]}
    targets = definitions["StreamConfig"]["properties"]["push"]["patternProperties"]
    for pattern, target in targets.items():
        targets[pattern] = {"anyOf": [{"type": "string", "description": "The target's URL"}, target]}
    for name, secret in (("UserConfig", "password"), ("TokenConfig", "token")):
        definition = definitions[name]
        definition["required"] = [key for key in definition["required"] if key != secret]
        definition["oneOf"] = [{"required": [secret]}, {"required": [f"{secret}_file"]}]
        if not definition["required"]:
            del definition["required"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "transcoder configuration"}


def config_schemas(name: str) -> dict[str, Any]:
    """Return the JSON Schema of one part of the configuration and of the parts in it, by name."""
    every = _schema()["$defs"]
    found: dict[str, Any] = {}
    wanted = [name]
    while wanted:
        part = wanted.pop()
        if part not in found:
            found[part] = every[part]
            wanted += re.findall(r"'#/\$defs/(\w+)'", repr(every[part]))
    return dict(sorted(found.items()))


def _parse(text: str, path: Path | None, folder: Path, environ: Mapping[str, str]) -> ConfigFile:
    name = "configuration" if path is None else str(path)
    problems: list[str] = []
    budget = Budget()
    main = TextFile(name=name, text=text, data=read_document(text, name, problems, budget))
    if main.data is None:
        raise ConfigError([f"{name}: is empty; at least the key streams is needed"])
    if not isinstance(main.data, dict):
        raise ConfigError([f"{name}: must be a mapping of keys at its top level, not a {_kind(main.data)}"])
    files = [main, *read_included(main, folder, environ, budget, problems, path)]
    raw = put_together(files, problems)
    config, substituted = validated(raw, folder, environ, problems)
    if config is not None:
        problems += problems_together(config)
    if problems:
        raise located(problems, files) if path is not None else ConfigError(list(dict.fromkeys(problems)))
    assert config is not None  # noqa: S101  # there would be a problem; for the type checker
    return ConfigFile(raw=raw, data=substituted, config=config, texts=() if path is None else tuple(files))


def validated(
    raw: Mapping[str, Any], folder: Path, environ: Mapping[str, str], problems: list[str]
) -> tuple[Config | None, dict[str, Any]]:
    """Make a configuration of data as written, each key by itself: what keys mean together is looked at elsewhere.

    Args:
        raw: the data of all files.
        folder: the folder that secret files and `state_dir` are relative to.
        environ: the variables for `${NAME}`.
        problems: takes everything that is wrong.

    Returns:
        The configuration, or None where the data has problems, and the data with variables and secrets.
    """
    substituted = substitute({"state_dir": "state", **raw}, folder, environ, problems)
    assert isinstance(substituted, dict)  # noqa: S101  # substitute keeps a mapping a mapping; for the type checker
    data = _with_defaults(substituted)
    try:
        return Config.model_validate(data, context=_context(data)), substituted
    except ValidationError as error:
        said = {line.partition(": ")[0] for line in problems}  # a stand-in for a missing value is no second problem
        problems += [line for line in describe(error, Config, data) if line.partition(": ")[0] not in said]
        return None, substituted


def problems_together(config: Config) -> list[str]:
    """Return a problem for each two keys that are valid alone and not together, such as one alias of two streams."""
    return [*port_problems(config), *onvif_problems(config), *alias_problems(config), *asset_problems(config)]


def _kind(data: object) -> str:
    return "list" if isinstance(data, list) else "single value"


def _with_defaults(data: dict[str, object]) -> dict[str, object]:
    """Put `defaults` and presets under each stream.

    Defaults that have problems are left out, or each stream would repeat the problems.
    """
    defaults, streams = data.get("defaults") or {}, data.get("streams")
    if not isinstance(defaults, dict) or not isinstance(streams, dict):
        return data
    try:
        DefaultsConfig.model_validate(defaults)
    except ValidationError:
        return data
    merged = {
        key: with_defaults(defaults, stream) if isinstance(stream, dict) else stream for key, stream in streams.items()
    }
    return {**data, "streams": merged}


def _context(data: Mapping[str, Any]) -> dict[str, object]:
    return {NETWORKS_KEY: _networks(data.get("sources", {})), LISTENERS_KEY: tuple(_listeners(data))}


def _listeners(data: Mapping[str, Any]) -> Iterator[Endpoint]:
    """Return the gateway's own servers as far as the file says where they listen; problems are reported elsewhere."""
    sections: tuple[tuple[object, type[BaseModel]], ...] = (
        (data.get("rtsp", {}), RtspConfig),
        (rtsp.get("tls") if isinstance(rtsp := data.get("rtsp"), Mapping) else None, RtspTlsConfig),
        (data.get("http"), HttpConfig),
        (data.get("onvif"), OnvifConfig),
    )
    for keys, model in sections:
        if isinstance(keys, Mapping):
            with suppress(ValueError):
                yield from read_endpoints(keys.get("listen", model.model_fields["listen"].default))


def _networks(sources: object) -> tuple[object, ...] | None:
    """Return `sources.allow` for the check of each source, or None if it has problems.

    The problems are reported at its own key.
    """
    try:
        return SourcesConfig.model_validate(sources).allow
    except ValidationError:
        return None
