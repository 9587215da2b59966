"""A client that may only look sees the gateway through this: its documents say nowhere where a camera is.

What is withheld is decided in `control/withheld.py`; here it is decided for whom. A verb that is added to `Control` has
to be added here, or mypy refuses the class: nothing reaches such a client that nobody thought of.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from typing_extensions import override

from transcoder.api.access import Denied
from transcoder.control import (
    AuditDocument,
    Control,
    EventDocument,
    EventFeed,
    EventsDocument,
    GatewayNumbers,
    HistoryDocument,
    InfoDocument,
    LedgerEntryDocument,
    ProbeDocument,
    ServedDocument,
    SessionDocument,
    SessionsDocument,
    StatsDocument,
    Status,
    StreamDocument,
    StreamNumbers,
    StreamStateDocument,
    SwapDocument,
    VerdictsDocument,
    WallDocument,
    Writer,
)
from transcoder.control.asset_verbs import AssetControl
from transcoder.control.verbs import WallWatcher
from transcoder.control.withheld import (
    configuration_without_addresses,
    entry_without_example,
    event_without_address,
    state_without_address,
    stream_without_address,
)
from transcoder.service.viewers import Viewer
from transcoder.worker_options import MAIN


def _refused() -> Denied:
    return Denied(403, "control is needed")


class _Feed(EventFeed):
    """Gives the events of a feed without addresses.

    Args:
        feed: the feed.
    """

    def __init__(self, feed: EventFeed) -> None:
        self._feed = feed

    @override
    async def __aiter__(self) -> AsyncIterator[EventDocument]:
        async for event in self._feed:
            yield event_without_address(event)

    @override
    def close(self) -> None:
        self._feed.close()


class ReadOnly(Control):
    """Answers what a client asks that has the role read, and refuses every change, which no route should let through.

    Args:
        control: carries out the verbs.
    """

    def __init__(self, control: Control) -> None:
        self._control = control

    @property
    def assets(self) -> AssetControl:  # type: ignore[override]  # an attribute there, which nobody sets
        """Return the verbs of assets, whose callers say for themselves what may be shown."""
        return self._control.assets

    @override
    def ids(self) -> list[str]:
        return self._control.ids()

    @override
    def stream(self, stream: str) -> StreamDocument:
        return stream_without_address(self._control.stream(stream))

    @override
    def state(self, stream: str) -> StreamStateDocument:
        return state_without_address(self._control.state(stream))

    @override
    def status(self, stream: str) -> Status:
        return self._control.status(stream)

    @override
    def properties(self, stream: str) -> Mapping[str, Any]:
        return self._control.properties(stream)

    @override
    def ledger(self, stream: str) -> list[LedgerEntryDocument]:
        return list(map(entry_without_example, self._control.ledger(stream)))

    @override
    def numbers(self, stream: str) -> StreamNumbers:
        return self._control.numbers(stream)

    @override
    def served(self, stream: str, since: float | None = None) -> ServedDocument:
        return self._control.served(stream, since)

    @override
    def wall(self, *, addresses: bool) -> WallDocument:
        return self._control.wall(addresses=False)

    @override
    def history(self, stream: str) -> HistoryDocument:
        return self._control.history(stream)

    @override
    async def audit(self, stream: str, *, details: bool) -> AuditDocument:
        return await self._control.audit(stream, details=False)

    @override
    def verdicts(self, stream: str) -> VerdictsDocument:
        return self._control.verdicts(stream)

    @override
    async def signed_verdict(self, stream: str, number: int) -> dict[str, Any]:
        return await self._control.signed_verdict(stream, number)

    @override
    async def verify(self, stream: str, by: Writer, output: str = MAIN) -> None:
        raise _refused()

    @override
    def sessions(self, stream: str | None = None, *, peers: bool) -> SessionsDocument:
        return self._control.sessions(stream, peers=False)

    @override
    def session(self, session: str, *, peers: bool) -> SessionDocument:
        return self._control.session(session, peers=False)

    @override
    async def view(self, stream: str, output: str, user: str | None, peer: str) -> Viewer:
        return await self._control.view(stream, output, user, peer)

    @override
    async def end_session(self, session: str, by: Writer) -> None:
        raise _refused()

    @override
    def gateway_numbers(self) -> GatewayNumbers:
        return self._control.gateway_numbers()

    @override
    def info(self) -> InfoDocument:
        return self._control.info()

    @override
    def stats(self) -> StatsDocument:
        return self._control.stats()

    @override
    def configuration(self) -> tuple[dict[str, Any], str]:
        found, etag = self._control.configuration()
        return configuration_without_addresses(found), etag

    @override
    async def add(self, stream: str, keys: object, by: Writer) -> StreamDocument:
        raise _refused()

    @override
    async def update(self, stream: str, keys: object, by: Writer, if_match: str | None = None) -> StreamDocument:
        raise _refused()

    @override
    async def replace(self, stream: str, keys: object, by: Writer, if_match: str | None = None) -> StreamDocument:
        raise _refused()

    @override
    async def remove(self, stream: str, by: Writer, if_match: str | None = None) -> None:
        raise _refused()

    @override
    async def swap(self, stream: str, keys: object, by: Writer, if_match: str | None = None) -> SwapDocument:
        raise _refused()

    @override
    async def swap_rollback(self, stream: str, by: Writer, if_match: str | None = None) -> SwapDocument:
        raise _refused()

    @override
    async def restart(self, stream: str, by: Writer) -> StreamDocument:
        raise _refused()

    @override
    async def accept_key(self, stream: str, by: Writer) -> StreamDocument:
        raise _refused()

    @override
    def keyframe(self, stream: str) -> None:
        raise _refused()

    @override
    async def snapshot(self, stream: str, output: str = MAIN) -> bytes:
        return await self._control.snapshot(stream, output)

    @override
    async def thumbnail(self, stream: str, width: int, output: str = MAIN) -> bytes:
        return await self._control.thumbnail(stream, width, output)

    @override
    def look_at_wall(self) -> WallWatcher:
        return self._control.look_at_wall()

    @override
    async def probe(self, source: object = None, stream: str = "", *, channels: bool = False) -> ProbeDocument:
        raise _refused()

    @override
    def note_rejected(self, stream: str | None, reason: str, by: Writer) -> None:
        raise _refused()

    @override
    def past_events(self, stream: str, since: float | None = None) -> EventsDocument:
        found = self._control.past_events(stream, since)
        return found.model_copy(update={"events": tuple(map(event_without_address, found.events))})

    @override
    def events(self, after: int | None = None) -> EventFeed:
        return _Feed(self._control.events(after))
