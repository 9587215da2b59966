"""The muxer, in memory: packets of a transport stream by ISO/IEC 13818-1, tags by the specification of FLV."""

from pathlib import Path

import pytest

from tests.support.outputs import IDR_SLICE, OTHER_SLICE, PPS, SPS
from transcoder.codecs.audio_codec import AudioCodec
from transcoder.codecs.nal import Codec
from transcoder.errors import MediaError
from transcoder.media.muxer import DATAGRAM, START_CODE, Muxer, adts

FRAME = AudioCodec.AAC.silent_frame


class Kept:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.writes.append(bytes(data))
        return len(data)

    @property
    def data(self) -> bytes:
        return b"".join(self.writes)


def annex_b(*units: bytes) -> bytes:
    return b"".join(START_CODE + unit for unit in units)


def muxed(container: str, *, audio_rate: int = 16000) -> Kept:
    kept = Kept()
    muxer = Muxer(kept, container, Codec.H264, (SPS, PPS), audio_rate)
    muxer.video(annex_b(SPS, PPS, IDR_SLICE), 9000, random_access=True)
    muxer.audio(FRAME, 9000)
    muxer.video(annex_b(OTHER_SLICE), 18000, random_access=False)
    muxer.audio(FRAME, 9000 + 5760)
    muxer.close()
    return kept


def packets(kept: Kept) -> dict[int, list[bytes]]:
    """The packets of a transport stream, by their PID (section 2.4.3.2)."""
    found: dict[int, list[bytes]] = {}
    for start in range(0, len(kept.data), 188):
        packet = kept.data[start : start + 188]
        assert packet[0] == 0x47
        found.setdefault((packet[1] & 0x1F) << 8 | packet[2], []).append(packet)
    return found


def test_a_transport_stream_goes_in_datagrams_of_whole_packets() -> None:
    kept = muxed("mpegts")
    assert all(0 < len(data) <= DATAGRAM and len(data) % 188 == 0 for data in kept.writes)
    found = packets(kept)
    assert 0 in found  # the program association table
    streams = {pid: b"".join(each) for pid, each in found.items()}
    video = next(data for data in streams.values() if b"\0\0\1\xe0" in data)  # a PES packet of video
    assert SPS in video
    assert PPS + START_CODE + IDR_SLICE in video
    sound = next(data for data in streams.values() if b"\0\0\1\xc0" in data)  # and one of audio
    assert b"\xff\xf1" in sound
    assert FRAME in sound


def tags(data: bytes) -> list[tuple[int, int, bytes]]:
    """Kind, time in milliseconds and body of each tag (FLV 10.1, annex E.4)."""
    assert data[:3] == b"FLV"
    at, found = 9 + 4, []
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + 4])
        time_ms = int.from_bytes(data[at + 4 : at + 7]) | data[at + 7] << 24
        found.append((data[at], time_ms, data[at + 11 : at + 11 + size]))
        at += 11 + size + 4
    return found


def test_flv_begins_with_the_headers_of_both_codecs() -> None:
    found = tags(muxed("flv").data)
    video = [(time_ms, body) for kind, time_ms, body in found if kind == 9]
    audio = [(time_ms, body) for kind, time_ms, body in found if kind == 8]
    # AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1)
    record = b"\x01" + SPS[1:4] + b"\xff\xe1" + len(SPS).to_bytes(2) + SPS + b"\x01" + len(PPS).to_bytes(2) + PPS
    assert video[0][1].startswith(b"\x17\0\0\0\0" + record)
    assert video[1] == (
        100, b"\x17\x01\0\0\0" + b"".join(len(unit).to_bytes(4) + unit for unit in (SPS, PPS, IDR_SLICE)),
    )  # fmt: skip
    assert video[2] == (200, b"\x27\x01\0\0\0" + len(OTHER_SLICE).to_bytes(4) + OTHER_SLICE)
    assert b"\xaf\0\x14\x08" in [body for _, body in audio]  # AudioSpecificConfig: AAC-LC, 16 kHz, one channel
    assert [(time_ms, body) for time_ms, body in audio if body[1] == 1] == [
        (100, b"\xaf\x01" + FRAME), (164, b"\xaf\x01" + FRAME),
    ]  # fmt: skip


def test_without_sound_there_is_the_picture_alone() -> None:
    kept = Kept()
    muxer = Muxer(kept, "flv", Codec.H264, (SPS, PPS), 0)
    muxer.video(annex_b(SPS, PPS, IDR_SLICE), 0, random_access=True)
    muxer.audio(FRAME, 0)
    muxer.close()
    assert {kind for kind, *_ in tags(kept.data)} == {9, 18}


def test_the_header_of_an_aac_frame() -> None:
    # profile LC (1), index 8 for 16 kHz, one channel, 7 + 100 bytes (ISO/IEC 14496-3 section 1.A.2.2)
    assert adts(100, 16000) == bytes((0xFF, 0xF1, 0x60, 0x40, 107 >> 3, (107 & 7) << 5 | 0x1F, 0xFC))


def test_a_target_that_is_gone_is_named_without_its_url(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="No such file") as error:
        Muxer(str(tmp_path / "none" / "k3y.flv"), "flv", Codec.H264, (SPS, PPS), 0)
    assert "k3y" not in str(error.value)


class Gone:
    def write(self, data: bytes) -> int:
        raise ConnectionRefusedError(111, "Connection refused")


def test_a_target_that_goes_away_is_noticed() -> None:
    muxer = Muxer(Gone(), "mpegts", Codec.H264, (SPS, PPS), 0)

    def send() -> None:
        for number in range(3):
            muxer.video(annex_b(SPS, PPS, IDR_SLICE + bytes(4000)), 9000 * number, random_access=True)
        muxer.close()

    with pytest.raises(MediaError, match="Connection refused"):
        send()
