"""The verbs of assets are carried out here, for every interface."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Final

from typing_extensions import override

from transcoder import clock
from transcoder.assets.findings import UNKNOWN
from transcoder.assets.inventory import AssetView, Inventory
from transcoder.assets.makers import neighbour_findings, onvif_findings, stream_findings
from transcoder.assets.state import State
from transcoder.assets.tables import maker_named
from transcoder.config import asset_overlay
from transcoder.config.overlay import EffectiveConfig
from transcoder.control.asset_changes import change_many, import_document, slipped
from transcoder.control.asset_documents import AssetDocument, AssetImportDocument, asset_document
from transcoder.control.asset_verbs import AssetControl
from transcoder.control.changes import IMPORT, Change, Changes
from transcoder.control.shown import shown_asset
from transcoder.control.told_device import told_device
from transcoder.control.writer import Writer
from transcoder.rejection import Rejected, unknown_asset
from transcoder.rtsp.fingerprint import CameraMarks
from transcoder.service.asset_register import AssetRegister
from transcoder.service.audit import Entry
from transcoder.service.store import now_text, time_text

LOOK_S: Final = 5.0
"""Seconds between looks at the states of assets, at most: deriving 1,300 takes a twentieth of a second."""

Edit = Callable[[EffectiveConfig, str, object], EffectiveConfig]


class Assets(AssetControl):
    """Carries out the verbs of assets on one gateway.

    Args:
        changes: makes the changes.
        register: derives the states.
        note_rejected: is told of a change that was refused.
    """

    def __init__(
        self, changes: Changes, register: AssetRegister, note_rejected: Callable[[str | None, str, Writer], None]
    ) -> None:
        self._changes = changes
        self._note_rejected = note_rejected
        self.register = register
        self._marks: dict[str, CameraMarks] = {}
        self._next_look = 0.0

    def sample(self, marks: Mapping[str, CameraMarks | None], now: float) -> None:
        """Take in what cameras showed since the last time, and tell of states that changed.

        Args:
            marks: what the camera of each stream showed when it was described last, None for nothing.
            now: monotonic seconds.
        """
        for stream, shown in marks.items():
            if shown is not None and self._marks.get(stream) is not shown:
                self._marks[stream] = shown
                for finding in stream_findings(shown, now_text()):
                    self.register.note_finding(f"stream:{stream}", finding)
        for stream in self._marks.keys() - marks.keys():
            del self._marks[stream]
        if now >= self._next_look:
            self._next_look = now + LOOK_S
            self.inventory()

    def note_mac(self, stream: str, mac: str) -> None:
        """Note the MAC address of a stream's camera, which the neighbour table has."""
        for finding in neighbour_findings(mac, now_text()):
            self.register.note_finding(f"stream:{stream}", finding)

    def inventory(self) -> Inventory:
        """Return all assets with their states."""
        return self.register.look(clock.wall_clock())

    @override
    def ids(self) -> list[str]:
        return sorted(self._changes.effective.config.assets)

    @override
    def asset(self, asset: str, *, confidential: bool) -> AssetDocument:
        effective = self._changes.effective
        config = asset_overlay.known(effective, asset)
        return asset_document(
            self._view(asset),
            shown_asset(config, confidential=confidential),
            asset_overlay.origin(effective, asset),
            self._changes.asset_etag(asset),
            date.fromisoformat(_today()),
            confidential=confidential,
        )

    def _view(self, asset: str) -> AssetView:
        found = self.inventory().by_id.get(asset)
        if found is None:
            raise unknown_asset(asset)
        return found

    @override
    def states(self) -> Mapping[str, tuple[State, tuple[str, ...]]]:
        return {asset.id: (asset.state, asset.streams) for asset in self.inventory().assets}

    @override
    def state_of(self, stream: str) -> tuple[str, State] | None:
        config = self._changes.effective.config.streams.get(stream)
        found = self.inventory().by_id.get(config.asset) if config is not None and config.asset is not None else None
        return (found.id, found.state) if found is not None else None

    @override
    def counts(self) -> Mapping[tuple[State, str], int]:
        return Counter((asset.state, _maker(asset)) for asset in self.inventory().assets)

    # -- changes -----------------------------------------------------------------------------------------------------

    @override
    async def add(self, asset: str, keys: object, by: Writer, *, confidential: bool) -> AssetDocument:
        await self._change("asset_add", asset_overlay.add, asset, _without_reason(keys), by)
        return self.asset(asset, confidential=confidential)

    @override
    async def update(
        self, asset: str, keys: object, by: Writer, if_match: str | None = None, *, confidential: bool
    ) -> AssetDocument:
        edit = partial(_with_slip, asset_overlay.update, by, _today())
        await self._change("asset_update", edit, asset, keys, by, if_match)
        return self.asset(asset, confidential=confidential)

    @override
    async def replace(
        self, asset: str, keys: object, by: Writer, if_match: str | None = None, *, confidential: bool
    ) -> AssetDocument:
        edit = partial(_with_slip, asset_overlay.replace, by, _today())
        await self._change("asset_replace", edit, asset, keys, by, if_match)
        return self.asset(asset, confidential=confidential)

    @override
    async def remove(self, asset: str, by: Writer, if_match: str | None = None) -> None:
        await self._change("asset_remove", asset_overlay.remove, asset, {}, by, if_match)

    @override
    async def note_device(self, asset: str, document: object, by: Writer, *, confidential: bool) -> AssetDocument:
        asset_overlay.known(self._changes.effective, asset)
        told = told_device(document)
        names = sorted(document) if isinstance(document, Mapping) else []  # the values may help an attacker
        await self._changes.record(Entry(who=str(by), what="asset_device", detail={"asset": asset, "told": names}))
        for finding in onvif_findings(told, now_text()):
            self.register.note_finding(f"asset:{asset}", finding)
        return self.asset(asset, confidential=confidential)

    @override
    async def change_many(self, document: object, by: Writer) -> AssetImportDocument:
        before = self._changes.effective
        await self._make(Change(verb=IMPORT, keys=document, by=by, edit=partial(change_many, by, _today())))
        return import_document(document, before, self._changes.effective)

    async def _change(
        self, verb: str, edit: Edit, asset: str, keys: object, by: Writer, if_match: str | None = None
    ) -> None:
        await self._make(Change(asset=asset, verb=verb, keys=keys, by=by, edit=edit, if_match=if_match))

    async def _make(self, change: Change) -> None:
        try:
            await self._changes.make(change)
        except Rejected as error:
            self._note_rejected(None, "; ".join(error.problems) or str(error), change.by)
            raise


def _maker(asset: AssetView) -> str:
    """Return the name of an asset's maker as the table of makers has it: many ways to write one are one maker."""
    found = maker_named(asset.maker.value) if asset.maker.value else None
    return found.name if found is not None else asset.maker.value or UNKNOWN


def _today() -> str:
    return time_text(clock.wall_clock())[:10]


def _without_reason(keys: object) -> object:
    return {key: value for key, value in keys.items() if key != "reason"} if isinstance(keys, Mapping) else keys


def _with_slip(
    edit: Edit, by: Writer, day: str, effective: EffectiveConfig, asset: str, keys: object
) -> EffectiveConfig:
    return edit(effective, asset, slipped(effective, asset, keys, by, day))
