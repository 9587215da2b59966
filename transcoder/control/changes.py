"""Changes of the configuration are validated, kept on the disk and applied, one at a time.

A change is made in this order: validated against the present configuration, kept on the disk, applied to the streams
that differ, answered. Changes are validated and kept one at a time, so that no writer can undo a change that he has not
read.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

from transcoder.config import Config, ConfigFile, asset_overlay
from transcoder.config.difference import Difference, difference
from transcoder.config.kept_changes import Overlay
from transcoder.config.overlay import EffectiveConfig
from transcoder.control.change_log import ChangeLog
from transcoder.control.shown import asset_values, difference_detail, hide, shown, shown_asset
from transcoder.control.writer import Writer
from transcoder.errors import ConfigError
from transcoder.rejection import Code, Rejected, unknown_stream
from transcoder.service.audit import Entry
from transcoder.service.store import Store, StoreError

IMPORT: Final = "asset_import"
"""The verb that changes many assets and streams at a time."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Holds a change of one stream, of one asset or of several that a writer asks for.

    Attributes:
        stream: the stream's name, "" for a change of no stream in particular.
        asset: the asset's name, "" for a change of no asset in particular.
        verb: "add", "update", "replace" or "remove", with "asset_" in front for an asset; "asset_import" for many.
        keys: the keys as the writer gave them.
        by: the writer.
        edit: makes the new configuration of the present one, the name and the keys; raises Rejected where it is not
            valid.
        if_match: the tag of the stream or asset that the writer has read, None where any will do.
    """

    stream: str = ""
    asset: str = ""
    verb: str
    keys: object
    by: Writer
    edit: Callable[[EffectiveConfig, str, object], EffectiveConfig]
    if_match: str | None = None


class Changes:
    """Holds the effective configuration, and changes it.

    Args:
        effective: the effective configuration.
        store: keeps changes; None where there is no place to keep them, and then no change is made.
        etag_key: a random key for tags.
        apply: takes up a difference; it is called when `effective` is the new one already.
    """

    def __init__(
        self,
        effective: EffectiveConfig,
        store: Store | None,
        etag_key: bytes,
        apply: Callable[[Difference], Awaitable[None]],
    ) -> None:
        self.effective = effective
        self._store = store
        self._etag_key = etag_key
        self._apply = apply
        self._changing = asyncio.Lock()
        self._log = ChangeLog()
        self._work: set[asyncio.Task[None]] = set()
        self._validation = ThreadPoolExecutor(max_workers=1, thread_name_prefix="validation")

    async def off_loop(self, work: Callable[P, T], *arguments: P.args, **keys: P.kwargs) -> T:
        """Validate in a thread, one document at a time, so that no stream waits for a document.

        Args:
            work: the function that validates; it changes nothing.
            arguments: its arguments.
            keys: its arguments by name.
        """
        call = partial(work, *arguments, **keys)
        return await asyncio.get_running_loop().run_in_executor(self._validation, call)

    def etag(self, stream: str) -> str:
        """Return the tag of a stream's configuration, which differs whenever the configuration does."""
        return self.effective.etag(stream, self._etag_key)

    def asset_etag(self, asset: str) -> str:
        """Return the tag of an asset's configuration, which differs whenever the configuration does."""
        return asset_overlay.etag(self.effective, asset, self._etag_key)

    def shown(self) -> tuple[dict[str, Any], str]:
        """Return the effective configuration without secrets, and a tag of all of it."""
        config = self.effective.config
        top = config.model_dump(mode="json", exclude={"streams", "assets", "http", "mqtt", "rtsp"})
        streams = {name: shown(stream) for name, stream in config.streams.items()}
        assets = {name: shown_asset(asset) for name, asset in config.assets.items()}
        tags = {name: self.etag(name) for name in streams}
        asset_tags = {name: self.asset_etag(name) for name in assets}
        whole = json.dumps([top, tags, asset_tags], sort_keys=True, default=str)
        tag = hashlib.blake2b(whole.encode(), key=self._etag_key, digest_size=12).hexdigest()
        return {**top, "streams": streams, "assets": assets}, tag

    async def make(self, change: Change) -> None:
        """Make a change; it is made to its end even where the caller goes away.

        Raises:
            Rejected: the change is not valid, was made after another one, or can't be kept; nothing was changed.
        """
        # a caller that goes away must not leave a change that is kept and not applied
        work = asyncio.get_running_loop().create_task(self._make(change))
        self._work.add(work)
        work.add_done_callback(self._work.discard)
        await asyncio.shield(work)

    async def _make(self, change: Change) -> None:
        async with self._changing:
            if change.if_match is not None:
                self._check_tag(change, change.if_match)
            new = await self.off_loop(change.edit, self.effective, change.asset or change.stream, change.keys)
            found = difference(self.effective.config, new.config)
            changed = _changed(self.effective.overlays, new.overlays)
            changed_assets = _changed(self.effective.asset_overlays, new.asset_overlays)
            if changed or changed_assets or found.streams or found.assets:
                entries = change_entries(change, found, self.effective.config, new.config)
                await self._keep(entries, changed, changed_assets)
            before, self.effective = self.effective.config, new
        await self._apply(found)
        self._log.write(before, new.config, found, str(change.by))

    def _check_tag(self, change: Change, if_match: str) -> None:
        if change.asset:
            asset_overlay.known(self.effective, change.asset)
            tag, what = self.asset_etag(change.asset), f"asset {change.asset}"
        else:
            if change.stream not in self.effective.config.streams:
                raise unknown_stream(change.stream)
            tag, what = self.etag(change.stream), f"stream {change.stream}"
        if tag != if_match:
            raise Rejected(Code.CONFLICT, f"{what} was changed meanwhile; read it again")

    async def _keep(
        self,
        entries: Sequence[Entry],
        overlays: Mapping[str, Overlay | None],
        assets: Mapping[str, Overlay | None] | None = None,
    ) -> None:
        if self._store is None:
            is_wanted = self.effective.config.state_dir is not None
            reason = "is not usable" if is_wanted else "is null in the configuration"
            raise Rejected(Code.NOT_KEPT, f"changes can't be kept: the state_dir {reason}")
        try:
            await self._store.commit(entries, overlays, assets=assets)
        except StoreError as error:
            raise Rejected(Code.NOT_KEPT, f"the change could not be kept: {error}") from None

    async def record(self, entry: Entry) -> None:
        """Record for the audit an action of a writer that changes no configuration, where there is a store.

        Raises:
            Rejected: the record can't be kept.
        """
        if self._store is not None:
            await self._keep([entry], {})

    async def reload(self, file: ConfigFile) -> Difference:
        """Take up the differences of a file that was changed; return them.

        Raises:
            ConfigError: the file is not valid together with the changes made at runtime, or can't be kept; nothing was
                changed.
        """
        async with self._changing:
            new = await self.off_loop(self.effective.with_file, file)
            found = difference(self.effective.config, new.config)
            overlays = {name: new.overlays.get(name) for name in {*self.effective.overlays, *new.overlays}}
            assets = {
                name: new.asset_overlays.get(name) for name in {*self.effective.asset_overlays, *new.asset_overlays}
            }
            entry = Entry(who="file", what="reload", detail={"changed": difference_detail(found)})
            entries = [entry, *asset_entries("file", found, self.effective.config, new.config)]
            if self._store is not None:
                try:
                    await self._store.commit(entries, overlays, file.raw, assets)
                except StoreError as error:
                    raise ConfigError([f"the reload could not be kept: {error}"]) from None
            before, self.effective = self.effective.config, new
        await self._apply(found)
        self._log.write(before, new.config, found, "file")
        return found


