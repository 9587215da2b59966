"""The session with a camera is a sans-IO core: it goes from DESCRIBE to TEARDOWN, over redirects, with all media.

The shell connects to `url` and calls begin(); it feeds bytes and datagrams, writes what data_to_send() returns, takes
every event of next_event() after each call, and calls handle_timeout() at next_timeout(). An error is an event too:
Lost is the last one.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from transcoder.errors import ProtocolError, ResponseError, TranscoderError, TransportError
from transcoder.ledger import Ledger
from transcoder.rtp.audio import AudioReceiver
from transcoder.rtp.video import VideoReceiver
from transcoder.rtsp import client_events
from transcoder.rtsp.client import ClientProtocol
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.messages import EVERYTHING, InterleavedFrame, InterleavedFrames
from transcoder.sdp import AudioSelection, Media, VideoSelection, left_out, parse_sdp, select_audio, select_video
from transcoder.source.closed_challenges import ClosedChallenges
from transcoder.source.events import (
    AudioLeftOut,
    AudioSetUp,
    Described,
    Event,
    JoinGroup,
    Left,
    Lost,
    OpenWay,
    Playing,
    Redirected,
    SendReport,
    VideoSelected,
    VideoSetUp,
)
from transcoder.source.media_reception import MediaReception
from transcoder.source.options import SessionOptions
from transcoder.source.rate_limit import RateLimit
from transcoder.source.watchdogs import Watchdogs

MAX_REDIRECTS = 3
TICK_S = 1.0
"""Seconds between two looks of the watchdogs, whose limits are seconds."""
LEAVE_S = 1.0
"""Seconds for which the answer to TEARDOWN is waited for."""


class CameraSession:
    """Holds one session with a camera.

    Args:
        options: the options of the session.
        ledger: the ledger of the stream.
        ssrc: our own SSRC, in receiver reports.
        cnonce: a random token for Digest with qop.
        keep_everything: for a caller that examines the camera: every response, packet and frame is an event
            (`DiagnosticEvent`), and no watchdog ends the session.

    Attributes:
        url: the URL that the shell has to connect to; a redirect changes it.
        received_bytes: bytes that came on the RTSP connection and the UDP ports.
        events: the events that next_event() returns; a shell in a hurry takes them off the left end itself.
        has_work: whether the last receive_data() may have left bytes to send or another timeout; most leave none.
    """

    def __init__(
        self, options: SessionOptions, ledger: Ledger, *, ssrc: int, cnonce: str, keep_everything: bool = False
    ) -> None:
        self._options = options
        self._ledger = ledger
        self._ssrc = ssrc
        self._cnonce = cnonce
        self._keep_everything = keep_everything
        self.events: deque[Event] = deque()
        self._client: ClientProtocol | None = None
        self._reactions: dict[type, Callable[[Any, float], None]] = {
            client_events.Described: self._on_described,
            client_events.SetUp: self._on_set_up,
            client_events.Playing: self._on_playing,
            client_events.Redirected: self._on_redirected,
            client_events.Answered: self._on_seen,
            InterleavedFrame: self._on_seen,
        }
        self._is_over = self._is_leaving = False
        self.has_work = False
        self._redirects = 0
        self._challenges = ClosedChallenges()
        self._due = 0.0
        self._faults: Counter[str] = Counter()
        self._rate = RateLimit(options.rate, ledger)
        self.url = options.url
        self.received_bytes = self._received_packets = 0
        self._forget()

    def _forget(self) -> None:
        """Forget everything about the last connection: none of it is true of the next one."""
        self._ports: Sequence[tuple[int, int]] = ()
        self._server_ports: tuple[int, int] | None = None
        self._selection: VideoSelection | None = None
        self._audio_selection: AudioSelection | None = None
        self._is_playing = False
        options = self._options
        self._media = MediaReception(
            self._ledger,
            self.events,
            ssrc=self._ssrc,
            trust_marker=options.quirks.trust_marker,
            keep_everything=self._keep_everything,
            watchdogs=Watchdogs(options.timeouts, f" over {options.transport.upper()}", options.pauses),
        )

    # -- calls of the shell --------------------------------------------------------------------------------------

    @property
    def video(self) -> VideoReceiver | None:
        """Return the reception path of the video, once SETUP was answered."""
        return self._media.video

    @property
    def audio(self) -> AudioReceiver | None:
        """Return the reception path of the audio, once SETUP was answered."""
        return self._media.audio

    @property
    def port_pairs(self) -> int:
        """Return how many pairs of UDP ports the shell has to open before it connects."""
        if self._options.transport != "udp":
            return 0
        return 2 if self._options.audio else 1

    @property
    def faults(self) -> Counter[str]:
        """Return how many deviations in the dialogue were tolerated, by kind; the receivers count the media's."""
        closed = Counter({"connections closed with a challenge": self._challenges.count})
        return self._faults + closed + Counter(self._client.faults if self._client is not None else {})

    def begin(self, now: float, ports: Sequence[tuple[int, int]] = ()) -> None:
        """Begin anew, because a connection to `url` is about to be made.

        Args:
            now: monotonic seconds.
            ports: the UDP ports that were opened, RTP and RTCP of each media.
        """
        self._forget()
        self._is_over = self._is_leaving = False
        self._ports = ports
        self._rate.restart(self._received_packets, self.received_bytes, now)
        self._options.keep_alives.begin()
        self._client = ClientProtocol(
            self.url,
            self._options.credentials,
            cnonce=self._cnonce,
            now=now,
            quirks=self._options.quirks,
            keep_everything=self._keep_everything,
            reply_s=self._options.timeouts.reply_s,
            login=self._challenges.take_login() or self._options.authenticator(self.url, self._cnonce),
            keep_alives=self._options.keep_alives,
        )
        self._schedule(now)

    def receive_data(self, data: bytes | memoryview, now: float, limit: int = EVERYTHING) -> bool:
        """Take bytes of the RTSP connection.

        Args:
            data: the bytes.
            now: monotonic seconds.
            limit: the largest number of messages and frames that are looked at.

        Returns:
            Whether more of them may wait; call again with no bytes.
        """
        client = self._client
        if client is None or self._is_over:
            self.has_work = True
            return False
        self.received_bytes += len(data)
        count = 0
        try:
            try:
                count = client.receive_data(data, now, limit)
            finally:  # a fault does not take back the events before it
                self._react(client, now)
        except (ProtocolError, ResponseError, TransportError) as error:
            self._end(Left() if self._is_leaving else Lost(error))
            self.has_work = True
        self._received_packets += count
        return count >= limit

    def receive_datagram(self, track: int, data: bytes, now: float, *, is_rtcp: bool) -> bool:
        """Take a datagram of the camera.

        Args:
            track: the index of the media whose ports the datagram came to.
            data: the bytes of the datagram.
            now: monotonic seconds.
            is_rtcp: whether the datagram came to the RTCP port.

        Returns:
            Whether the caller has anything to do: there is an event, or an earlier timeout. Most datagrams complete
            nothing.
        """
        self.received_bytes += len(data)
        if self._is_over or self._is_leaving:
            return False
        self._received_packets += 1
        held_until = self._media.receive_datagram(track, data, now, is_rtcp=is_rtcp)
        if held_until is not None and held_until < self._due:
            self._due = held_until
            return True
        return bool(self.events)

    def receive_foreign_datagram(self, size: int) -> None:
        """Count a datagram that came to our ports from another host."""
        self._ledger.count("udp_source", "another host", size=size)

    def lose_connection(self, error: TranscoderError) -> None:
        """End the session, or this connection of it, because it is gone or of no use any more."""
        if not self._is_over:
            self._options.keep_alives.note_end()
            self._end(Left() if self._is_leaving else self._challenges.end(self._client, error))

    def leave(self, now: float) -> None:
        """Send TEARDOWN. The only event that follows is Left."""
        client = self._client
        self.events.clear()
        self._is_leaving, self._is_over = True, client is None
        if client is None:
            self.events.append(Left())
            return
        self._due = now + LEAVE_S
        client.teardown(now)
        self._react(client, now)

    def next_event(self) -> Event | None:
        """Return the next event, or None."""
        return self.events.popleft() if self.events else None

    def data_to_send(self) -> list[bytes]:
        """Return the bytes to write to the RTSP connection, in order; each byte is returned once."""
        return self._client.data_to_send() if self._client is not None else []

    def next_timeout(self) -> float | None:
        """Return when handle_timeout() has to be called, monotonic seconds."""
        return None if self._is_over or self._client is None else self._due

    def handle_timeout(self, now: float) -> None:
        """Do everything that is due: keep-alives, reports, giving up packets that did not come, watchdogs."""
        client = self._client
        if client is None or self._is_over:
            return
        if self._is_leaving:
            self._end(Left())
            return
        try:
            client.handle_timeout(now)
            self._media.handle_timeout(now)
            self._report(client, now)
            self._count_unassigned(client.counters)
            self._rate.check(self._received_packets, self.received_bytes, now)
            self._suspect_codec(now)
            if not self._keep_everything:
                self._media.watchdogs.check(now, self._media.seen())
            self._react(client, now)
        except (ProtocolError, ResponseError, TransportError) as error:
            self._end(Lost(error))
        self._schedule(now)

    # -- the dialogue --------------------------------------------------------------------------------------------

    def _end(self, event: Lost | Left | Redirected) -> None:
        if not self._is_over:
            self._is_over = True
            self.events.append(event)

    def _schedule(self, now: float) -> None:
        """Note when something is due next; frames make it earlier only where a picture is held back."""
        due = now + TICK_S
        client = self._client.next_timeout() if self._client is not None else None
        for other in (client, self._media.next_timeout()):
            if other is not None and other < due:
                due = other
        self._due = due

    def _react(self, client: ClientProtocol, now: float) -> None:
        """Act upon the events of the client."""
        only_frames, events = True, client.events
        while events:
            event = events.popleft()
            if self._is_leaving:
                if type(event) is client_events.Closed:
                    self._end(Left())
            elif type(event) is InterleavedFrames:
                self._media.receive_frames(event, now)
            else:
                only_frames = False
                self._reactions[type(event)](event, now)
        self.has_work = not only_frames or bool(client.out)  # a challenge is answered without an event
        if not only_frames:
            self._schedule(now)
        elif (held_until := self._media.held_until) is not None and held_until < self._due:
            self._due = held_until
            self.has_work = True

    def _on_described(self, event: client_events.Described, now: float) -> None:
        description = parse_sdp(event.body)
        self.events.append(
            Described(description=description, server=event.server, realm=event.realm, let_in=event.let_in)
        )
        selection = select_video(description)
        if (codec := self._options.quirks.codec) is not None:
            selection = replace(selection, codec=codec, suspected=None, parameter_sets=(), decoding_order=None)
        self._audio_selection = audio = select_audio(description, selection) if self._options.audio else None
        taken = [selection.index, *([audio.index] if audio is not None else [])]
        for word, own_name in left_out(description, taken):
            self._ledger.count("rtsp_media", word, example=own_name)
        self._select(selection)
        if self._client is not None:
            wanted = self._options.wanted_transport(0, self._ports)
            control, more = description.control, audio is not None
            self._client.setup(selection.media.control, wanted, now, session_control=control, more=more)

    def _select(self, selection: VideoSelection) -> None:
        self._selection = selection
        self.events.append(VideoSelected(selection))

    def _on_set_up(self, event: client_events.SetUp, now: float) -> None:
        transport, selection, audio = event.transport, self._selection, self._audio_selection
        if transport is None:
            self.events.append(AudioLeftOut())
        if selection is None or self._client is None or transport is None:
            return
        media, track = self._media, self._media.tracks
        if track == 0:
            self._server_ports = transport.server_port
            media.add_video(selection, transport)
            self.events.append(VideoSetUp(transport))
            if audio is not None:
                self._client.setup(
                    audio.media.control, self._options.wanted_transport(1, self._ports), now, optional=True
                )
        elif audio is not None:
            media.add_audio(audio, transport)
            self.events.append(AudioSetUp(audio))
        if not transport.unicast:
            self._join(transport, selection.media if track == 0 or audio is None else audio.media)
        elif transport.lower == "UDP" and transport.server_port is not None:
            self.events.append(OpenWay(track, transport.server_port))

    def _join(self, transport: Transport, media: Media) -> None:
        """Have the shell join the group that the camera named in its Transport, or else in its session description."""
        group = transport.destination or media.connection.partition("/")[0]
        self.events.append(JoinGroup(group, transport.port or (media.port, media.port + 1)))

    def _on_playing(self, _: client_events.Playing, now: float) -> None:
        self._is_playing = True
        self._challenges.note_playing()
        self._media.watchdogs.note_playing(now)
        self.events.append(Playing())

    def _on_redirected(self, event: client_events.Redirected, _: float) -> None:
        self._redirects += 1
        if self._redirects > MAX_REDIRECTS:
            raise TransportError(f"the camera redirects more than {MAX_REDIRECTS} times")
        self.url = self._options.redirected(event.url)
        self._is_over = True
        self.events.append(Redirected())

    def _on_seen(self, event: client_events.Answered | InterleavedFrame, _: float) -> None:
        self.events.append(event)

    # -- time ----------------------------------------------------------------------------------------------------

    def _report(self, client: ClientProtocol, now: float) -> None:
        """Send a receiver report where one is due; reports keep the sessions of cameras alive that ignore requests."""
        media = self._media
        report = media.report_due(now) if self._is_playing else None
        if report is None:
            return
        if self._options.transport not in {"udp", "multicast"}:
            client.send_frame(media.report_channel, report)
        elif self._server_ports is not None:
            self.events.append(SendReport(report, self._server_ports[1]))

    def _suspect_codec(self, now: float) -> None:
        """Suspect a description that calls H.264 H265 or the reverse: packets say so, or parameters do (EZVIZ)."""
        described = self._selection
        right = self._media.suspect_codec(now)
        if right is not None and described is not None:
            self._faults[f"{described.codec.value} that is {right.codec.value}"] += 1
            self._select(right)

    def _count_unassigned(self, counters: client_events.ClientCounters) -> None:
        """Tell the ledger of frames on channels that were never set up."""
        if counters.unassigned_channel:
            count, size = counters.unassigned_channel, counters.unassigned_bytes
            self._ledger.count("rtsp_channel", "never set up", count=count, size=size)
            counters.unassigned_channel = counters.unassigned_bytes = 0
