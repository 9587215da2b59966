"""Fragmented MP4, byte by byte as the standard lays it out, and as FFmpeg's and GStreamer's demuxers read it."""

import io
import json
import shutil
import struct
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.coded_video import encode
from transcoder.codecs.fragmented_mp4 import (
    FIRST_DURATION,
    MAX_USUAL,
    MIN_DURATION,
    FragmentTimes,
    fragment,
    init_segment,
    sample,
)
from transcoder.codecs.nal import Codec, split_byte_stream
from transcoder.errors import BitstreamError

SPS = bytes.fromhex("67640028ac2b602802dd80b501010140000003004000000ca3c60ca8")
"""High, level 4.0, 1280x720, square samples, colours of BT.709, as x264 writes it."""
PPS = bytes.fromhex("68ee3cb0")
CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"mvex", b"moof", b"traf"}


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of some bytes, by ISO/IEC 14496-12 section 4.2."""
    while data:
        size, kind = struct.unpack_from(">I4s", data)
        assert 8 <= size <= len(data)
        yield kind, data[8:size]
        data = data[size:]


def tree(data: bytes) -> list[tuple[bytes, object]]:
    return [(kind, tree(body) if kind in CONTAINERS else body) for kind, body in boxes(data)]


def found(data: bytes, *path: bytes) -> bytes:
    for kind in path:
        data = next(body for name, body in boxes(data) if name == kind)
    return data


def units_of(codec: str, stream: bytes) -> list[bytes]:
    return list(split_byte_stream(stream))


def file_of(codec: str, streams: list[bytes], times: list[int]) -> bytes:
    kind = Codec(codec)
    units = [units_of(codec, stream) for stream in streams]
    clock = FragmentTimes()
    made = [init_segment(kind, units[0]).data]
    for number, (nal_units, pts) in enumerate(zip(units, times, strict=True), 1):
        picture = sample(kind, nal_units)
        made.append(fragment(number, *clock.take(pts), picture, random_access=number == 1))
    return b"".join(made)


def test_a_fragment_is_what_the_standard_says() -> None:
    picture = sample(Codec.H264, [SPS, PPS, b"\x65\x88abc", b"\x65\x44d"])
    assert picture.hex() == "000000056588616263" + "00000003654464"
    assert fragment(7, 0x1_0000_0002, 3600, picture, random_access=True).hex() == (
        "00000064" + b"moof".hex()
        + "00000010" + b"mfhd".hex() + "00000000" + "00000007"
        + "0000004c" + b"traf".hex()
        + "00000010" + b"tfhd".hex() + "00020000" + "00000001"
        + "00000014" + b"tfdt".hex() + "01000000" + "0000000100000002"
        + "00000020" + b"trun".hex() + "00000701" + "00000001" + "0000006c" + "00000e10" + "00000010" + "02000000"
        + "00000018" + b"mdat".hex() + picture.hex()
    )  # fmt: skip


def test_the_flags_of_a_picture_that_depends_on_others() -> None:
    data = fragment(1, 0, 1, b"\0\0\0\1\x41", random_access=False)
    assert found(data, b"moof", b"traf", b"trun")[-4:].hex() == "01010000"


def test_an_init_segment_names_the_pictures_and_nobody() -> None:
    made = init_segment(Codec.H264, [SPS, PPS, b"\x65\x88"])
    assert made.media_type == 'video/mp4; codecs="avc1.640028"'
    assert (made.width, made.height) == (1280, 720)
    kinds = [kind for kind, _ in tree(made.data)]
    assert kinds == [b"ftyp", b"moov"]
    trak = found(made.data, b"moov", b"trak")
    assert found(trak, b"tkhd")[-8:].hex() == "05000000" + "02d00000"
    assert found(trak, b"mdia", b"hdlr").hex() == "00000000" + "00000000" + b"vide".hex() + "00" * 12 + "00"
    entry = found(trak, b"mdia", b"minf", b"stbl", b"stsd")[8:]
    [(kind, body)] = boxes(entry)
    assert kind == b"avc1"
    assert body[:78].hex() == (
        "000000000000" + "0001" + "00" * 16 + "0500" + "02d0" + "00480000" + "00480000" + "00000000" + "0001"
        + "00" * 32 + "0018" + "ffff"
    )  # fmt: skip
    assert dict(boxes(body[78:])) == {
        b"avcC": bytes.fromhex("01640028ffe1001c") + SPS + bytes.fromhex("010004") + PPS + bytes.fromhex("fdf8f800"),
        b"pasp": bytes.fromhex("0000000100000001"),
        b"colr": b"nclx" + bytes.fromhex("00010001000100"),
    }
    assert found(made.data, b"moov", b"mvex", b"trex").hex() == "00000000" + "00000001" * 2 + "00" * 12


@pytest.mark.parametrize("sets", [[], [SPS], [PPS], [SPS[:6], PPS]])
def test_without_sets_there_is_no_segment(sets: list[bytes]) -> None:
    with pytest.raises(BitstreamError):
        init_segment(Codec.H264, sets)


REGULAR = [3600 * index for index in range(12)]
IRREGULAR = [0, 3600, 7100, 11000, 14400, 100_000, 190_000, 193_600, 197_200, 197_300, 300_000, 303_600]


@pytest.mark.parametrize("codec", ["H264", "H265"])
@pytest.mark.parametrize("times", [REGULAR, IRREGULAR], ids=["regular", "irregular"])
def test_ffmpeg_reads_it(codec: str, times: list[int]) -> None:
    """Pictures, sizes, shapes and times; the end of each is exact but where many pictures follow a pause."""
    streams = encode(codec, (320, 240), 12, aspect=Fraction(4, 3))
    with av.open(io.BytesIO(file_of(codec, streams, times)), "r") as container:
        video = container.streams.video[0]
        assert (video.width, video.height, video.sample_aspect_ratio) == (320, 240, Fraction(4, 3))
        packets = [packet for packet in container.demux(video) if packet.size]
        assert [packet.is_keyframe for packet in packets] == [True] + [False] * 11
        starts = [int(packet.pts) for packet in packets]  # type: ignore[arg-type]  # the demuxer knows each time
        assert all(packet.dts == packet.pts for packet in packets)
        for packet, following in pairwise(packets):
            assert packet.pts is not None
            assert packet.pts + (packet.duration or 0) == following.pts
        if times is REGULAR:
            assert starts == REGULAR
    with av.open(io.BytesIO(file_of(codec, streams, times)), "r") as container:
        assert len(list(container.decode(video=0))) == 12


@given(
    distances=st.lists(st.integers(90, 500_000), max_size=60),
    left_out=st.sets(st.integers(0, 60)),
    first=st.integers(0, 1 << 40),
)
def test_times_have_no_gap_and_do_not_drift(distances: list[int], left_out: set[int], first: int) -> None:
    clock, pts, end = FragmentTimes(), first, None
    for index, distance in enumerate([0, *distances]):
        pts += distance
        before, end = end, 0
        begin, duration = clock.take(pts, follows=index not in left_out)
        end = begin + duration
        assert duration >= MIN_DURATION
        if before is None:
            assert (begin, duration) == (pts, FIRST_DURATION)
        elif index in left_out:
            assert begin == max(pts, before)
        else:
            assert begin == before
        # as long as each picture is shown for a while, the end is the time of the picture and the usual distance
        assert end > pts
        assert end - pts <= MAX_USUAL or duration == MIN_DURATION


@given(distance=st.integers(375, MAX_USUAL), count=st.integers(1, 400))
def test_a_regular_stream_has_its_own_times_soon(distance: int, count: int) -> None:
    clock = FragmentTimes()
    begins = [clock.take(index * distance)[0] for index in range(count)]
    assert begins[0] == 0
    for index in range(120, count):
        assert begins[index] == index * distance


@given(st.lists(st.tuples(st.sampled_from([1, 5, 6, 7, 8, 9]), st.binary(max_size=2000)), min_size=1, max_size=8))
def test_samples_hold_everything_but_parameter_sets(kinds: list[tuple[int, bytes]]) -> None:
    units = [bytes([0x60 | kind]) + body for kind, body in kinds]
    data, read = sample(Codec.H264, units), []
    made = fragment(1, 0, 1, data, random_access=True)
    assert found(made, b"mdat") == data
    assert struct.unpack_from(">I", found(made, b"moof", b"traf", b"trun"), 16)[0] == len(data)
    while data:
        size = int.from_bytes(data[:4])
        read.append(data[4 : 4 + size])
        data = data[4 + size :]
    assert read == [unit for unit in units if unit[0] & 31 not in {7, 8}]


@pytest.mark.process
@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_ffprobe_reads_it(codec: str, tmp_path: Path) -> None:
    if shutil.which("ffprobe") is None:
        pytest.skip("no ffprobe here")
    path = tmp_path / "live.mp4"
    path.write_bytes(file_of(codec, encode(codec, (320, 240), 12), REGULAR))
    command = ["ffprobe", "-v", "warning", "-show_streams", "-count_frames", "-of", "json", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert run.stderr == ""
    [stream] = json.loads(run.stdout)["streams"]
    assert stream["nb_read_frames"] == "12"
    assert stream["codec_tag_string"] == {"H264": "avc1", "H265": "hvc1"}[codec]
    assert (stream["width"], stream["height"], stream["time_base"]) == (320, 240, "1/90000")


@pytest.mark.process
@pytest.mark.parametrize(("codec", "parser"), [("H264", "h264parse"), ("H265", "h265parse")])
def test_gstreamer_reads_it(codec: str, parser: str, tmp_path: Path) -> None:
    if shutil.which("gst-launch-1.0") is None:
        pytest.skip("no GStreamer here")
    path = tmp_path / "live.mp4"
    path.write_bytes(file_of(codec, encode(codec, (320, 240), 12), REGULAR))
    command = [
        "gst-launch-1.0", "-v", "filesrc", f"location={path}", "!", "qtdemux", "!", parser, "!",
        "fakesink", "silent=false",
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.count("chain   *******") == 12
    assert "width=(int)320, height=(int)240" in run.stdout
