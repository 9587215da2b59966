"""The register keeps what the gateway knows of its assets, and derives their states from it.

It looks at no clock: the times are handed in. A state is derived anew when something changed that it may follow from,
and once an hour because days pass.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

from transcoder.assets.findings import Finding
from transcoder.assets.history import MAX_CHANGES, StateChange
from transcoder.assets.inventory import Inventory, Judged, KeptFacts, build_inventory
from transcoder.config import Config
from transcoder.service.kept_assets import KeptAssets
from transcoder.service.store import time_text
from transcoder.service.verdicts import Verdict
from transcoder.worker_options import MAIN

LOOK_S: Final = 3600.0
"""Seconds after which states are derived anew although nothing changed: exemptions end, and verdicts grow old."""
MARGIN_S: Final = 10.0
"""Seconds by which the reading of a stream may have begun before those that its verdict names: a process starts."""
MAX_STREAM_FINDINGS: Final = 4096
"""The streams without an asset whose findings are remembered, that of `config/overlay.py`."""

OnChange = Callable[[StateChange, str], None]
"""A function that is told of a change of a state, with the state before, "" for an asset that had none."""


class AssetStore(Protocol):
    """This is the part of the store that the register writes to; nobody waits for it."""

    def note_finding(self, subject: str, finding: Finding) -> None:
        """Keep what was found out."""

    def move_findings(self, old: str, new: str) -> None:
        """Give the findings about one subject to another one, "" for nobody."""

    def note_states(self, changes: Sequence[StateChange]) -> None:
        """Keep changes of states."""


class AssetRegister:
    """Keeps findings, verdicts and the history of the assets of one gateway.

    Args:
        config: tells the configuration in force.
        kept: what was kept of assets before.
        verdicts: the verdicts of earlier lives, the oldest first.
        store: keeps what is new, None where nothing is kept.
        on_change: is told of each change of a state.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        kept: KeptAssets,
        verdicts: Iterable[Verdict],
        store: AssetStore | None,
        on_change: OnChange,
    ) -> None:
        self._config = config
        self._store = store
        self._on_change = on_change
        self._findings = {
            subject: {(each.field, each.by): each for each in found} for subject, found in kept.findings.items()
        }
        self._history = {asset: list(changes) for asset, changes in kept.history.items()}
        self._judged: dict[str, dict[str, Judged]] = {}
        """What was found of each stream, by output."""
        self._changed_at: dict[str, float] = {}
        """When a stream was given another camera or asset in this life, UTC seconds."""
        self._inventory: Inventory | None = None
        self._is_stale = True
        self._next_look = 0.0
        for verdict in verdicts:
            self._take(verdict)

    # -- what is told ------------------------------------------------------------------------------------------------

    def tagged(self, verdict: Verdict) -> Verdict:
        """Return a verdict with the camera and the asset that its stream has; it counts for no others."""
        stream = self._config().streams.get(verdict.stream)
        if stream is None:
            return verdict
        return replace(verdict, asset=stream.asset or "", camera=camera_mark(stream.source.url))

    def note_verdict(self, verdict: Verdict) -> None:
        """Note a verdict that was tagged."""
        self._take(verdict)
        self._is_stale = True

    def _take(self, verdict: Verdict) -> None:
        stream = self._config().streams.get(verdict.stream)
        if stream is None or verdict.kind == "nothing to judge":
            return
        if verdict.camera != camera_mark(stream.source.url) or verdict.asset not in {"", stream.asset or ""}:
            return
        at = datetime.fromisoformat(verdict.at).timestamp()
        if at - verdict.seconds - MARGIN_S < self._changed_at.get(verdict.stream, 0.0):
            return  # it was the camera before that was read
        outputs = self._judged.setdefault(verdict.stream, {})
        before = outputs.get(verdict.rendition, Judged())
        # the clock may have been set back: the verdict that came last counts, whatever time the one before bears
        if verdict.kind == "clean":
            unclean_at = before.unclean_at if (before.unclean_at or 0.0) <= at else None
            outputs[verdict.rendition] = Judged(clean_at=at, unclean_at=unclean_at)
        else:
            clean_at = before.clean_at if (before.clean_at or 0.0) < at else None
            outputs[verdict.rendition] = Judged(clean_at=clean_at, unclean_at=at)

    def note_finding(self, subject: str, finding: Finding) -> None:
        """Note what was found out.

        Args:
            subject: `asset:<id>`, or `stream:<id>` for the asset that feeds a stream, now or later.
            finding: what was found out.
        """
        kind, _, name = subject.partition(":")
        stream = self._config().streams.get(name) if kind == "stream" else None
        if stream is not None and stream.asset is not None:
            subject = f"asset:{stream.asset}"
        found = finding.bounded()
        known = self._findings.setdefault(subject, {})
        before = known.get((found.field, found.by))
        known[found.field, found.by] = found
        if before is not None and (before.value, before.evidence) == (found.value, found.evidence):
            return  # it was seen again: nothing follows from it, and the disk is spared
        if len(self._findings) > MAX_STREAM_FINDINGS + len(self._config().assets):
            del self._findings[next(iter(self._findings))]
        self._is_stale = True
        if self._store is not None:
            self._store.note_finding(subject, found)

    def config_changed(self, old: Config, new: Config, now: float) -> None:
        """Take up another configuration.

        Args:
            old: the configuration before.
            new: the configuration in force.
            now: UTC seconds.
        """
        self._is_stale = True
        for name, stream in new.streams.items():
            before = old.streams.get(name)
            if before is None or before is stream:
                continue
            if (before.asset, before.source.url) != (stream.asset, stream.source.url):
                is_first = before.asset is None and before.source.url == stream.source.url
                self._camera_changed(name, stream.asset or "", now, is_first=is_first)
        for name in old.streams.keys() - new.streams.keys():
            self._judged.pop(name, None)
            self._changed_at.pop(name, None)
            self._move(f"stream:{name}", "")
        for name in old.assets.keys() - new.assets.keys():
            self._move(f"asset:{name}", "")  # an id that is given anew is another box

    def _camera_changed(self, stream: str, asset: str, now: float, *, is_first: bool) -> None:
        """Forget what was known of a stream's camera; an asset that is named for the first time is that camera."""
        if is_first:
            self._move(f"stream:{stream}", f"asset:{asset}")
            return
        self._judged.pop(stream, None)
        self._changed_at[stream] = now
        self._move(f"stream:{stream}", "")

    def _move(self, old: str, new: str) -> None:
        found = self._findings.pop(old, None)
        if found is None:
            return
        if new:
            self._findings[new] = {**self._findings.get(new, {}), **found}
        if self._store is not None:
            self._store.move_findings(old, new)

    # -- what follows ------------------------------------------------------------------------------------------------

    def facts(self) -> KeptFacts:
        """Return what is known beside the configuration."""
        findings = {
            subject.removeprefix("asset:"): tuple(found.values())
            for subject, found in self._findings.items()
            if subject.startswith("asset:")
        }
        return KeptFacts(findings=findings, history=self._history, verdicts=self._verdicts())

    def _verdicts(self) -> dict[str, Judged]:
        """Return what was found of each stream: of its main output, unless a rendition of it was found unclean."""
        found = {}
        for name, outputs in self._judged.items():
            stream = self._config().streams.get(name)
            renditions = [outputs[each] for each in outputs if stream is not None and each in stream.renditions]
            unclean = next((each for each in renditions if (each.unclean_at or 0.0) > (each.clean_at or 0.0)), None)
            found[name] = outputs.get(MAIN, Judged()) if unclean is None else Judged(unclean_at=unclean.unclean_at)
        return found

    def look(self, now: float) -> Inventory:
        """Return the inventory, derived anew where something may have changed, and tell of states that did.

        Args:
            now: UTC seconds.
        """
        if self._inventory is None or self._is_stale or not self._next_look - LOOK_S <= now < self._next_look:
            self._is_stale = False
            self._next_look = now + LOOK_S
            self._inventory = self._note_changes(self._build(now), now)
        return self._inventory

    def _build(self, now: float) -> Inventory:
        return build_inventory(self._config(), self.facts(), now)

    def _note_changes(self, found: Inventory, now: float) -> Inventory:
        """Write down the states that differ from those before; return the inventory with them."""
        changes, before = [], {}
        for asset in found.assets:
            history = self._history.setdefault(asset.id, [])
            before[asset.id] = history[-1].state if history else ""
            if before[asset.id] == asset.state:
                continue
            change = StateChange(asset=asset.id, state=asset.state, at=time_text(now), because=asset.because)
            history.append(change)
            if len(history) > MAX_CHANGES:
                del history[1]
            changes.append(change)
        if not changes:
            return found
        if self._store is not None:
            self._store.note_states(changes)
        for change in changes:
            self._on_change(change, before[change.asset])
        return self._build(now)


def camera_mark(url: str) -> str:
    """Return a text that tells a camera's URL from others and does not show it."""
    return hashlib.blake2b(url.encode(), digest_size=8).hexdigest()


def kept_facts(config: Config, kept: KeptAssets, verdicts: Iterable[Verdict]) -> KeptFacts:
    """Return what the gateway knows of assets, for a command that reads the state beside the gateway.

    Args:
        config: the configuration in force.
        kept: what was kept of assets.
        verdicts: the verdicts that were kept.
    """
    return AssetRegister(lambda: config, kept, verdicts, None, _nobody).facts()


def _nobody(change: StateChange, before: str) -> None:
    """Tell nobody."""
