"""Targets that read packets, payloads and bitstreams."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.support.rtp_packets import end_numbered_pictures, end_picture
from transcoder.codecs.access_unit import filter_nal_units
from transcoder.codecs.encryption import MAX_MISSING, SliceCheck
from transcoder.codecs.mpeg4 import video_object_layers
from transcoder.codecs.nal import (
    MAX_ACCESS_UNIT_SIZE,
    MAX_NAL_UNIT_SIZE,
    MAX_NAL_UNITS,
    Codec,
    is_allowed,
    is_parameter_set,
    nal_unit_type,
)
from transcoder.codecs.parameter_memory import MAX_BYTES, MAX_SETS, ParameterSetMemory
from transcoder.codecs.parameter_sets import parameter_set_id, parse_pps, parse_sps
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.codecs.recovery_point import RecoveryPoint
from transcoder.codecs.relayed_sets import MAX_SET, relayed_set
from transcoder.errors import BitstreamError, PayloadError
from transcoder.formats.depacketizer import DecodingOrder
from transcoder.ledger import MAX_KINDS, Ledger
from transcoder.rtp.audio import AudioReceiver
from transcoder.rtp.packet import parse_rtp
from transcoder.rtp.rtcp import parse_rtcp
from transcoder.rtp.timeline import LATE_FOR_S, MAX_EARLY_S, MAX_LATE_S, MAX_STEP_BACK_S, Timeline
from transcoder.rtp.video import VideoReceiver
from transcoder.sdp import AudioSelection, Media


def rtp(data: bytes) -> None:
    """One RTP packet."""
    try:
        packet = parse_rtp(data)
    except PayloadError:
        return
    assert 0 <= packet.payload_type < 128
    extension = 0 if packet.extension_profile is None else 4 + len(packet.extension)
    assert 12 + 4 * packet.csrc_count + extension + len(packet.payload) + packet.padding == len(data)


def rtcp(data: bytes) -> None:
    """One compound RTCP packet."""
    try:
        packets = parse_rtcp(data)
    except PayloadError:
        return
    assert 0 < len(packets) <= 32


def packets_of(data: bytes) -> Iterator[bytes]:
    """Packets of a framed input, without the flags."""
    at = 1
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2])
        yield data[at + 2 : at + 2 + size]
        at += 2 + size


def video(codec: SourceCodec, decoding_order: DecodingOrder | None = None) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        """RTP and RTCP of one media to dated access units, over TCP, or over UDP where the first byte is odd."""
        ledger = Ledger()
        receiver = VideoReceiver(
            codec=codec,
            payload_types=frozenset({96}),
            clock_rate=90_000,
            ledger=ledger,
            reorder=bool(data[:1] and data[0] & 1),
            ssrc=1,
            cname="x",
            decoding_order=decoding_order,
        )
        dates = Dates()
        now = 1000.0
        total = 0
        for packet in packets_of(data):
            now += 0.02
            if len(packet) > 1 and 200 <= packet[1] <= 204:
                receiver.receive_rtcp(packet, now)
            else:
                receiver.receive_rtp(packet, now)
            due = receiver.next_timeout()
            if due is not None and due <= now:
                receiver.handle_timeout(now)
            if (other := receiver.other_codec) is not None:
                receiver.read_as(other)
            total += check_access_units(receiver, ledger, dates)
            report = receiver.report_due(now)
            assert report is None or parse_rtcp(report)
        receiver.handle_timeout(now + 10)
        number = receiver.receiver.next_number or 0
        if decoding_order is None:
            end_picture(receiver, codec.value, number, 0, now + 11)
        else:
            end_numbered_pictures(receiver, codec.value, number, now + 11)
        total += check_access_units(receiver, ledger, dates)
        assert total <= len(data) * (1 if isinstance(codec, Codec) else 70)  # headers of pictures are made anew
        assert len(list(ledger)) <= MAX_KINDS + 16

    return run


def check_access_units(receiver: VideoReceiver, ledger: Ledger, dates: "Dates") -> int:
    """What gets to the decoder is what the allow-list names, of bounded size, dated; bytes of it."""
    total = 0
    while (unit := receiver.next_access_unit()) is not None:
        kept = filter_nal_units(unit, ledger, is_allowed, "nal_in")
        assert len(kept) <= MAX_NAL_UNITS
        for each in kept:
            if unit.codec is PictureCodec.JPEG:
                check_jpeg(each)
            if unit.codec is PictureCodec.MPEG4:
                assert b"\0\0\1\xb2" not in each
            if isinstance(unit.codec, PictureCodec):
                continue
            assert b"\0\0\1" not in each
            assert is_allowed(unit.codec, nal_unit_type(unit.codec, each)) or isinstance(each, RecoveryPoint)
            dates.sets.look(unit.codec, each)
            assert len(each) <= MAX_NAL_UNIT_SIZE
        assert unit.size <= MAX_ACCESS_UNIT_SIZE
        dates.check(unit.timestamp, unit.completed)
        total += unit.size
    return total


FIELD = bytes.fromhex("ffe00010") + b"JFIF\0\x01\x02\0\0\x01\0\x02\0\0"
"""Our own words for the aspect ratio of a field."""


def check_jpeg(data: bytes) -> None:
    """Markers of the header are those that a decoder needs (ITU-T T.81 table B.1): no APPn, no COM."""
    assert data[:2] == b"\xff\xd8"
    at = 2 + (len(FIELD) if data.startswith(FIELD, 2) else 0)
    while data[at + 1] != 0xDA:
        assert data[at] == 0xFF
        assert data[at + 1] in {0xC0, 0xC1, 0xC4, 0xDB, 0xDD}, hex(data[at + 1])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    at += 2 + int.from_bytes(data[at + 2 : at + 4])
    markers = {found[0] for found in re.findall(rb"\xff+([^\xff\x00])", data[at:-2], re.DOTALL)}
    assert markers <= set(range(0xD0, 0xD8)), markers
    assert data[-2:] == b"\xff\xd9"


class Sets:
    """Whatever comes, what is remembered of parameter sets is bounded, and the check of slices raises nothing."""

    def __init__(self) -> None:
        self._memories = {codec: ParameterSetMemory(codec, ()) for codec in Codec}
        self._checks = {codec: SliceCheck(codec) for codec in Codec}
        self._count = 0

    def look(self, codec: Codec, unit: bytes) -> None:
        """Take a NAL unit as an access unit of its own that decoding begins at."""
        completed = self._memories[codec].complete([unit], random_access=True)
        assert len(completed) <= MAX_SETS + 1
        assert sum(map(len, completed)) <= MAX_BYTES + len(unit)
        check = self._checks[codec]
        self._count += 1
        check.look(unit, self._count // 2)
        assert check.implausible <= check.checked
        assert len(check.missing) <= MAX_MISSING
        if self._count % 64 == 0:
            check.forget()


class Dates:
    """Whatever timestamps say, a picture is dated near its arrival."""

    def __init__(self) -> None:
        self._timeline = Timeline(90_000)
        self._newest: float | None = None
        self._gap = 0.0
        self.sets = Sets()

    def check(self, rtp_timestamp: int, arrival: float) -> None:
        """Behind arrival at most for LATE_FOR_S, an interval, and a step back after the last picture in time.

        A packet that was held back for another one is older than that one: the newest arrival is what counts.
        """
        newest = arrival if self._newest is None else max(arrival, self._newest)
        self._gap = max(self._gap, newest - (newest if self._newest is None else self._newest))
        self._newest = newest
        off = self._timeline.presentation_time(rtp_timestamp, arrival) / 90_000 - newest
        assert -LATE_FOR_S - MAX_LATE_S - MAX_STEP_BACK_S - self._gap - 0.15 <= off <= MAX_EARLY_S + 0.01, off


AAC = AudioSelection(
    index=1,
    media=Media(
        kind="audio", port=0, protocol="RTP/AVP", formats=(), control=None, direction="", attributes=(), raw_formats=()
    ),
    encoding="MPEG4-GENERIC",
    payload_types=frozenset({96}),
    clock_rate=16_000,
    channels=1,
)


def aac(data: bytes) -> None:
    """RTP of an AAC media to its frames."""
    _audio(AAC, data, range(1024, 1025))


def opus(data: bytes) -> None:
    """RTP of an Opus media to its packets, which last 2.5 to 120 ms (RFC 6716 section 3.2.5)."""
    _audio(replace(AAC, encoding="OPUS", clock_rate=48_000), data, range(120, 5761))


def _audio(selection: AudioSelection, data: bytes, durations: range) -> None:
    receiver = AudioReceiver(selection, Ledger(), reorder=bool(data[:1] and data[0] & 1))
    now = 1000.0
    total = 0
    for packet in packets_of(data):
        now += 0.06
        receiver.receive_rtp(packet, now)
        while (unit := receiver.next_unit()) is not None:
            assert unit.duration in durations
            total += len(unit.data)
    receiver.handle_timeout(now + 10)
    while (unit := receiver.next_unit()) is not None:
        total += len(unit.data)
    assert total <= len(data)


def elements(data: bytes) -> None:
    """Elements of MPEG-4 Part 2, as a session description's `config` may hold them."""
    assert sum(map(len, video_object_layers(data))) <= len(data)


