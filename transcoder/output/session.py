"""A reader's session with a stream lasts from its SETUP, or its request, to the one reason for which it ends."""

from collections.abc import Mapping
from typing import Literal, Protocol

from typing_extensions import override

from transcoder.output.fanout import OnFirst, Reader, Readers, Track
from transcoder.rtsp.session import EndReason

SessionTransport = Literal["tcp", "udp", "multicast", "web"]


class ReaderListener(Protocol):
    """A listener keeps account of readers that come and go."""

    def reader_plays(self, session: "ReaderSession") -> None:
        """Note that a session's first picture leaves now; called once a session."""

    def reader_gone(self, session: "ReaderSession", reason: EndReason) -> None:
        """Note that a session ended; called once a session, also for one that never played."""

    def connection_ended(self, peer: str, reason: EndReason) -> None:
        """Note that a connection ended before it had a session, or beside a session that lives on."""


class NoListener(ReaderListener):
    """Keeps account of no reader."""

    @override
    def reader_plays(self, session: "ReaderSession") -> None:
        pass

    @override
    def reader_gone(self, session: "ReaderSession", reason: EndReason) -> None:
        pass

    @override
    def connection_ended(self, peer: str, reason: EndReason) -> None:
        pass


class ReaderSession:
    """Holds the tracks that a reader set up and, while it plays, its place among the stream's readers.

    Args:
        id: names the session to operators; it is public, and not the RTSP session's id, which is a secret.
        path: the path under which the stream is served: its name, or its name and that of one of its outputs.
        user: the user who logged in, None where nobody has to log in.
        peer: the address and port of the connection that set the session up.
        transport: "tcp", "udp" or "multicast"; "web" is fragmented MP4 over HTTP or a WebSocket.
        since: UTC seconds of the first SETUP.
        started: monotonic seconds of the same moment.
        fanout: the stream's readers, or those of the stream's multicast group.
        listener: is told when the session plays and when it ends.
        is_own: whether the gateway itself reads, to look at what it serves; such a reader is not counted or listed.

    Attributes:
        tracks: the tracks that were set up, by number.
        has_played: whether a picture ever left for this reader.
        end_reason: the reason for which the session ended, None while it lives.
    """

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # as in the documents
        path: str,
        user: str | None,
        peer: str,
        transport: SessionTransport,
        since: float,
        started: float,
        fanout: Readers,
        listener: ReaderListener,
        is_own: bool = False,
    ) -> None:
        self.id = id
        self.path = path
        self.user = user
        self.peer = peer
        self.transport = transport
        self.since = since
        self.started = started
        self.is_own = is_own
        self.tracks: dict[int, Track] = {}
        self.has_played = False
        self.end_reason: EndReason | None = None
        self._fanout = fanout
        self._listener = listener
        self._reader: Reader | None = None
        self._sent_bytes = 0
        self._dropped = 0

    @property
    def stream(self) -> str:
        """Return the stream's name."""
        return self.path.partition("/")[0]

    @property
    def is_playing(self) -> bool:
        """Return whether the session is between PLAY and PAUSE."""
        return self._reader is not None

    @property
    def sent_bytes(self) -> int:
        """Return the bytes of the RTP packets or fragments that were sent to this reader."""
        return self._sent_bytes + (self._reader.sent_bytes if self._reader is not None else 0)

    @property
    def dropped(self) -> int:
        """Return how many access units this reader was too slow for."""
        return self._dropped + (self._reader.dropped if self._reader is not None else 0)

    def set_up(self, number: int, track: Track, transport: SessionTransport, fanout: Readers | None = None) -> None:
        """Take a track in, or in the place of the one with the same number; the other one stays.

        Args:
            number: the number of the track.
            track: the track.
            transport: "tcp", "udp" or "multicast".
            fanout: the readers that the session joins when it plays, None for those that it would join already.
        """
        self.pause()
        self._fanout = fanout or self._fanout
        self.tracks[number], self.transport = track, transport

    def tear_down(self, number: int) -> None:
        """End one track of several; the other one goes on."""
        track = self.tracks.pop(number, None)
        if track is not None and self._reader is not None:
            self._reader.leave_out(number)
            track.leave()

    def play(self, on_first: OnFirst) -> None:
        """Become one of the stream's readers.

        Args:
            on_first: is called once, before the first packet is sent.
        """
        self.pause()

        def first(packets: Mapping[int, tuple[int, int | None]]) -> None:
            on_first(packets)
            if not self.has_played:
                self.has_played = True
                if not self.is_own:
                    self._listener.reader_plays(self)

        self._reader = Reader(self.tracks, first, is_counted=not self.is_own)
        self._fanout.add(self._reader)

    def pause(self) -> None:
        """Stop being one of the stream's readers; the tracks stay set up."""
        reader, self._reader = self._reader, None
        if reader is not None:
            self._fanout.remove(reader)
            self._sent_bytes += reader.sent_bytes
            self._dropped += reader.dropped

    def end(self, reason: EndReason) -> None:
        """End the session; the first reason holds, and a second call does nothing."""
        if self.end_reason is not None:
            return
        self.end_reason = reason
        if self.is_playing:
            for track in self.tracks.values():
                track.leave()
        self.pause()
        if not self.is_own:
            self._listener.reader_gone(self, reason)
