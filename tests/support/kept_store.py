"""This store has no disk."""

from collections.abc import Mapping, Sequence
from typing import Any

from transcoder.assets.findings import Finding
from transcoder.assets.history import StateChange
from transcoder.config.kept_changes import Overlay
from transcoder.service.audit import Entry, Record, link
from transcoder.service.store import Store, StoreError
from transcoder.service.verdicts import Verdict


class KeptStore(Store):
    """Keeps everything in memory; a test may make it slow, or make it fail.

    Attributes:
        entries: the records for the audit.
        overlays: the overlays that were set at runtime, by stream.
        assets: the same by asset.
        findings: what was found out, with its subject.
        states: the changes of states of assets.
        channels: the ledger channels that were met for the first time.
        verdicts: the verdicts with their signed statements.
        broken: whether every commit fails.
        gate: an event that every commit waits for first, or None.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.overlays: dict[str, Overlay] = {}
        self.assets: dict[str, Overlay] = {}
        self.findings: list[tuple[str, Finding]] = []
        self.states: list[StateChange] = []
        self.file: Mapping[str, Any] | None = None
        self.channels: list[tuple[str, str, str]] = []
        self.verdicts: list[tuple[Verdict, Mapping[str, Any]]] = []
        self.broken = False
        self.dropped = 0
        self.refusal = self.trouble = ""
        self.gate: Any = None

    async def commit(
        self,
        entries: Sequence[Entry],
        overlays: Mapping[str, Overlay | None] | None = None,
        file: Mapping[str, Any] | None = None,
        assets: Mapping[str, Overlay | None] | None = None,
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
        for name, overlay in (assets or {}).items():
            if overlay is None:
                self.assets.pop(name, None)
            else:
                self.assets[name] = overlay
        self.file = file if file is not None else self.file

    def note_finding(self, subject: str, finding: Finding) -> None:
        self.findings.append((subject, finding))

    def move_findings(self, old: str, new: str) -> None:
        self.findings = [(new if subject == old else subject, found) for subject, found in self.findings]

    def note_states(self, changes: Sequence[StateChange]) -> None:
        self.states += changes

    def note_verdict(self, verdict: Verdict, signed: Mapping[str, Any]) -> None:
        self.verdicts.append((verdict, signed))

    async def signed_verdict(self, stream: str, number: int) -> dict[str, Any] | None:
        for verdict, signed in self.verdicts:
            if (verdict.stream, verdict.number) == (stream, number) and signed:
                return dict(signed)
        return None

    async def audit_of(self, stream: str, limit: int) -> list[Record]:
        found = [
            link(entry, sequence=number, at="2026-01-01T00:00:00.000Z", previous="")
            for number, entry in enumerate(self.entries, 1)
            if entry.stream == stream
        ]
        return found[: -limit - 1 : -1]

    def note_channel(self, stream: str, layer: str, kind: str) -> None:
        self.channels.append((stream, layer, kind))
