"""Decoding, from files: damage must be seen."""

import time
from pathlib import Path

import pytest

from transcoder.codecs.nal import Codec
from transcoder.lab.reader.playback import Playback, PlaybackCounts


def play(path: Path) -> PlaybackCounts:
    playback = Playback()
    playback.start(str(path))
    end = time.monotonic() + 10
    while playback.counts.problem != "the stream ended" and time.monotonic() < end:
        time.sleep(0.01)
    playback.stop()
    playback.join(5)
    return playback.counts


def byte_stream(content, damage: str = "") -> bytes:
    units = []
    for index, access_unit in enumerate(content.access_units):
        for unit in access_unit.nal_units:
            if index == 5 and damage == "missing":
                continue
            data = unit[: len(unit) // 2] if index == 5 and damage == "cut" else unit
            units.append(b"\0\0\0\1" + bytes(data))
    return b"".join(units)


# FFmpeg says nothing of a cut H.265 slice, nor of an H.264 picture that is missing
@pytest.mark.parametrize(("codec", "damage"), [(Codec.H264, "cut"), (Codec.H265, "missing")])
def test_every_frame_and_damage(contents, codec: Codec, damage: str, tmp_path: Path) -> None:
    sound, damaged = tmp_path / f"sound.{codec.value.lower()}", tmp_path / f"damaged.{codec.value.lower()}"
    sound.write_bytes(byte_stream(contents[codec]))
    damaged.write_bytes(byte_stream(contents[codec], damage))
    counts = play(sound)
    assert (counts.frames, counts.errors, counts.width, counts.height) == (20, 0, 320, 180)
    assert counts.oddities() == []
    assert play(damaged).errors > 0


def test_sei_is_told(contents, tmp_path: Path) -> None:
    path = tmp_path / "sei.h264"
    sei = b"\0\0\0\1\x06\x05\x11" + bytes(range(1, 18)) + b"\x80"
    path.write_bytes(byte_stream(contents[Codec.H264]) + sei + byte_stream(contents[Codec.H264]))
    assert play(path).oddities() == ["1 SEI NAL units"]
