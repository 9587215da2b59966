"""Audio packets in, dated audio units out; durations by RFC 3551 section 4.5 and RFC 3640."""

from collections.abc import Callable

import pytest

from transcoder.formats.sampled_audio import MAX_SAMPLES_SIZE
from transcoder.ledger import Ledger
from transcoder.rtp.audio import AudioReceiver, AudioUnit
from transcoder.sdp import parse_sdp, select_audio, select_video

VIDEO = "v=0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
AAC = (
    "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\n"
    "a=fmtp:97 streamtype=5;mode=AAC-hbr;config=1408;sizeLength=13;indexLength=3;indexDeltaLength=3\r\n"
)


def receiver(media: str, ledger: Ledger | None = None, *, reorder: bool = False) -> AudioReceiver:
    description = parse_sdp((VIDEO + media).encode())
    selection = select_audio(description, select_video(description))
    assert selection is not None
    return AudioReceiver(selection, Ledger() if ledger is None else ledger, reorder=reorder)


def units(audio: AudioReceiver) -> list[AudioUnit]:
    found = []
    while (unit := audio.next_unit()) is not None:
        found.append(unit)
    return found


@pytest.mark.parametrize(
    ("media", "payload_type", "size", "ticks"),
    [
        ("m=audio 0 RTP/AVP 0\r\n", 0, 160, 160),
        ("m=audio 0 RTP/AVP 8\r\n", 8, 160, 160),
        ("m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000/2\r\n", 8, 320, 160),
        ("m=audio 0 RTP/AVP 98\r\na=rtpmap:98 PCMU/16000\r\n", 98, 640, 640),
        ("m=audio 0 RTP/AVP 98\r\na=rtpmap:98 G726-16/8000\r\n", 98, 40, 160),
        ("m=audio 0 RTP/AVP 98\r\na=rtpmap:98 G726-24/8000\r\n", 98, 60, 160),
        ("m=audio 0 RTP/AVP 98\r\na=rtpmap:98 G726-32/8000\r\n", 98, 80, 160),
        ("m=audio 0 RTP/AVP 98\r\na=rtpmap:98 G726-40/8000\r\n", 98, 100, 160),
        ("m=audio 0 RTP/AVP 98\r\na=rtpmap:98 AAL2-G726-32/8000\r\n", 98, 80, 160),
    ],
)
def test_samples(rtp: Callable[..., bytes], media: str, payload_type: int, size: int, ticks: int) -> None:
    audio = receiver(media)
    data = bytes(index & 0xFF for index in range(size))
    audio.receive_rtp(rtp(1, 0xFFFF_FFF0, data, payload_type=payload_type, marker=True), 5.0)
    audio.receive_rtp(rtp(2, ticks - 16, data[::-1], payload_type=payload_type), 5.02)
    assert units(audio) == [
        AudioUnit(timestamp=0xFFFF_FFF0, duration=ticks, data=data, arrival=5.0),
        AudioUnit(timestamp=ticks - 16, duration=ticks, data=data[::-1], arrival=5.02),
    ]


def test_frames_of_aac_in_one_packet_follow_each_other(rtp: Callable[..., bytes]) -> None:
    audio = receiver(AAC)
    # three AU headers of 16 bits: sizes 3, 2, 1
    payload = bytes.fromhex("0030 0018 0010 0008") + b"aaabbc"
    audio.receive_rtp(rtp(1, 0xFFFF_FC00, payload, payload_type=97, marker=True), 7.0)
    assert units(audio) == [
        AudioUnit(timestamp=0xFFFF_FC00, duration=1024, data=b"aaa", arrival=7.0),
        AudioUnit(timestamp=0, duration=1024, data=b"bb", arrival=7.0),
        AudioUnit(timestamp=1024, duration=1024, data=b"c", arrival=7.0),
    ]


def test_the_fragments_around_a_lost_packet_make_no_frame(rtp: Callable[..., bytes]) -> None:
    audio = receiver(AAC)
    header = bytes.fromhex("0010 0050")  # an AU of 10 bytes

    def send(number: int, timestamp: int, part: bytes, *, marker: bool) -> None:
        audio.receive_rtp(rtp(number, timestamp, header + part, payload_type=97, marker=marker), 1.0)

    send(1, 0, b"01234", marker=False)
    send(2, 0, b"56789", marker=True)
    send(3, 1024, b"01234", marker=False)  # 4, its end, is lost, and so is 5, the begin of the next
    send(6, 2048, b"fghij", marker=True)
    send(7, 3072, b"klmnopqrst", marker=True)
    assert [(unit.timestamp, unit.data) for unit in units(audio)] == [(0, b"0123456789"), (3072, b"klmnopqrst")]


