"""One reader's session with a stream, from its SETUP to the one reason for which it ends."""

from typing import Protocol

from transcoder.output.fanout import Fanout, OnFirst, Reader, Track
from transcoder.rtsp.session import EndReason


class ReaderListener(Protocol):
    """Whoever keeps the books of readers is told of them here."""

    def reader_plays(self, session: "ReaderSession") -> None:
        """A session's first picture leaves now; told once a session."""

    def reader_gone(self, session: "ReaderSession", reason: EndReason) -> None:
        """A session ended; told once a session, also of one that never played."""

    def connection_ended(self, peer: str, reason: EndReason) -> None:
        """A connection ended before it had a session, or beside one that lives on."""


class ReaderSession:
    """A reader's session: what it set up and, while it plays, its place among the stream's readers.

    Args:
        id: public: it names the session to operators and is not the RTSP session's id, which is a secret.
        path: under which the stream is served: its name, or that and the name of one of its outputs.
        user: who logged in, None where nobody has to.
        peer: address and port of the connection that set the session up.
        transport: "tcp" or "udp".
        since: UTC seconds of its first SETUP.
        started: monotonic seconds of the same moment.
        fanout: the stream's readers.
        video: the track that was set up.
        listener: is told when the session plays and when it ends.

    Attributes:
        audio: the second track, if it was set up.
        has_played: whether a picture ever left for this reader.
        end_reason: why the session ended, None while it lives.
    """

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # as in the documents
        path: str,
        user: str | None,
        peer: str,
        transport: str,
        since: float,
        started: float,
        fanout: Fanout,
        video: Track,
        listener: ReaderListener,
    ) -> None:
        self.id = id
        self.path = path
        self.user = user
        self.peer = peer
        self.transport = transport
        self.since = since
        self.started = started
        self.video = video
        self.audio: Track | None = None
        self.has_played = False
        self.end_reason: EndReason | None = None
        self._fanout = fanout
        self._listener = listener
        self._reader: Reader | None = None
        self._sent_bytes = 0
        self._dropped = 0

    @property
    def stream(self) -> str:
        """The stream's name."""
        return self.path.partition("/")[0]

    @property
    def is_playing(self) -> bool:
        """Whether the session is between PLAY and PAUSE."""
        return self._reader is not None

    @property
    def sent_bytes(self) -> int:
        """Bytes of RTP packets that were sent to this reader."""
        return self._sent_bytes + (self._reader.sent_bytes if self._reader is not None else 0)

    @property
    def dropped(self) -> int:
        """Access units that this reader was too slow for."""
        return self._dropped + (self._reader.dropped if self._reader is not None else 0)

    @property
    def tracks(self) -> list[Track]:
        """The tracks that were set up."""
        return [self.video] if self.audio is None else [self.video, self.audio]

    def set_up_again(self, video: Track, transport: str) -> None:
        """Replace the video track, for another transport; audio has to be set up anew after it."""
        self.pause()
        self.video, self.audio, self.transport = video, None, transport

    def play(self, on_first: OnFirst) -> None:
        """Become one of the stream's readers.

        Args:
            on_first: called once, before the first packet is sent.
        """
        self.pause()

        def first(sequence_number: int, timestamp: int, audio: tuple[int, int] | None) -> None:
            on_first(sequence_number, timestamp, audio)
            if not self.has_played:
                self.has_played = True
                self._listener.reader_plays(self)

        self._reader = Reader(self.video, self.audio, first)
        self._fanout.add(self._reader)

    def pause(self) -> None:
        """Stop being one of the stream's readers; what was set up stays."""
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
            for track in self.tracks:
                track.leave()
        self.pause()
        self._listener.reader_gone(self, reason)
