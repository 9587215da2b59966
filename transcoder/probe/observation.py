"""Everything that a visit to a camera shows is collected and counted; nothing is decided by what a camera says."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.encryption import SliceCheck
from transcoder.codecs.nal import (
    H264_SEI,
    H265_SEI_PREFIX,
    H265_SEI_SUFFIX,
    Codec,
    header_size,
    is_allowed,
    nal_unit_type,
    remove_emulation_prevention,
)
from transcoder.errors import PayloadError
from transcoder.ledger import Ledger
from transcoder.rtp.packet import parse_rtp
from transcoder.rtp.rtcp import APPLICATION, SOURCE_DESCRIPTION, Other, SenderReport, parse_rtcp
from transcoder.rtp.video import VideoReceiver
from transcoder.rtsp.auth import parse_parameters
from transcoder.rtsp.client_events import Answered
from transcoder.rtsp.fingerprint import CameraMarks
from transcoder.rtsp.messages import InterleavedFrame
from transcoder.source.camera_keys import CameraKeys
from transcoder.source.events import (
    Described,
    Event,
    Playing,
    Reactions,
    RtcpReceived,
    RtpReceived,
    VideoSelected,
    VideoSetUp,
)

if TYPE_CHECKING:
    from transcoder.rtsp.headers import Transport
    from transcoder.sdp import SessionDescription, VideoSelection
    from transcoder.source.session import CameraSession

MAX_KINDS = 64
"""The largest number of different values of one kind that are kept: a camera chooses how many it sends."""
_MAX_RANDOM_ACCESS = 1 << 16
_BURST_S = 1.0
_JUMP_S = 1.0
"""Seconds: a timestamp that steps this much further than time did is a jump."""


@dataclass(slots=True, kw_only=True)
class PictureTiming:
    """Holds the times of the pictures, in the order in which they came.

    Attributes:
        last: (arrival in seconds, unwrapped timestamp in ticks, index of the picture).
        anchor: the latest picture of the first second: a camera begins with a burst, so rates count from here.
        clock_rate: ticks a second of the timestamps.
        steps: how often the timestamp advanced by so many milliseconds.
        repeats, backwards, jumps: pictures whose timestamp repeats the last one, goes back, or jumps.
    """

    clock_rate: int = VIDEO_CLOCK_RATE
    begin: float = 0.0
    anchor: tuple[float, int, int] | None = None
    last: tuple[float, int, int] | None = None
    steps: Counter[int]
    repeats: int = 0
    backwards: int = 0
    jumps: int = 0

    def note(self, arrival: float, timestamp: int) -> None:
        """Take the next picture."""
        if self.last is None:
            self.begin = arrival
            self.anchor = self.last = (arrival, timestamp, 0)
            return
        step = ((timestamp - self.last[1]) + (1 << 31)) % (1 << 32) - (1 << 31)
        self.repeats += step == 0
        self.backwards += step < 0
        self.jumps += abs(step) / self.clock_rate > arrival - self.last[0] + _JUMP_S
        step_ms = round(step * 1000 / self.clock_rate)
        if step_ms in self.steps or len(self.steps) < MAX_KINDS:
            self.steps[step_ms] += 1
        self.last = (arrival, self.last[1] + step, self.last[2] + 1)
        if arrival - self.begin <= _BURST_S:
            self.anchor = self.last

    def rates(self) -> tuple[int, float, float] | None:
        """Return pictures, seconds by arrival and seconds by timestamp since the anchor; None where no picture came."""
        if self.last is None or self.anchor is None or self.last[2] == self.anchor[2]:
            return None
        ticks = self.last[1] - self.anchor[1]
        return self.last[2] - self.anchor[2], self.last[0] - self.anchor[0], ticks / self.clock_rate


class Observation:
    """Collects one session with a camera that keeps everything.

    Attributes:
        session: the session; the caller that starts it sets it.
        keys: knows the TLS key of the camera, if it has one.
        url: the path and the query of the URL that is visited; the caller sets it.
        description, selection: the answer to DESCRIBE and the selected video, once it came.
        described_as: the codec of the description, where the packets have another one from the first picture on.
        codec_switches: (codec before, codec after, number of pictures before) of each codec that the camera switched
            while streaming.
        fields: distinct header fields of all responses, and how often each came.
        pictures: the number of complete access units.
        random_access: (picture index, arrival in seconds) of each picture that decoding can start at.
        payload_types: (packets, bytes) of each payload type on the video channel.
        extensions: packets by (payload type, profile).
        nal_units: NAL units by codec and type.
        sei: messages by payload type.
        rtcp: packets by name.
        rtcp_texts: the texts in RTCP packets, and how often each came.
        unassigned: (frames, bytes) by channel that was never set up.
    """

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.keys = CameraKeys()
        self.url = ""
        self.description: SessionDescription | None = None
        self.selection: VideoSelection | None = None
        self.described_as = ""
        self.codec_switches: list[tuple[str, str, int]] = []
        self._has_codec_proof = False
        self.transport: Transport | None = None
        self.playing = False
        self.fields: Counter[tuple[str, str]] = Counter()
        self.sessions: list[str] = []
        self.play_fields: dict[str, str] | None = None
        self.content_base = ""
        self.session: CameraSession | None = None
        self.slices: SliceCheck | None = None
        self.timing = PictureTiming(steps=Counter())
        self.pictures = self.damaged = 0
        self.random_access: list[tuple[int, float]] = []
        self.payload_types: dict[int, list[int]] = {}
        self.extensions: Counter[tuple[int, int]] = Counter()
        self.ssrcs: Counter[int] = Counter()
        self.csrcs = self.padded = self.unreadable = 0
        self.span: list[float] = []
        self.nal_units: Counter[tuple[Codec, int]] = Counter()
        self.sei: Counter[int] = Counter()
        self.sei_first: dict[int, bytes] = {}
        self.rtcp: Counter[str] = Counter()
        self.rtcp_texts: Counter[tuple[str, bytes]] = Counter()
        self.sender_report: SenderReport | None = None
        self.unassigned: dict[int, list[int]] = {}
        self._reactions: Reactions = {
            AccessUnit: self._on_access_unit,
            RtpReceived: self._on_rtp,
            RtcpReceived: self._on_rtcp,
            InterleavedFrame: self._on_unassigned,
            Answered: self._on_answered,
            Described: self._on_described,
            VideoSelected: self._on_video_selected,
            VideoSetUp: self._on_video_set_up,
            Playing: self._on_playing,
        }

    def on_event(self, event: Event) -> None:
        """Take an event of the session."""
        reaction = self._reactions.get(type(event))
        if reaction is not None:
            reaction(event)

    @property
    def video(self) -> VideoReceiver | None:
        """Return the reception path of the video, once it was set up."""
        return self.session.video if self.session is not None else None

    @property
    def codec(self) -> Codec | None:
        """Return the codec of video that comes in NAL units, else None."""
        codec = self.selection.codec if self.selection is not None else None
        return codec if isinstance(codec, Codec) else None

    # -- events of the session -----------------------------------------------------------------------------------

    def _on_answered(self, event: Answered) -> None:
        response = event.response
        for name, value in response.headers:
            if (name, value) in self.fields or len(self.fields) < 4 * MAX_KINDS:
                self.fields[name, value] += 1
        session = response.headers.get("Session")
        if session is not None and len(self.sessions) < MAX_KINDS:
            self.sessions.append(session)
        self.content_base = self.content_base or response.headers.get("Content-Base") or ""
        if event.method == "PLAY" and response.status < 300 and self.play_fields is None:
            self.play_fields = {name.lower(): value for name, value in response.headers}

    def _on_described(self, event: Described) -> None:
        self.description = event.description

    def _on_video_selected(self, event: VideoSelected) -> None:
        if self.selection is not None and self.selection.codec is not event.selection.codec:
            before, after = self.selection.codec.value, event.selection.codec.value
            if not self._has_codec_proof:
                self.described_as = self.described_as or before
            elif len(self.codec_switches) < MAX_KINDS:
                self.codec_switches.append((before, after, self.pictures))
            self._has_codec_proof = False
        self.selection = event.selection
        self.timing.clock_rate = event.selection.clock_rate
        if self.codec is not None:
            self.slices = SliceCheck(self.codec)
            for unit in event.selection.parameter_sets:
                self.slices.look(unit, -1)

    def _on_video_set_up(self, event: VideoSetUp) -> None:
        self.transport = event.transport

    def _on_playing(self, _: Playing) -> None:
        self.playing = True

    def _on_rtp(self, event: RtpReceived) -> None:
        """Count the parts of an RTP packet: payload type, extension, contributing sources."""
        data = event.data
        try:
            packet = parse_rtp(data)
        except PayloadError:
            self.unreadable += 1
            return
        counts = self.payload_types.setdefault(packet.payload_type, [0, 0])
        counts[0] += 1
        counts[1] += len(data)
        if packet.ssrc in self.ssrcs or len(self.ssrcs) < MAX_KINDS:
            self.ssrcs[packet.ssrc] += 1
        if packet.extension_profile is not None:
            key = (packet.payload_type, packet.extension_profile)
            if key in self.extensions or len(self.extensions) < MAX_KINDS:
                self.extensions[key] += 1
        self.csrcs += packet.csrc_count > 0
        self.padded += packet.padding > 0
        self.span = [self.span[0] if self.span else event.now, event.now]

    def _on_rtcp(self, event: RtcpReceived) -> None:
        """Count reports and keep their texts."""
        try:
            packets = parse_rtcp(event.data)
        except PayloadError:
            self.unreadable += 1
            return
        for packet in packets:
            if isinstance(packet, SenderReport):
                self.rtcp["SR"] += 1
                self.sender_report = packet
            elif isinstance(packet, Other):
                self._other(packet)
            else:
                self.rtcp["RR"] += 1

    def _on_unassigned(self, frame: InterleavedFrame) -> None:
        """Count a frame that nobody asked for."""
        counts = self.unassigned.setdefault(frame.channel, [0, 0])
        counts[0] += 1
        counts[1] += len(frame.data)

    # -- what packets carry --------------------------------------------------------------------------------------

    def _other(self, packet: Other) -> None:
        names = {SOURCE_DESCRIPTION: "SDES", APPLICATION: "APP", 203: "BYE"}
        self.rtcp[names.get(packet.packet_type, f"type {packet.packet_type}")] += 1
        texts: list[tuple[str, bytes]] = []
        if packet.packet_type == SOURCE_DESCRIPTION:
            texts = _source_description(packet.body)
        elif packet.packet_type == APPLICATION and len(packet.body) >= 8:
            texts = [("APP", packet.body[4:8] + b" " + packet.body[8:])]
        for text in texts:
            if text in self.rtcp_texts or len(self.rtcp_texts) < MAX_KINDS:
                self.rtcp_texts[text] += 1

    def _on_access_unit(self, access_unit: AccessUnit) -> None:
        self.pictures += 1
        self.damaged += access_unit.damaged
        self._has_codec_proof |= access_unit.random_access and not access_unit.damaged
        before = self.timing.last
        self.timing.note(access_unit.completed, access_unit.timestamp)
        same = before is not None and self.timing.last is not None and self.timing.last[1] == before[1]
        if access_unit.random_access and not same and len(self.random_access) < _MAX_RANDOM_ACCESS:
            self.random_access.append((self.pictures - 1, access_unit.completed))
        codec = access_unit.codec
        if not isinstance(codec, Codec):  # JPEG and MPEG-4: what is dropped of them stands in the ledger
            return
        for unit in access_unit.nal_units:
            unit_type = nal_unit_type(codec, unit)
            self.nal_units[codec, unit_type] += 1
            if is_allowed(codec, unit_type):
                if self.slices is not None:
                    self.slices.look(unit, access_unit.timestamp)
            elif unit_type in ({H264_SEI} if codec is Codec.H264 else {H265_SEI_PREFIX, H265_SEI_SUFFIX}):
                self._sei(remove_emulation_prevention(unit[header_size(codec) :], 4096))

    def _sei(self, data: bytes) -> None:
        """Count the messages of an SEI NAL unit (H.264 section 7.3.2.3.1); a malformed size ends the walk."""
        position = 0
        for _ in range(MAX_KINDS):
            if position + 2 > len(data):
                return
            payload_type, position = _number(data, position)
            size, position = _number(data, position)
            if payload_type in self.sei or len(self.sei) < MAX_KINDS:
                self.sei[payload_type] += 1
                self.sei_first.setdefault(payload_type, data[position : position + min(size, 48)])
            position += size

    def marks(self) -> CameraMarks:
        """Return the marks from which the fingerprint guesses."""
        sps = self.slices.sps if self.slices is not None else None
        negotiated = self.selection.payload_types if self.selection is not None else frozenset()
        realms = [
            parse_parameters(value).get("realm", "")
            for name, value in self.fields
            if name.lower() == "www-authenticate"
        ]
        return CameraMarks(
            description=self.description,
            servers=tuple(value for name, value in self.fields if name.lower() == "server"),
            realms=tuple(realm for realm in dict.fromkeys(realms) if realm),
            header_names=frozenset(name for name, _ in self.fields),
            sessions=tuple(self.sessions),
            content_base=self.content_base,
            rtp_info=self.play_fields.get("rtp-info", "") if self.play_fields is not None else None,
            payload_types=frozenset(self.payload_types) - negotiated,
            extension_profiles=frozenset(profile for _, profile in self.extensions),
            sei_payload_types=frozenset(self.sei),
            sei_texts=tuple(self.sei_first.values()),
            profile_level_id=sps.profile_level_id if sps is not None else "",
            size=(sps.width, sps.height) if sps is not None else None,
            url=self.url,
        )


def _number(data: bytes, position: int) -> tuple[int, int]:
    number = 0
    while position < len(data) and data[position] == 0xFF:
        number += 255
        position += 1
    if position < len(data):
        number += data[position]
    return number, position + 1


_SDES_NAMES = {1: "CNAME", 2: "NAME", 3: "EMAIL", 4: "PHONE", 5: "LOC", 6: "TOOL", 7: "NOTE", 8: "PRIV"}


def _source_description(body: bytes) -> list[tuple[str, bytes]]:
    """Return the items of an SDES packet (RFC 3550 section 6.5); a malformed item ends them (Hanwha)."""
    texts: list[tuple[str, bytes]] = []
    position = 4
    while position + 2 <= len(body) and len(texts) < MAX_KINDS:
        item, size = body[position], body[position + 1]
        if item == 0:  # the next chunk: its SSRC stands on a word
            position += 8 - position % 4
            continue
        texts.append((_SDES_NAMES.get(item, f"SDES item {item}"), body[position + 2 : position + 2 + size]))
        position += 2 + size
    return texts
