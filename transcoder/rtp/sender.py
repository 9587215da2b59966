"""An access unit is packetized once for all readers of RTP; each reader puts its own SSRC and sequence numbers in.

So a reader costs a copy of the bytes and a few stores a packet, and an access unit that a reader does not get leaves no
gap in its numbers.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from transcoder import formats
from transcoder.clock import VIDEO_CLOCK_RATE, ntp_from_unix
from transcoder.codecs.fragmented_mp4 import sample
from transcoder.codecs.nal import Codec
from transcoder.formats.served_audio import ServedAudio
from transcoder.rtp.packet import HEADER_SIZE, serialize_header
from transcoder.rtp.rtcp import SenderReport, serialize_goodbye, serialize_sender_report

MAX_PAYLOAD = 1400
"""Bytes of an RTP payload at most: 1440 on IPv4 with UDP, below every MTU in use, tunnels included."""
FRAMING_SIZE = 4
"""Bytes before a packet on an interleaved connection: "$", channel, length."""
VIDEO_PAYLOAD_TYPE = 96

_FRAME = struct.Struct("!cBHBBHII")
"""The beginning of an interleaved frame with an RTP packet: "$", channel, length, and the header without CSRCs."""
MARKER = 0x80
"""The marker bit, in the byte of the payload type."""
_NUMBERS = struct.Struct("!HII")
"""Sequence number, timestamp and SSRC. The timestamp between the two others stands there already, but one call that
writes all three costs less than two calls."""
_NUMBERS_AT = FRAMING_SIZE + 2
"""The place of the numbers in an interleaved frame (RFC 3550 section 5.1)."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Holds an access unit as interleaved frames of channel 0, with sequence number and SSRC left open.

    Attributes:
        data: all frames, one after the other.
        offsets: where each frame begins.
        octets: the payload bytes, for sender reports.
    """

    data: bytes
    offsets: tuple[int, ...]
    octets: int


class PreparedAccessUnit:
    """Holds an access unit for all readers; what a kind of reader needs of it is made once, when the first one asks.

    Args:
        nal_units: the NAL units, or the one frame of sound, for who sends them in another way than RTP.
        timestamp: the RTP timestamp, any integer; it is taken modulo 2**32.
        random_access: True where a reader may begin with this access unit.
        codec: the codec of the NAL units, None for sound.
        frames: the interleaved frames, None where they are to be made of the NAL units.
    """

    __slots__ = ("_frames", "_sample", "codec", "nal_units", "random_access", "timestamp")

    def __init__(
        self,
        nal_units: Sequence[bytes],
        timestamp: int,
        *,
        random_access: bool,
        codec: Codec | None = None,
        frames: Frames | None = None,
    ) -> None:
        self.nal_units = nal_units
        self.timestamp = timestamp & 0xFFFF_FFFF
        self.random_access = random_access
        self.codec = codec
        self._frames = frames
        self._sample: bytes | None = None

    @property
    def frames(self) -> Frames:
        """Return the interleaved frames."""
        if self._frames is None:
            assert self.codec is not None  # noqa: S101  # sound comes with its frames
            self._frames = _packetized(self.codec, self.nal_units, self.timestamp)
        return self._frames

    @property
    def data(self) -> bytes:
        """Return all frames, one after the other."""
        return self.frames.data

    @property
    def offsets(self) -> tuple[int, ...]:
        """Return where each frame begins."""
        return self.frames.offsets

    @property
    def octets(self) -> int:
        """Return the payload bytes, for sender reports."""
        return self.frames.octets

    @property
    def sample(self) -> bytes:
        """Return the access unit as a sample of an MP4 file."""
        if self._sample is None:
            assert self.codec is not None  # noqa: S101  # nobody asks for samples of sound
            self._sample = sample(self.codec, self.nal_units)
        return self._sample


def prepare(codec: Codec, nal_units: Sequence[bytes], timestamp: int, *, random_access: bool) -> PreparedAccessUnit:
    """Return an access unit that can be sent to many.

    Args:
        codec: the codec of the NAL units.
        nal_units: our own NAL units, without start codes.
        timestamp: the RTP timestamp, any integer; sent modulo 2**32.
        random_access: whether it begins with parameter sets and an IDR.
    """
    return PreparedAccessUnit(nal_units, timestamp, random_access=random_access, codec=codec)


def _packetized(codec: Codec, nal_units: Sequence[bytes], timestamp: int) -> Frames:
    payloads = formats.VIDEO.serving(codec).packetize(nal_units, MAX_PAYLOAD)
    last = len(payloads) - 1
    parts = []
    offsets = []
    position = octets = 0
    second = VIDEO_PAYLOAD_TYPE
    for index, payload in enumerate(payloads):
        size = len(payload)
        if index == last:
            second |= MARKER
        parts.append(_FRAME.pack(b"$", 0, HEADER_SIZE + size, 0x80, second, 0, timestamp, 0))
        parts.append(payload)
        offsets.append(position)
        position += FRAMING_SIZE + HEADER_SIZE + size
        octets += size
    return Frames(b"".join(parts), tuple(offsets), octets)


def prepare_audio(audio: ServedAudio, unit: bytes, timestamp: int) -> PreparedAccessUnit:
    """Return one frame of sound as one packet, in the same form as an access unit.

    Args:
        audio: the format of the frame.
        unit: the frame, of AAC without ADTS.
        timestamp: the RTP timestamp, any integer; sent modulo 2**32.
    """
    payload = audio.packetize(unit)
    header = serialize_header(
        payload_type=audio.payload_type, sequence_number=0, timestamp=timestamp, ssrc=0, marker=audio.has_marker
    )
    size = HEADER_SIZE + len(payload)
    frames = Frames(b"".join((b"$\0" + size.to_bytes(2), header, payload)), (0,), len(payload))
    return PreparedAccessUnit((unit,), timestamp, random_access=True, frames=frames)


class RtpSender:
    """Gives one reader's packets the numbers that no other reader's packets have.

    Args:
        ssrc: a random number.
        sequence_number: a random number, given to the first packet.
        cname: the CNAME of this service.
        timestamp_offset: the RTP timestamp of monotonic time 0, shared by all readers of a stream.
        report_interval_s: the seconds between sender reports (RFC 3550 section 6.2).
        clock_rate: ticks a second.
    """

    def __init__(
        self,
        *,
        ssrc: int,
        sequence_number: int,
        cname: str,
        timestamp_offset: int,
        report_interval_s: float,
        clock_rate: int = VIDEO_CLOCK_RATE,
    ) -> None:
        self.ssrc = ssrc
        self.next_sequence = sequence_number & 0xFFFF
        self.packet_count = 0
        self.octet_count = 0
        self._cname = cname
        self._timestamp_offset = timestamp_offset
        self._report_interval_s = report_interval_s
        self._clock_rate = clock_rate
        self._next_report = 0.0

    def number(self, unit: PreparedAccessUnit, channel: int = 0) -> bytearray:
        """Return the access unit's frames with this reader's numbers.

        Args:
            unit: the access unit, prepared once for all readers.
            channel: the channel of the interleaved connection; without meaning over UDP.
        """
        frames = unit.frames
        data = bytearray(frames.data)
        sequence, timestamp, ssrc = self.next_sequence, unit.timestamp, self.ssrc
        write = _NUMBERS.pack_into
        for offset in frames.offsets:
            write(data, offset + _NUMBERS_AT, sequence, timestamp, ssrc)
            sequence = (sequence + 1) & 0xFFFF
        if channel:
            for offset in frames.offsets:
                data[offset + 1] = channel
        self.next_sequence = sequence
        self.packet_count += len(frames.offsets)
        self.octet_count += frames.octets
        return data

    def report_soon(self) -> None:
        """Let the next report be due at once: somebody new listens."""
        self._next_report = 0.0

    def report_due(self, now: float, wall: float) -> bytes | None:
        """Return a sender report if it is time for one: the first at once, then one every `report_interval_s`.

        Args:
            now: monotonic seconds.
            wall: UTC seconds at the same moment.
        """
        if now < self._next_report:
            return None
        self._next_report = now + self._report_interval_s
        report = SenderReport(
            ssrc=self.ssrc,
            ntp=ntp_from_unix(wall),
            rtp_timestamp=round(now * self._clock_rate) + self._timestamp_offset,
            packet_count=self.packet_count,
            octet_count=self.octet_count,
        )
        return serialize_sender_report(report, self._cname)

    def goodbye(self) -> bytes:
        """Return a BYE, which says that no more packets come (RFC 3550 section 6.6)."""
        return serialize_goodbye(self.ssrc, self._cname)
