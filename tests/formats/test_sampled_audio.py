"""Durations of G.711, G.722, G.726 and L16 (RFC 3551 sections 4.5.2, 4.5.4, 4.5.11, 4.5.14), and AAC in their place."""

from collections.abc import Callable

import pytest

from transcoder import formats
from transcoder.formats.audio_format import AudioDepacketizer, AudioMedia, CodedAudio
from transcoder.formats.sampled_audio import MAX_LINEAR_SIZE, MAX_SAMPLES_SIZE
from transcoder.rtp.packet import parse_rtp

Build = Callable[..., bytes]


def depacketizer_of(encoding: str, channels: int = 1, clock_rate: int = 8000) -> AudioDepacketizer:
    media = AudioMedia(encoding=encoding, clock_rate=clock_rate, channels=channels, sizes=(13, 3))
    return formats.AUDIO.depacketizer(media)


@pytest.mark.parametrize(
    ("encoding", "channels", "clock_rate", "size", "ticks"),
    [("PCMU", 1, 8000, 160, 160), ("PCMA", 2, 8000, 320, 160), ("G726-16", 1, 8000, 40, 160),
     ("G726-24", 1, 8000, 60, 160), ("AAL2-G726-32", 1, 8000, 80, 160), ("G726-40", 1, 8000, 100, 160),
     # 20 ms of 64 kbit/s: 320 samples in 160 ticks; some descriptions tell the sampling rate
     ("G722", 1, 8000, 160, 160), ("G722", 1, 16_000, 160, 320),
     ("L16", 1, 8000, 320, 160), ("L16", 2, 44_100, 4 * 441, 441), ("L16", 2, 48_000, MAX_LINEAR_SIZE, 4096)],
)  # fmt: skip
def test_a_packet_is_its_samples(
    rtp: Build, encoding: str, channels: int, clock_rate: int, size: int, ticks: int
) -> None:
    packet = parse_rtp(rtp(1, 0, b"\xd5" * size))
    depacketizer = depacketizer_of(encoding, channels, clock_rate)
    assert depacketizer.receive(packet) == [CodedAudio(0, ticks, b"\xd5" * size)]
    depacketizer.lose()
    assert depacketizer.receive(packet) == [CodedAudio(0, ticks, b"\xd5" * size)]
    assert not depacketizer.faults


def test_aac_in_its_place(rtp: Build) -> None:
    # ISO/IEC 13818-7 section 6.2: sampling frequency index 8 (16 kHz), frame length 16
    frame = bytes.fromhex("fff1 6040 021f fc") + bytes(9)
    depacketizer = depacketizer_of("PCMA")
    assert depacketizer.receive(parse_rtp(rtp(1, 0, frame))) == [CodedAudio(0, 512, frame)]  # 1024 of 16 kHz in 8 kHz
    assert depacketizer.faults == {"AAC in its place": 1}


@pytest.mark.parametrize(
    ("encoding", "size"),
    [("PCMU", 0), ("PCMU", MAX_SAMPLES_SIZE + 1), ("G722", MAX_SAMPLES_SIZE + 1), ("L16", MAX_LINEAR_SIZE + 1)],
)
def test_impossible_sizes(rtp: Build, encoding: str, size: int) -> None:
    depacketizer = depacketizer_of(encoding)
    assert depacketizer.receive(parse_rtp(rtp(1, 0, bytes(size)))) == []
    assert depacketizer.faults == {"impossible size": 1}


def test_encodings_and_their_clock_rates() -> None:
    known = {encoding: each.clock_rate for each in formats.AUDIO for encoding in each.encodings}
    assert {name: rate for name, rate in known.items() if "G726" not in name} == {
        "PCMU": 8000, "PCMA": 8000, "G722": 8000, "L16": 0, "MPEG4-GENERIC": 0, "OPUS": 48_000,
    }  # fmt: skip
    assert len(known) == 14
    assert formats.AUDIO.of_encoding("L24") is None
