"""The verbs, as MQTT and HTTP call them and the service carries them out."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from transcoder.control.documents import (
    EventDocument,
    InfoDocument,
    LedgerEntryDocument,
    ProbeDocument,
    SessionDocument,
    SessionsDocument,
    StatsDocument,
    Status,
    StreamDocument,
    StreamStateDocument,
)
from transcoder.control.numbers import GatewayNumbers, StreamNumbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who changes something, for the audit log.

    Attributes:
        interface: "http", "mqtt" or "file".
        name: the token's or the client's, as far as it is known.
    """

    interface: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.interface}:{self.name}" if self.name else self.interface


class EventFeed(Protocol):
    """Events as they come. A slow taker loses the oldest."""

    def __aiter__(self) -> AsyncIterator[EventDocument]: ...

    def close(self) -> None:
        """No more; the iteration ends."""


class Control(Protocol):
    """What can be asked of a gateway. Methods that are not async return at once.

    A change is answered when it is kept and applied. Those that change or need a stream raise Rejected.
    """

    def ids(self) -> list[str]:
        """The streams' ids, in order."""

    def stream(self, stream: str) -> StreamDocument:
        """One stream."""

    def state(self, stream: str) -> StreamStateDocument:
        """One stream's state alone."""

    def status(self, stream: str) -> Status:
        """One stream's status alone: cheap."""

    def properties(self, stream: str) -> Mapping[str, Any]:
        """One stream's configuration with defaults, as in the file and without the source."""

    def ledger(self, stream: str) -> list[LedgerEntryDocument]:
        """Everything of a stream that was not let through."""

    def numbers(self, stream: str) -> StreamNumbers:
        """What only metrics are made of."""

    def sessions(self, stream: str | None = None, *, peers: bool) -> SessionsDocument:
        """The readers of all streams or of one, with their addresses only where `peers` says so."""

    def session(self, session: str, *, peers: bool) -> SessionDocument:
        """One reader's session."""

    async def end_session(self, session: str, by: Writer) -> None:
        """End one reader's session."""

    def gateway_numbers(self) -> GatewayNumbers:
        """The numbers of no stream in particular that only metrics are made of."""

    def info(self) -> InfoDocument:
        """The gateway."""

    def stats(self) -> StatsDocument:
        """Totals."""

    def configuration(self) -> tuple[dict[str, Any], str]:
        """The whole effective configuration without secrets, and its tag."""

    async def add(self, stream: str, keys: object, by: Writer) -> StreamDocument:
        """A new stream."""

    async def update(self, stream: str, keys: object, by: Writer, if_match: str | None = None) -> StreamDocument:
        """Change the given keys of a stream, all of them or none; a mapping is merged, a list replaced."""

    async def replace(self, stream: str, keys: object, by: Writer, if_match: str | None = None) -> StreamDocument:
        """Give a stream these keys and no others."""

    async def remove(self, stream: str, by: Writer, if_match: str | None = None) -> None:
        """End a stream."""

    async def restart(self, stream: str, by: Writer) -> StreamDocument:
        """Connect to the camera anew and replace the worker; readers stay."""

    def keyframe(self, stream: str) -> None:
        """Have an IDR soon."""

    async def snapshot(self, stream: str) -> bytes:
        """The last picture, masked, JPEG."""

    async def probe(self, source: object = None, stream: str = "") -> ProbeDocument:
        """Ask a camera what it has: a URL or the keys of a `source`, or the source of a stream."""

    def note_rejected(self, stream: str | None, reason: str, by: Writer) -> None:
        """Tell of a change that was refused."""

    def events(self, after: int | None = None) -> EventFeed:
        """Events from now on, or after the one with that number as far as they are remembered."""
