"""The reception of one session's media makes access units and audio units of packets, in the order in which they came.

The way of a picture is the hot path of the product: `InterleavedFrames` hold all packets of a read, and the video
receiver takes as many of them at once as it can (the fast path, `rtp/video.py`). No object is made here for each
packet.
"""

from collections import deque
from dataclasses import replace

from transcoder import product
from transcoder.codecs.access_unit import NEVER, PROOFS
from transcoder.ledger import Ledger
from transcoder.rtp.audio import AudioReceiver
from transcoder.rtp.video import VideoReceiver
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.messages import InterleavedFrames
from transcoder.sdp import AudioSelection, VideoSelection
from transcoder.source.events import AudioRestarted, Event, RtcpReceived, RtpReceived, VideoRestarted
from transcoder.source.watchdogs import Watchdogs

STATIC_AUDIO = frozenset({*range(19)} - {1, 2})
"""The payload types of audio that need no description (RFC 3551 section 6)."""
HELD_S = 0.4
"""Seconds after its last packet for which a picture is held back until something tells that it is complete. Half a
second is promised until it is served, and timers, the decoder and the encoder take some of it."""


class MediaReception:
    """Receives the media of one session.

    Args:
        ledger: the ledger of the stream.
        events: the events of the session; received units are appended to them.
        ssrc: our own SSRC, in receiver reports.
        trust_marker: whether the marker bit may end a picture, once the bit proved right.
        keep_everything: whether every packet of the video is an event, too.
        watchdogs: the watchdogs of the session.

    Attributes:
        video: the reception path of the video, once it is set up.
        audio: the reception path of the audio, once it is set up.
        watchdogs: the watchdogs, which are told of every packet and every picture.
    """

    def __init__(
        self,
        ledger: Ledger,
        events: deque[Event],
        *,
        ssrc: int,
        trust_marker: bool,
        keep_everything: bool,
        watchdogs: Watchdogs,
    ) -> None:
        self._ledger = ledger
        self._events = events
        self._ssrc = ssrc
        self._marker_proofs = PROOFS if trust_marker else NEVER
        self._keep_everything = keep_everything
        self._selection: VideoSelection | None = None
        self._is_reordered = False
        self._channels: list[tuple[int, int]] = []
        self._restarts = self._audio_restarts = 0
        self.video: VideoReceiver | None = None
        self.audio: AudioReceiver | None = None
        self.watchdogs = watchdogs

    @property
    def tracks(self) -> int:
        """Return how many media are set up."""
        return len(self._channels)

    @property
    def report_channel(self) -> int:
        """Return the channel that receiver reports on the video go to."""
        return self._channels[0][1]

    def add_video(self, selection: VideoSelection, transport: Transport) -> None:
        """Receive the video from now on; it is the first media."""
        self._channels.append(transport.interleaved or (0, 1))
        self._is_reordered = transport.lower == "UDP"
        self._receive_as(selection)

    def add_audio(self, selection: AudioSelection, transport: Transport) -> None:
        """Receive audio from now on; it is the second media, behind the video."""
        self._channels.append(transport.interleaved or (2, 3))
        self.audio = AudioReceiver(selection, self._ledger, reorder=transport.lower == "UDP")

    def _receive_as(self, selection: VideoSelection) -> None:
        self._selection = selection
        self._restarts = 0
        self.video = VideoReceiver(
            codec=selection.codec,
            payload_types=selection.payload_types,
            clock_rate=selection.clock_rate,
            ledger=self._ledger,
            reorder=self._is_reordered,
            ssrc=self._ssrc,
            cname=product.NAME,
            marker_proofs=self._marker_proofs,
            parameter_sets=selection.parameter_sets,
            picture_size=selection.picture_size,
            decoding_order=selection.decoding_order,
        )

    def receive_frames(self, frames: InterleavedFrames, now: float) -> None:
        """Take frames of one channel."""
        video = self.video
        if video is None or frames.channel != self._channels[0][0] or self._keep_everything:
            for data in frames:
                self._receive(frames.channel, data, now)
            return
        self.watchdogs.last_packet = now
        buffer, spans = frames.buffer, frames.spans
        index, count = 0, len(spans)
        while index < count:
            index = video.receive_packets(buffer, spans, index, now)
            self._drain(video)

    def receive_datagram(self, track: int, data: bytes, now: float, *, is_rtcp: bool) -> float | None:
        """Take a datagram; nothing happens where its media is not set up yet.

        Returns:
            The result of next_timeout(), which may have changed: a packet may be missing now.
        """
        if track >= len(self._channels):
            return None
        self._receive(self._channels[track][is_rtcp], memoryview(data), now)
        return self.next_timeout()

    def _receive(self, channel: int, data: memoryview, now: float) -> None:
        video, audio = self.video, self.audio
        if video is None:
            return
        self.watchdogs.last_packet = now
        if channel == self._channels[0][0]:
            if self._keep_everything:
                self._events.append(RtpReceived(data, now))
            video.receive_rtp(data, now)
            self._drain(video)
        elif audio is not None and channel == self._channels[1][0]:
            audio.receive_rtp(data, now)
            self._drain_audio(audio)
        elif audio is not None and channel == self._channels[1][1]:
            audio.receive_rtcp(data, now)
        else:
            if self._keep_everything:
                self._events.append(RtcpReceived(data, now))
            video.receive_rtcp(data, now)

    def _drain(self, video: VideoReceiver) -> None:
        while (unit := video.next_access_unit()) is not None:
            if video.restarts != self._restarts:
                self._restarts = video.restarts
                self._events.append(VideoRestarted())
            self.watchdogs.note_picture(unit.completed, random_access=unit.random_access)
            self._events.append(unit)

    def _drain_audio(self, audio: AudioReceiver) -> None:
        while (unit := audio.next_unit()) is not None:
            if audio.restarts != self._audio_restarts:
                self._audio_restarts = audio.restarts
                self._events.append(AudioRestarted())
            self._events.append(unit)

    # -- time ----------------------------------------------------------------------------------------------------

    @property
    def held_until(self) -> float | None:
        """Return when a picture is held back no longer, or None where none is held back."""
        since = self.video.held_since if self.video is not None else None
        return None if since is None else since + HELD_S

    def next_timeout(self) -> float | None:
        """Return when missing packets, or the next picture, have been waited for long enough; None where none are."""
        video = self.video.next_timeout() if self.video is not None else None
        if video is None:  # else a packet is missing, and no picture is held back
            video = self.held_until
        audio = self.audio.next_timeout() if self.audio is not None else None
        return video if audio is None else audio if video is None else min(video, audio)

    def handle_timeout(self, now: float) -> None:
        """Stop waiting for packets that did not come, and for a picture that would tell that one is complete."""
        if self.video is not None:
            self.video.handle_timeout(now)
            held_until = self.held_until
            if held_until is not None and now >= held_until:
                self.video.release_picture()
            self._drain(self.video)
        if self.audio is not None:
            self.audio.handle_timeout(now)
            self._drain_audio(self.audio)

    def seen(self) -> str:
        """Return in words which packets came, for an operator who sees no picture."""
        receiver = self.video.receiver if self.video is not None else None
        if receiver is not None and receiver.received:
            return f"{receiver.received} packets of the video, without one whole picture"
        others = receiver.others if receiver is not None else {}
        sound = sum(count for kind, count in others.items() if kind in STATIC_AUDIO)
        sound += self.audio.receiver.received if self.audio is not None else 0
        count = sum(others.values()) + (self.audio.receiver.received if self.audio is not None else 0)
        if count and count == sound:
            return f"{count} packets, all audio"
        return f"{count} packets, none of the video" if count else "none of the video"

    def report_due(self, now: float) -> bytes | None:
        """Return a receiver report on the video if it is time for one, else None."""
        return self.video.report_due(now) if self.video is not None else None

    def suspect_codec(self, now: float) -> VideoSelection | None:
        """Receive the video as the codec of its packets, or of its parameters where it has no picture.

        Returns:
            The selection as it should have been described, or None where nothing speaks against the described one.
        """
        selection, video = self._selection, self.video
        if selection is None or video is None:
            return None
        codec = video.other_codec
        if codec is None and self.watchdogs.suspect_codec(now, video.receiver.received):
            codec = selection.suspected
        if codec is None:
            return None
        self._selection = replace(selection, codec=codec, suspected=None, parameter_sets=(), decoding_order=None)
        video.read_as(codec)
        return self._selection
