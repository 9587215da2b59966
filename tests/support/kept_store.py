"""This store has no disk."""

from collections.abc import Mapping, Sequence
from typing import Any

from transcoder.config.overlay import Overlay
from transcoder.service.audit import Entry
from transcoder.service.store import Store, StoreError


class KeptStore(Store):
    """Keeps everything in memory; a test may make it slow, or make it fail.

    Attributes:
        entries: the records for the audit.
        overlays: the overlays that were set at runtime, by stream.
        channels: the ledger channels that were met for the first time.
        broken: whether every commit fails.
        gate: an event that every commit waits for first, or None.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.overlays: dict[str, Overlay] = {}
        self.file: Mapping[str, Any] | None = None
        self.channels: list[tuple[str, str, str]] = []
        self.broken = False
        self.dropped = 0
        self.gate: Any = None

    async def commit(
        self,
        entries: Sequence[Entry],
        overlays: Mapping[str, Overlay | None] | None = None,
        file: Mapping[str, Any] | None = None,
    ) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.broken:
            raise StoreError("the disk is full")
        self.entries += entries
        for name, overlay in (overlays or {}).items():
            if overlay is None:
                self.overlays.pop(name, None)
            else:
                self.overlays[name] = overlay
        self.file = file if file is not None else self.file

    def note_channel(self, stream: str, layer: str, kind: str) -> None:
        self.channels.append((stream, layer, kind))
