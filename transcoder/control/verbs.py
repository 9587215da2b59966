"""MQTT and HTTP call these verbs, and the controller carries them out."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Protocol

from transcoder.control.asset_verbs import AssetControl
from transcoder.control.documents import (
    EventDocument,
    EventsDocument,
    InfoDocument,
    LedgerEntryDocument,
    ServedDocument,
    SessionDocument,
    SessionsDocument,
    StatsDocument,
    Status,
    StreamDocument,
    StreamStateDocument,
    VerdictsDocument,
)
from transcoder.control.numbers import GatewayNumbers, StreamNumbers
from transcoder.control.page_documents import AuditDocument, HistoryDocument, WallDocument
from transcoder.control.probe_documents import ProbeDocument
from transcoder.control.swap_documents import SwapDocument
from transcoder.control.writer import Writer
from transcoder.service.viewers import Viewer
from transcoder.worker_options import MAIN


class EventFeed(Protocol):
    """Gives events as they come; a slow taker loses the oldest."""

    def __aiter__(self) -> AsyncIterator[EventDocument]: ...

    def close(self) -> None:
        """End the feed, and with it the iteration."""


class WallWatcher(Protocol):
    """Sees small pictures of streams, of each the newest one; a slow watcher skips pictures."""

    def see(self, streams: Iterable[str], width: int) -> None:
        """See these streams from now on, in pictures that are at least so wide where such are made."""

    async def next(self) -> bytes | None:
        """Return the next picture: the length of the stream's id, the id, and a JPEG; None after the last one."""

    def close(self) -> None:
        """See nothing any more."""


class Control(Protocol):
    """A gateway carries out these verbs. Methods that are not async return at once.

    A change is answered when it is kept and applied. A verb that changes or needs a stream raises Rejected where it
    can't be done.
    """

    assets: AssetControl
    """The verbs of assets."""

    def ids(self) -> list[str]:
        """Return the streams' ids, in order."""

    def stream(self, stream: str) -> StreamDocument:
        """Return one stream."""

    def state(self, stream: str) -> StreamStateDocument:
        """Return one stream's state alone."""

    def status(self, stream: str) -> Status:
        """Return one stream's status alone, which is cheap."""

    def properties(self, stream: str) -> Mapping[str, Any]:
        """Return one stream's configuration with defaults, as in the file and without the source."""

    def ledger(self, stream: str) -> list[LedgerEntryDocument]:
        """Return every kind of thing that one stream did not let through."""

    def numbers(self, stream: str) -> StreamNumbers:
        """Return one stream's numbers that only metrics tell."""

    def served(self, stream: str, since: float | None = None) -> ServedDocument:
        """Return when one stream showed pictures of its camera, from a time on (UTC seconds), or in the last minute."""

    def wall(self, *, addresses: bool) -> WallDocument:
        """Return one small document of each stream, with words that may name a camera's address where asked for."""

    def history(self, stream: str) -> HistoryDocument:
        """Return the rates and delays of one stream in the last half hour."""

    async def audit(self, stream: str, *, details: bool) -> AuditDocument:
        """Return the last audit entries of one stream, with the details of the records where they are asked for."""

    def verdicts(self, stream: str) -> VerdictsDocument:
        """Return the gateway's verdicts on one stream."""

    async def signed_verdict(self, stream: str, number: int) -> dict[str, Any]:
        """Return the signed statement of a verdict."""

    async def verify(self, stream: str, by: Writer, output: str = MAIN) -> None:
        """Have one output of a stream verified soon; the verdict comes as an event."""

    def sessions(self, stream: str | None = None, *, peers: bool) -> SessionsDocument:
        """Return the readers of all streams or of one, with their addresses only where `peers` says so."""

    def session(self, session: str, *, peers: bool) -> SessionDocument:
        """Return one reader's session."""

    async def view(self, stream: str, output: str, user: str | None, peer: str) -> Viewer:
        """Return a viewer of a stream's output, which has to be closed; it is woken up where it sleeps.

        Args:
            stream: the name of the stream.
            output: the name of the output.
            user: the name of the token or user that the viewer logged in with.
            peer: the address and port that the viewer watches from.
        """

    async def end_session(self, session: str, by: Writer) -> None:
        """End one reader's session."""

    def gateway_numbers(self) -> GatewayNumbers:
        """Return the numbers of no stream in particular that only metrics tell."""

    def info(self) -> InfoDocument:
        """Return the identity of the gateway."""

    def stats(self) -> StatsDocument:
        """Return the totals over all streams."""

    def configuration(self) -> tuple[dict[str, Any], str]:
        """Return the whole effective configuration without secrets, and its tag."""

    async def add(self, stream: str, keys: object, by: Writer) -> StreamDocument:
        """Add a new stream."""

    async def update(self, stream: str, keys: object, by: Writer, if_match: str | None = None) -> StreamDocument:
        """Change the given keys of a stream, all of them or none; a mapping is merged, a list replaced."""

    async def replace(self, stream: str, keys: object, by: Writer, if_match: str | None = None) -> StreamDocument:
        """Give a stream these keys and no others."""

    async def remove(self, stream: str, by: Writer, if_match: str | None = None) -> None:
        """End a stream."""

    async def swap(self, stream: str, keys: object, by: Writer, if_match: str | None = None) -> SwapDocument:
        """Look at another camera and have the stream pull it: `source` and `asset`, and `plan` or `force`."""

    async def swap_rollback(self, stream: str, by: Writer, if_match: str | None = None) -> SwapDocument:
        """Have a stream pull the camera again that the last swap replaced."""

    async def restart(self, stream: str, by: Writer) -> StreamDocument:
        """Connect to the camera anew and replace the worker; readers stay."""

    async def accept_key(self, stream: str, by: Writer) -> StreamDocument:
        """Accept the TLS key that a stream's camera showed last, or the login in clear, and connect anew."""

    def keyframe(self, stream: str) -> None:
        """Have an IDR soon."""

    async def snapshot(self, stream: str, output: str = MAIN) -> bytes:
        """Return the last picture of one of a stream's outputs, masked, as a JPEG."""

    async def thumbnail(self, stream: str, width: int, output: str = MAIN) -> bytes:
        """Return the same scaled down to a width."""

    def look_at_wall(self) -> WallWatcher:
        """Return a watcher of the small pictures of all streams, which has to be closed."""

    async def probe(self, source: object = None, stream: str = "", *, channels: bool = False) -> ProbeDocument:
        """Ask a camera for its description: a URL or the keys of a `source`, or the source of a stream.

        With `channels` the camera is asked for its other streams, too.
        """

    def note_rejected(self, stream: str | None, reason: str, by: Writer) -> None:
        """Tell of a change that was refused."""

    def past_events(self, stream: str, since: float | None = None) -> EventsDocument:
        """Return the last events of one stream, or those of them from a time on (UTC seconds)."""

    def events(self, after: int | None = None) -> EventFeed:
        """Return a feed of the events from now on, or of those after a number as far as they are remembered."""
