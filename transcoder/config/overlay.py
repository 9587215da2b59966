"""The effective configuration is the file with the runtime changes laid over it; two of them can be compared.

A change made at runtime is kept as the keys that were given, per stream. The file is a writer like the others: keys
that changed in the file since it was last read win over values that were set before, and nothing else is touched.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from transcoder.config import (
    Config,
    ConfigFile,
    StreamConfig,
    changes,
    check_remote,
    lay_over,
    merge,
    stream_keys,
    validate_stream,
    without,
)
from transcoder.config.defaults import without_login
from transcoder.config.listeners import tcp_listeners
from transcoder.config.load import problems_together
from transcoder.errors import ConfigError
from transcoder.rejection import Code, Rejected, unknown_stream

MAX_STREAMS: Final = 4096
"""The largest number of streams of one gateway, above the number that its processes and ports allow."""

Origin = Literal["file", "runtime", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """Holds the runtime changes of one stream.

    Attributes:
        keys: the keys over the file's keys; the whole stream where the file has no stream of that id.
        removed: True where the file's stream doesn't count.
    """

    keys: Mapping[str, Any] = field(default_factory=dict)
    removed: bool = False

    def to_json(self) -> str:
        """Return the JSON for the store; it holds secrets."""
        return json.dumps({"keys": self.keys, "removed": self.removed}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Overlay":
        """Read the JSON that `to_json` made."""
        data = json.loads(text)
        return cls(keys=data["keys"], removed=data["removed"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Lists the differences between two configurations.

    Attributes:
        added: the new streams.
        removed: the streams that are gone.
        changed: the changed streams, each with the paths of the keys that differ.
        sections: the top-level keys that differ, other than streams and defaults.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sections: tuple[str, ...] = ()

    @property
    def streams(self) -> tuple[str, ...]:
        """Return all streams that differ in any way."""
        return (*self.added, *self.removed, *self.changed)


def difference(old: Config, new: Config) -> Difference:
    """Return the differences between two configurations.

    No other place decides what a new configuration changes.
    """
    changed = {
        name: tuple(_paths(changes(stream_keys(old.streams[name], secrets=True), stream_keys(stream, secrets=True))))
        for name, stream in new.streams.items()
        if name in old.streams and stream is not old.streams[name] and stream != old.streams[name]
    }
    names = [name for name in Config.model_fields if name not in {"streams", "defaults"}]
    return Difference(
        added=tuple(name for name in new.streams if name not in old.streams),
        removed=tuple(name for name in old.streams if name not in new.streams),
        changed=changed,
        sections=tuple(name for name in names if getattr(old, name) != getattr(new, name)),
    )


def _paths(keys: Mapping[str, Any], prefix: str = "") -> Iterable[str]:
    for key, value in keys.items():
        if isinstance(value, Mapping) and value:
            yield from _paths(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveConfig:
    """Holds a file and the changes over it, validated together.

    An effective configuration never changes: each change makes another one.

    Attributes:
        file: the file as it was last read.
        overlays: the changes by stream.
        config: the configuration in effect.
        unusable: the streams that are not served, because the changes kept for them are not valid any more; each with
            the reason.
    """

    file: ConfigFile
    overlays: Mapping[str, Overlay] = field(default_factory=dict)
    config: Config
    unusable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def build(cls, file: ConfigFile, overlays: Mapping[str, Overlay], *, lenient: bool = False) -> "EffectiveConfig":
        """Lay kept changes over a file.

        Args:
            file: a validated file.
            overlays: the changes by stream; those that change nothing are left out.
            lenient: a stream whose overlay isn't valid is left out too, because the stream would otherwise be shown
                without its masks.

        Raises:
            ConfigError: an overlay isn't valid over this file, and lenient is False.
        """
        streams = dict(file.config.streams)
        kept: dict[str, Overlay] = {}
        unusable: dict[str, tuple[str, ...]] = {}
        problems: list[str] = []
        for name, overlay in overlays.items():
            try:
                stream = _effective(file, name, overlay)
            except ConfigError as error:
                problems += [f"{problem} (set at runtime)" for problem in error.problems]
                unusable[name] = tuple(error.problems)
                kept[name] = overlay
                streams.pop(name, None)
                continue
            if stream == file.config.streams.get(name):
                continue
            kept[name] = overlay
            if stream is None:
                streams.pop(name, None)
            else:
                streams[name] = stream
        if problems and not lenient:
            raise ConfigError(problems)
        return cls(
            file=file, overlays=kept, config=file.config.model_copy(update={"streams": streams}), unusable=unusable
        )

    # -- questions -----------------------------------------------------------------------------------------------

    def origin(self, stream: str) -> Origin:
        """Return where a stream's configuration comes from."""
        if stream not in self.overlays:
            return "file"
        return "changed" if stream in self.file.config.streams else "runtime"

    def etag(self, stream: str, key: bytes) -> str:
        """Return a tag that differs whenever the stream's configuration differs, its secrets included.

        Args:
            stream: the stream's id.
            key: random bytes, so that a password can't be tried against the tag.
        """
        text = json.dumps(stream_keys(self._known(stream), secrets=True), sort_keys=True)
        return hashlib.blake2b(text.encode(), key=key, digest_size=12).hexdigest()

    def source_of(self, source: object) -> StreamConfig:
        """Return the configuration of a stream that would come from a source, in order to ask the source's camera.

        Args:
            source: a URL or the keys of a `source`.

        Raises:
            Rejected: the source is not valid.
        """
        keys = _checked("probe", {"source": source})
        return _validated(self.file, "probe", keys, keys)

    def _known(self, stream: str) -> StreamConfig:
        if stream not in self.config.streams:
            raise unknown_stream(stream)
        return self.config.streams[stream]

    # -- changes -------------------------------------------------------------------------------------------------

    def add(self, stream: str, keys: object) -> "EffectiveConfig":
        """Return the configuration with a new stream.

        Raises:
            Rejected: the stream exists, or its keys are not valid.
        """
        if stream in self.config.streams:
            raise Rejected(Code.EXISTS, f"there is a stream {stream!r} already")
        if len(self.config.streams) >= MAX_STREAMS:
            raise Rejected(Code.INVALID, f"there are {MAX_STREAMS} streams, the most there may be")
        return self.replace(stream, keys)

    def update(self, stream: str, keys: object) -> "EffectiveConfig":
        """Return the configuration with some keys of a stream changed.

        Raises:
            Rejected: there is no such stream, or the keys are not valid.
        """
        self._known(stream)
        before = self.overlays.get(stream, Overlay())
        checked = _checked(stream, keys)
        return self._with(stream, Overlay(keys=lay_over(before.keys, checked)))

    def replace(self, stream: str, keys: object) -> "EffectiveConfig":
        """Return the configuration with a stream that has the given keys and otherwise defaults.

        Raises:
            Rejected: the keys are not valid.
        """
        checked = _checked(stream, keys)
        if stream in self.file.config.streams:  # a key that is not given takes the default's value, not the file's
            whole = stream_keys(_validated(self.file, stream, checked, checked), secrets=True)
            own = {key: value for key, value in (self.file.keys_of(stream) or {}).items() if key != "source"}
            reset = _values_at(whole, own)
            gone = dict.fromkeys(own.get("renditions") or ())
            checked = merge({**reset, "renditions": {**gone, **reset.get("renditions", {})}}, checked)
        return self._with(stream, Overlay(keys=checked))

    def remove(self, stream: str) -> "EffectiveConfig":
        """Return the configuration without a stream.

        Raises:
            Rejected: there is no such stream.
        """
        self._known(stream)
        overlays = {name: overlay for name, overlay in self.overlays.items() if name != stream}
        if stream in self.file.config.streams:
            overlays[stream] = Overlay(removed=True)
        streams = {name: value for name, value in self.config.streams.items() if name != stream}
        return self._copy(overlays, streams, stream)

    def with_file(self, file: ConfigFile, old_raw: Mapping[str, Any] | None = None) -> "EffectiveConfig":
        """Return the configuration with another version of the file.

        Args:
            file: the new version.
            old_raw: the version that the overlays were made over, None for the present version.

        Raises:
            ConfigError: the runtime changes are not valid over the new version.
        """
        old = self.file.raw if old_raw is None else old_raw
        return EffectiveConfig.build(file, rebase(self.overlays, old, file.raw))

    def _with(self, stream: str, overlay: Overlay) -> "EffectiveConfig":
        effective = _validated(self.file, stream, lay_over(self.file.keys_of(stream) or {}, overlay.keys), overlay.keys)
        overlays = {**self.overlays, stream: overlay}
        if effective == self.file.config.streams.get(stream):
            del overlays[stream]
        changed = self._copy(overlays, {**self.config.streams, stream: effective}, stream)
        if problems := problems_together(changed.config):
            old = set(problems_together(self.config))
            problems = [problem for problem in problems if problem not in old]
        if problems:
            raise _rejected(ConfigError(problems))
        return changed

    def _copy(
        self, overlays: Mapping[str, Overlay], streams: Mapping[str, StreamConfig], changed: str
    ) -> "EffectiveConfig":
        return EffectiveConfig(
            file=self.file,
            overlays=overlays,
            config=self.config.model_copy(update={"streams": streams}),
            unusable={name: why for name, why in self.unusable.items() if name != changed},
        )