def timeline(data: bytes) -> None:
    """Timestamps and arrival times: 4 bytes and 1 byte (ms) a picture."""
    dates = Dates()
    now = 1000.0
    for at in range(0, len(data) - 4, 5):
        now += data[at + 4] / 1000
        dates.check(int.from_bytes(data[at : at + 4]), now)


def parameter_sets(data: bytes) -> None:
    """SPS and PPS of either codec; their ids can be read where the whole set can."""
    sets = Sets()
    for codec in Codec:
        if len(data) > 1:
            sets.look(codec, data)
            assert len(ParameterSetMemory(codec, (data, data)).complete([data], random_access=True)) <= 3
    for parse in (parse_sps, parse_pps):
        for codec in Codec:
            try:
                assert parse(codec, data).id == parameter_set_id(codec, data)
            except BitstreamError:
                continue
    for codec in Codec:
        if data and is_parameter_set(codec, nal_unit_type(codec, data)):
            _relayed(codec, data)


def _relayed(codec: Codec, data: bytes) -> None:
    """A set that passes undecoded is written anew: read once more, it is the same, so that nothing hides in it."""
    try:
        passed = relayed_set(codec, data)
    except BitstreamError:
        return
    for unit in passed[-1:]:
        assert relayed_set(codec, unit) == passed
        assert len(unit) <= MAX_SET