def _changed(old: Mapping[str, Overlay], new: Mapping[str, Overlay]) -> dict[str, Overlay | None]:
    return {name: new.get(name) for name in {**old, **new} if new.get(name) != old.get(name)}


def change_entries(change: Change, found: Difference, old: Config, new: Config) -> list[Entry]:
    """Return the records of a change: one of what was asked for, and one for each asset that differs after it."""
    who = str(change.by)
    own = asset_entries(who, found, old, new, change.verb if change.asset else "asset_update")
    if change.asset:
        return own or [Entry(who=who, what=change.verb, detail={"asset": change.asset})]
    keys = {} if change.verb == IMPORT else {"keys": hide(change.keys)}
    detail = {**keys, "changed": difference_detail(found)}
    return [Entry(who=who, what=change.verb, stream=change.stream, detail=detail), *own]


def asset_entries(who: str, found: Difference, old: Config, new: Config, what: str = "asset_update") -> list[Entry]:
    """Return a record for each asset that differs, with the old and the new value of each key that differs."""
    entries = []
    for name in found.assets:
        before, after = old.assets.get(name), new.assets.get(name)
        verb = "asset_add" if before is None else "asset_remove" if after is None else what
        detail = {"asset": name, "changed": asset_values(before, after)}
        entries.append(Entry(who=who, what=verb, detail=detail))
    return entries