def rebase(overlays: Mapping[str, Overlay], old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Overlay]:
    """Return the runtime changes that are left after the file was edited.

    Args:
        overlays: the changes over the old file.
        old: the data of the old file, as written.
        new: the data of the new file, as written.
    """
    before, after = old.get("streams") or {}, new.get("streams") or {}
    result: dict[str, Overlay] = {}
    for name, overlay in overlays.items():
        was, is_now = before.get(name), after.get(name)
        if is_now is None:
            if was is None:
                result[name] = overlay
        elif was is not None:
            edited = changes(_as_mapping(was), _as_mapping(is_now))
            keys = without(overlay.keys, edited)
            if overlay.removed or keys:
                result[name] = Overlay(keys=keys, removed=overlay.removed)
    return result


def _values_at(whole: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a stream for the keys that its file gives it, at any depth.

    Only these are in the way of the defaults and of a preset, which hold for all others at any later time, too.
    """
    return {
        key: _values_at(value, own[key]) if isinstance(value, Mapping) and isinstance(own[key], Mapping) else value
        for key, value in whole.items()
        if key in own
    }


def _as_mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _checked(stream: str, keys: object) -> dict[str, Any]:
    try:
        return check_remote(stream, keys)
    except ConfigError as error:
        raise _rejected(error) from None


def _validated(file: ConfigFile, stream: str, keys: Mapping[str, Any], at_runtime: Mapping[str, Any]) -> StreamConfig:
    try:
        return _validate(file, stream, keys, at_runtime)
    except ConfigError as error:
        raise _rejected(error) from None


def _validate(file: ConfigFile, stream: str, keys: Mapping[str, Any], at_runtime: Mapping[str, Any]) -> StreamConfig:
    """Validate a stream's keys, of which those in `at_runtime` do not come from the file."""
    config = file.config
    listeners = [endpoint for _, endpoint in tcp_listeners(config)]
    defaults = file.data.get("defaults") or {}
    if _names_camera(at_runtime):
        defaults = without_login(defaults)  # it was given for the cameras of the file, and is not sent to other hosts
    return validate_stream(stream, keys, defaults, config.sources.allow, listeners)


def _names_camera(keys: Mapping[str, Any]) -> bool:
    source = keys.get("source")
    return isinstance(source, str) or (isinstance(source, Mapping) and "url" in source)


def _effective(file: ConfigFile, stream: str, overlay: Overlay) -> StreamConfig | None:
    if overlay.removed:
        return None
    return _validate(file, stream, lay_over(file.keys_of(stream) or {}, overlay.keys), overlay.keys)


def _rejected(error: ConfigError) -> Rejected:
    return Rejected(Code.INVALID, error.problems[0], tuple(error.problems))
