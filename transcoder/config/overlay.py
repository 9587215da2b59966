"""The effective configuration is the file with the runtime changes of streams and assets laid over it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from transcoder.config import (
    Config,
    ConfigFile,
    StreamConfig,
    check_remote,
    lay_over,
    merge,
    stream_keys,
    validate_stream,
)
from transcoder.config.asset_links import asset_problems
from transcoder.config.asset_overlay import lay_assets, lay_changed
from transcoder.config.defaults import without_login
from transcoder.config.kept_changes import Origin, Overlay, rebase
from transcoder.config.listeners import tcp_listeners
from transcoder.config.load import problems_together
from transcoder.config.remote import MAX_PROBLEMS
from transcoder.errors import ConfigError
from transcoder.rejection import Code, Rejected, unknown_stream

MAX_STREAMS: Final = 4096
"""The largest number of streams of one gateway, above the number that its processes and ports allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveConfig:
    """Holds a file and the changes over it, validated together.

    An effective configuration never changes: each change makes another one.

    Attributes:
        file: the file as it was last read.
        overlays: the changes by stream.
        asset_overlays: the changes by asset.
        config: the configuration in effect.
        unusable: the streams that are not served, because the changes kept for them are not valid any more; each with
            the reason.
        unusable_assets: the assets whose kept changes are not valid any more and are not in effect, with the reason.
    """

    file: ConfigFile
    overlays: Mapping[str, Overlay] = field(default_factory=dict)
    asset_overlays: Mapping[str, Overlay] = field(default_factory=dict)
    config: Config
    unusable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unusable_assets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        file: ConfigFile,
        overlays: Mapping[str, Overlay],
        asset_overlays: Mapping[str, Overlay] | None = None,
        *,
        lenient: bool = False,
    ) -> "EffectiveConfig":
        """Lay kept changes over a file.

        Args:
            file: a validated file.
            overlays: the changes by stream; those that change nothing are left out.
            asset_overlays: the changes by asset, likewise.
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
            if stream == file.config.streams.get(name) and overlay.before_swap is None:
                continue
            kept[name] = overlay
            if stream is None:
                streams.pop(name, None)
            else:
                streams[name] = stream
        assets = lay_assets(file, asset_overlays or {})
        problems += [f"{problem} (set at runtime)" for each in assets.unusable.values() for problem in each]
        config = file.config.model_copy(update={"streams": streams, "assets": assets.assets})
        if not lenient:
            problems += [f"{problem} (set at runtime)" for problem in asset_problems(config)]
        if problems and not lenient:
            raise ConfigError(problems)
        return cls(
            file=file,
            overlays=kept,
            asset_overlays=assets.kept,
            config=config,
            unusable=unusable,
            unusable_assets=assets.unusable,
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
        return self._with_keys(stream, lay_over(before.keys, checked))

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
        return self._with_keys(stream, checked)

    def remove(self, stream: str, keys: object = None) -> "EffectiveConfig":
        """Return the configuration without a stream.

        Raises:
            Rejected: there is no such stream.
        """
        del keys
        self._known(stream)
        overlays = {name: overlay for name, overlay in self.overlays.items() if name != stream}
        if stream in self.file.config.streams:
            overlays[stream] = Overlay(removed=True)
        streams = {name: value for name, value in self.config.streams.items() if name != stream}
        return replace(
            self,
            overlays=overlays,
            config=self.config.model_copy(update={"streams": streams}),
            unusable={name: why for name, why in self.unusable.items() if name != stream},
        )

    def with_file(self, file: ConfigFile, old_raw: Mapping[str, Any] | None = None) -> "EffectiveConfig":
        """Return the configuration with another version of the file.

        Args:
            file: the new version.
            old_raw: the version that the overlays were made over, None for the present version.

        Raises:
            ConfigError: the runtime changes are not valid over the new version.
        """
        old = self.file.raw if old_raw is None else old_raw
        assets = rebase(self.asset_overlays, old, file.raw, "assets")
        return EffectiveConfig.build(file, rebase(self.overlays, old, file.raw), assets)

    def _with_keys(self, stream: str, keys: Mapping[str, Any]) -> "EffectiveConfig":
        """Return the configuration with other changes of a stream; another camera is none to go back from."""
        before_swap = self.overlays.get(stream, Overlay()).before_swap
        changed = self.with_changes({stream: Overlay(keys=keys, before_swap=before_swap)}, {})
        if before_swap is None or changed.config.streams[stream].source == self.config.streams[stream].source:
            return changed
        return self.with_changes({stream: Overlay(keys=keys)}, {})

    def with_changes(self, streams: Mapping[str, Overlay], assets: Mapping[str, Overlay]) -> "EffectiveConfig":
        """Return the configuration with changes of streams and assets, all of them or none.

        Args:
            streams: the changes that streams have from now on, by stream.
            assets: the same by asset; one that is removed where the file has none is a change that is gone.

        Raises:
            Rejected: the changes are not valid, alone or together.
        """
        new_streams, overlays = dict(self.config.streams), {**self.overlays, **streams}
        for name, overlay in streams.items():
            new = _validated(self.file, name, lay_over(self.file.keys_of(name) or {}, overlay.keys), overlay.keys)
            new_streams[name] = new
            if new == self.file.config.streams.get(name) and overlay.before_swap is None:
                del overlays[name]
        try:
            new_assets = lay_changed(self.file, self.config.assets, assets)
        except ConfigError as error:
            raise _rejected(error) from None
        of_file = self.file.config.assets
        kept = {
            name: overlay
            for name, overlay in {**self.asset_overlays, **assets}.items()
            if (name in of_file if overlay.removed else new_assets.get(name) != of_file.get(name))
        }
        changed = replace(
            self,
            overlays=overlays,
            asset_overlays=kept,
            config=self.config.model_copy(update={"streams": new_streams, "assets": new_assets}),
            unusable={name: why for name, why in self.unusable.items() if name not in streams},
            unusable_assets={name: why for name, why in self.unusable_assets.items() if name not in assets},
        )
        self._check_together(changed)
        return changed

    def _check_together(self, changed: "EffectiveConfig") -> None:
        """Raise Rejected where what is valid alone is not together; problems that there were before don't count."""
        if problems := problems_together(changed.config):
            old = set(problems_together(self.config))
            problems = [problem for problem in problems if problem not in old]
        if problems:
            raise _rejected(ConfigError(problems[:MAX_PROBLEMS]))


def _values_at(whole: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a stream for the keys that its file gives it, at any depth.

    Only these are in the way of the defaults and of a preset, which hold for all others at any later time, too.
    """
    return {
        key: _values_at(value, own[key]) if isinstance(value, Mapping) and isinstance(own[key], Mapping) else value
        for key, value in whole.items()
        if key in own
    }


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
