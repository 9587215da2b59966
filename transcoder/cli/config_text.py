"""`transcoder config` prints these texts: the file, the changes made at runtime, and both together."""

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from transcoder.cli.config_export import export_text, plain_text
from transcoder.config import ConfigFile, StreamConfig, asset_overlay, changes, lay_over, load_file, merge, stream_keys
from transcoder.config.kept_changes import rebase
from transcoder.config.overlay import EffectiveConfig
from transcoder.control.shown import shown, without_secret_values
from transcoder.service.state_reader import read_kept

_ORIGIN: Final = {"file": "from the file", "runtime": "added at runtime", "changed": "changed at runtime"}


def read_effective(path: Path) -> tuple[ConfigFile, EffectiveConfig]:
    """Read the file, and lay the changes over it that were made at runtime.

    Raises:
        ConfigError: the file is not valid.
        StoreError: the kept changes can't be read.
    """
    file = load_file(path)
    kept = read_kept(file.config.state_dir)
    if kept is None:
        return file, EffectiveConfig.build(file, {}, lenient=True)
    old = kept.file or file.raw
    assets = rebase(kept.assets.overlays, old, file.raw, "assets")
    return file, EffectiveConfig.build(file, rebase(kept.overlays, old, file.raw), assets, lenient=True)


def show(effective: EffectiveConfig) -> str:
    """Write the effective configuration as YAML, without secrets; a comment says where each stream comes from."""
    config = effective.config
    top = without_secret_values(config.model_dump(mode="json", exclude={"streams", "assets"}))
    lines = [plain_text(top), "streams:\n" if config.streams else "streams: {}\n"]
    for name, stream in config.streams.items():
        text = plain_text({name: shown(stream)})
        lines.append(f"  # {_ORIGIN[effective.origin(name)]}\n" + "".join(f"  {line}\n" for line in text.splitlines()))
    lines += _show_assets(effective)
    for name, problems in effective.unusable.items():
        lines += [f"# {name} is not served: {problem}\n" for problem in problems]
    return "".join(lines)


def _show_assets(effective: EffectiveConfig) -> Iterator[str]:
    yield "assets:\n" if effective.config.assets else "assets: {}\n"
    for name, asset in effective.config.assets.items():
        text = plain_text({name: asset.model_dump(mode="json", exclude_defaults=True)})
        comment = _ORIGIN[asset_overlay.origin(effective, name)]
        yield f"  # {comment}\n" + "".join(f"  {line}\n" for line in text.splitlines())


def diff(effective: EffectiveConfig) -> Iterator[str]:
    """Yield the changes that were made at runtime, a line for each key."""
    old, new = effective.file.config.streams, effective.config.streams
    for name in effective.overlays:
        if name in effective.unusable:
            yield f"! {name}: {effective.unusable[name][0]}"
        elif name not in old:
            yield f"+ {name}: {_short(shown(new[name])['source']['url'])}"
            yield from _keys(name, {}, _given(effective.overlays[name].keys))
            yield from _keys(name, {}, {"push": shown(new[name])["push"]} if new[name].push else {})
        elif name not in new:
            yield f"- {name}"
        else:
            yield from _changed(name, old[name], new[name])
    yield from _asset_diff(effective)


def _asset_diff(effective: EffectiveConfig) -> Iterator[str]:
    old, new = effective.file.config.assets, effective.config.assets
    for name in effective.asset_overlays:
        path = f"assets.{name}"
        if name in effective.unusable_assets:
            yield f"! {path}: {effective.unusable_assets[name][0]}"
        elif name not in new:
            yield f"- {path}"
        else:
            before = old[name].model_dump(mode="json", exclude_defaults=True) if name in old else {}
            after = new[name].model_dump(mode="json", exclude_defaults=True)
            yield from () if name in old else (f"+ {path}",)
            yield from _keys(path, before, changes(before, after))


def _given(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if key not in {"source", "push"}}


def _changed(name: str, old: StreamConfig, new: StreamConfig) -> Iterator[str]:
    before, after = shown(old), shown(new)
    yield from _keys(name, before, changes(before, after))
    if stream_keys(old, secrets=True)["source"] != stream_keys(new, secrets=True)["source"] and (
        before["source"] == after["source"]
    ):
        yield f"~ {name}.source: other credentials"
    if stream_keys(old, secrets=True)["push"] != stream_keys(new, secrets=True)["push"] and (
        before["push"] == after["push"]
    ):
        yield f"~ {name}.push: other secrets"


def _keys(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping | None):
            yield from _keys(f"{path}.{key}", old or {}, value)
        else:
            yield f"~ {path}.{key}: " + (f"{_short(old)} -> " if key in before else "") + _short(value)


def _short(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("\n...\n").strip()


def export(file: ConfigFile, effective: EffectiveConfig) -> str:
    """Write the file with the runtime changes and the files that it includes in it; comments stay, passwords too."""
    whole: dict[str, Any] = copy.deepcopy({key: value for key, value in file.raw.items() if key != "include"})
    streams = dict(whole.get("streams") or {})
    for name, overlay in effective.overlays.items():
        if overlay.removed:
            streams.pop(name, None)
        else:
            streams[name] = lay_over(streams.get(name) or {}, _escaped(overlay.keys))
    whole["streams"] = streams
    assets = dict(whole.get("assets") or {})
    for name, overlay in effective.asset_overlays.items():
        if overlay.removed:
            assets.pop(name, None)
        else:
            assets[name] = merge(assets.get(name) or {}, _escaped(overlay.keys))
    if assets or "assets" in whole:
        whole["assets"] = assets
    return export_text(file.texts[0].text, whole)


def _escaped(value: Any) -> Any:
    """Escape a command's value, which is meant as it is: in a file `${` would name a variable."""
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(item) for item in value]
    return value.replace("${", "$${") if isinstance(value, str) else value
