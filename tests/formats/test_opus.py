"""Opus: durations by RFC 6716 sections 3.1 and 3.2, of packets of libopus and of made ones."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from transcoder import formats
from transcoder.formats.audio_format import AudioDepacketizer, AudioMedia, CodedAudio
from transcoder.formats.opus import MAX_PACKET_SIZE
from transcoder.rtp.packet import parse_rtp

Build = Callable[..., bytes]


def depacketizer() -> AudioDepacketizer:
    return formats.AUDIO.depacketizer(AudioMedia(encoding="OPUS", clock_rate=48_000, channels=2, sizes=(13, 3)))


@pytest.mark.parametrize(
    ("payload", "milliseconds"),
    [
        # RFC 6716 table 2: the configuration number is the first five bits, then stereo, then the code of the number
        ("00 aa", 10), ("08 aa", 20), ("10 aa", 40), ("18 aa", 60),  # SILK, narrow band
        ("58 aa", 60),  # SILK, wide band
        ("60 aa", 10), ("68 aa", 20), ("78 aa", 20),  # hybrid
        ("80 aa", 2.5), ("88 aa", 5), ("90 aa", 10), ("98 aa", 20), ("fc aa", 20),  # CELT; the last one in stereo
        ("f9 aa bb", 40), ("fa 01 aa bb", 40),  # two frames
        ("fb 03 aa bb cc", 60), ("fb c6 01 aa", 120), ("83 30 aa", 120),  # any number
        ("f8", 20),  # nothing was said (section 3.2.1: a frame of no bytes)
    ],
)  # fmt: skip
def test_a_packet_tells_its_duration(rtp: Build, payload: str, milliseconds: float) -> None:
    data = bytes.fromhex(payload)
    taker = depacketizer()
    assert taker.receive(parse_rtp(rtp(1, 0, data))) == [CodedAudio(0, round(48 * milliseconds), data)]
    taker.lose()
    assert taker.receive(parse_rtp(rtp(3, 0, data))) == [CodedAudio(0, round(48 * milliseconds), data)]
    assert not taker.faults


@pytest.mark.parametrize("data", [b"\xfb", b"\xfb\x00", b"\xfb\x07\xaa", b"\x1b\x03\xaa"])
def test_impossible_durations(rtp: Build, data: bytes) -> None:
    """No number of frames, none, and 140 and 180 ms: section 3.2.5 allows 120."""
    taker = depacketizer()
    assert taker.receive(parse_rtp(rtp(1, 0, data))) == []
    assert taker.faults == {"impossible duration": 1}


@pytest.mark.parametrize("size", [0, MAX_PACKET_SIZE + 1])
def test_impossible_sizes(rtp: Build, size: int) -> None:
    taker = depacketizer()
    assert taker.receive(parse_rtp(rtp(1, 0, b"\x08" * size))) == []
    assert taker.faults == {"impossible size": 1}


@pytest.mark.parametrize("milliseconds", [2.5, 10, 20, 60])
def test_packets_of_libopus(rtp: Build, milliseconds: float) -> None:
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "s16"
    encoder.time_base = Fraction(1, 48_000)
    encoder.options = {"frame_duration": f"{milliseconds:g}"}
    encoder.open()
    pieces = round(1000 / milliseconds)
    samples = round(48 * milliseconds)
    packets = []
    for index in range(pieces):
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 2 * samples), np.int16), format="s16", layout="stereo")
        piece.sample_rate, piece.pts = 48_000, index * samples
        packets += [bytes(packet) for packet in encoder.encode(piece)]
    assert len(packets) > pieces // 2
    taken = [audio for data in packets for audio in depacketizer().receive(parse_rtp(rtp(1, 0, data)))]
    assert [audio.duration for audio in taken] == [samples] * len(packets)