def test_sizes_that_no_packet_has_are_counted(rtp: Callable[..., bytes]) -> None:
    audio = receiver("m=audio 0 RTP/AVP 0\r\n")
    for number, payload in enumerate((b"", bytes(MAX_SAMPLES_SIZE + 1), bytes(MAX_SAMPLES_SIZE))):
        audio.receive_rtp(rtp(number, 0, payload, payload_type=0), 1.0)
    assert [len(unit.data) for unit in units(audio)] == [MAX_SAMPLES_SIZE]
    assert audio.faults == {"impossible size": 2}


def test_aac_packets_that_make_no_frame_are_counted(rtp: Callable[..., bytes]) -> None:
    audio = receiver(AAC)
    payloads = ["00", "0010 0018 aaaa bb", "0200 00", "0000", "0020 0018 0010 aaaaaa bb"]  # RFC 3640 section 3.2.1
    for number, payload in enumerate(payloads):
        audio.receive_rtp(rtp(number, 1024 * number, bytes.fromhex(payload), payload_type=97, marker=True), 1.0)
    assert [unit.data for unit in units(audio)] == [b"\xaa\xaa\xbb", b"\xaa\xaa\xaa"]
    assert audio.faults == {"cut short": 1, "impossible AU headers": 2, "impossible AU size": 1}


def test_aac_in_a_g711_stream_is_as_long_as_its_frame(rtp: Callable[..., bytes]) -> None:  # Dahua
    audio = receiver("m=audio 0 RTP/AVP 8\r\n")
    # ADTS (ISO/IEC 13818-7 section 6.2): LC, index 8 (16 kHz), one channel, 15 bytes with the header
    frame = bytes.fromhex("fff16040 01fffc") + b"aacframe"
    for number, payload in enumerate((frame, frame[:-1], b"\xff" * 160)):
        audio.receive_rtp(rtp(number, 512 * number, payload, payload_type=8), 1.0)
    assert [unit.duration for unit in units(audio)] == [1024 * 8000 // 16_000, 14, 160]
    assert audio.faults == {"AAC in its place": 1}


def test_other_payload_types_are_not_read(rtp: Callable[..., bytes]) -> None:
    ledger = Ledger()
    audio = receiver("m=audio 0 RTP/AVP 0\r\n", ledger)
    audio.receive_rtp(rtp(1, 0, b"secret", payload_type=101), 1.0)
    assert units(audio) == []
    assert [(layer, kind) for layer, kind, _ in ledger] == [("rtp_payload_type", "private payload type 101")]


def test_order_is_restored_over_udp_and_a_gap_is_not_waited_for(rtp: Callable[..., bytes]) -> None:
    audio = receiver("m=audio 0 RTP/AVP 0\r\n", reorder=True)
    for number in (1, 3, 2, 5):
        audio.receive_rtp(rtp(number, number, bytes([number]), payload_type=0), 1.0)
    assert [unit.data for unit in units(audio)] == [b"\x01", b"\x02", b"\x03"]
    audio.handle_timeout(1.05)
    assert units(audio) == []
    audio.handle_timeout(1.2)
    assert [unit.data for unit in units(audio)] == [b"\x05"]


def test_a_source_that_begins_anew_is_noticed(rtp: Callable[..., bytes]) -> None:
    audio = receiver("m=audio 0 RTP/AVP 0\r\n")
    audio.receive_rtp(rtp(1, 0, b"a", payload_type=0, ssrc=1), 1.0)
    assert audio.restarts == 0
    for number in range(100, 105):
        audio.receive_rtp(rtp(number, 0, b"b", payload_type=0, ssrc=2), 1.0)
    assert audio.restarts == 1
    assert [unit.data for unit in units(audio)] == [b"a"] + [b"b"] * 5


def test_sender_reports_of_its_source(rtp: Callable[..., bytes]) -> None:
    audio = receiver("m=audio 0 RTP/AVP 0\r\n")
    audio.receive_rtp(rtp(1, 0, b"a", payload_type=0, ssrc=9), 1.0)
    report = b"\x80\xc8\x00\x06" + (9).to_bytes(4) + (3 << 32).to_bytes(8) + (800).to_bytes(4) + bytes(8)
    audio.receive_rtcp(report, 1.0)
    assert audio.sender_report is not None
    assert (audio.sender_report.ntp, audio.sender_report.rtp_timestamp) == (3 << 32, 800)
    audio.receive_rtcp(b"garbage", 2.0)
    assert audio.sender_report is not None
