"""Places to begin decoding that are no IDR; streams of x264 with intra refresh and of x265 without IRAP, by FFmpeg."""

import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from hypothesis import given
from hypothesis import strategies as st

from transcoder.codecs.access_unit import (
    RECOVERY_WAIT_S,
    AccessUnit,
    AccessUnitAssembler,
    decoder_input,
    filter_nal_units,
)
from transcoder.codecs.nal import Codec, is_allowed, split_byte_stream
from transcoder.codecs.recovery_point import MAX_FRAMES, recovery_frames, recovery_point
from transcoder.ledger import Ledger
from transcoder.media.decoder import Decoder

SPS, PPS, P = b"\x67\x4d\x40\x1f", b"\x68\xee\x3c\x80", b"\x41\x9a\x33"
FPS = 10


def test_messages_by_hand() -> None:
    """H.264 section D.1.8: ue(cnt), exact_match 1, broken_link 0, changing_slice_group_idc 00, filled up with 10..."""
    assert recovery_point(0) == bytes.fromhex("060601c480")  # 1 1 0 00 100
    assert recovery_point(3) == bytes.fromhex("0606022440 80".replace(" ", ""))  # 00100 1 0 0, 0 1000000


def test_messages_of_h265_by_hand() -> None:
    """H.265 section D.2.8: se(cnt), exact_match 1, broken_link 0, filled up with 10...; 2 at least."""
    assert recovery_point(3, Codec.H265) == bytes.fromhex("4e0106013580")  # 00110 1 0 1
    assert recovery_point(2, Codec.H265) == bytes.fromhex("4e0106012580")  # 00100 1 0 1
    assert recovery_point(0, Codec.H265) == recovery_point(2, Codec.H265)


@given(st.integers(0, MAX_FRAMES))
def test_what_is_written_is_read(frames: int) -> None:
    assert recovery_frames(recovery_point(frames)) == frames
    assert recovery_frames(recovery_point(frames, Codec.H265), Codec.H265) == max(frames, 2)


@pytest.mark.parametrize(
    ("unit", "frames"),
    [
        ("4e01 0102 0210 0601 90 80", 0),  # behind a pic_timing
        ("4e01 0601 34 80", 3),
        ("4e01 0601 3a 80", 0),  # 00111: -3, right before the message
        ("4e01 0604 00000100 80", None),
        ("5001 0601 34 80", None),  # a suffix SEI
        ("4e01 06", None),
        ("4e", None),
    ],
)
def test_messages_of_h265_cameras(unit: str, frames: int | None) -> None:
    assert recovery_frames(bytes.fromhex(unit), Codec.H265) == frames


def test_a_recovery_point_of_h265_counts_where_no_irap_comes() -> None:
    sets = [b"\x40\x01\x0c", b"\x42\x01\x01", b"\x44\x01\xc0"]
    for irap, begins in ((False, [67, 87, 107]), (True, [0, 40, 80])):
        assembler = AccessUnitAssembler(Codec.H265)
        began = []
        for index in range(120):
            now = 50 + index / FPS
            units = [bytes(recovery_point(4, Codec.H265))] if index % 20 == 7 else []
            units += [*sets, b"\x26\x01\xaf"] if irap and index % 40 == 0 else [b"\x02\x01\xd0"]
            for nal in units:
                assembler.add(nal, 9000 * index, now)
            assembler.end_of_packet(marker=True)
            unit = assembler.next_access_unit()
            assert unit is not None
            if unit.random_access:
                began.append(index)
                kept = filter_nal_units(unit, Ledger(), is_allowed, "nal_in")
                assert (recovery_point(4, Codec.H265) in kept) is not irap
        assert began == begins


@pytest.mark.process
@pytest.mark.parametrize("ahead", [0, 1, 4, 11])
def test_the_first_picture_of_h265_without_irap_is_the_recovered_one(ahead: int) -> None:
    """The camera names it `ahead` pictures before: an I picture that is no IRAP, made by x265."""
    gop = 20
    made = pictures_without_irap(110, gop)
    sets = [unit for unit in made[0] if unit[0] >> 1 in {32, 33, 34}]
    slices = [[unit for unit in each if unit[0] >> 1 < 32] for each in made]
    assert [index for index, units in enumerate(slices) if units[0][0] >> 1 >= 16] == [0]
    truth = dict(decoded(h265_assembled([[*sets, *slices[0]], *slices[1:]])))
    sent = [
        [*sets, seen_in_cameras(ahead), *units] if index % gop == -ahead % gop else units
        for index, units in enumerate(slices)
    ][7:]
    joined = h265_assembled(sent)
    first = next(index for index, unit in enumerate(joined) if unit.random_access)
    assert 50 <= first <= 75
    shown = decoded(joined[first:], first + 7)
    assert shown[0][0] == first + 7 + max(ahead, 2)
    assert len(shown) == len(joined) - first - max(ahead, 2)
    for pts, luma in shown:
        assert np.array_equal(luma, truth[pts]), pts


def pictures_without_irap(count: int, gop: int) -> list[list[bytes]]:
    """The NAL units of pictures of x265: an IDR, and an I picture that is none every `gop` pictures."""
    context = av.CodecContext.create("libx265", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = 320, 192, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FPS), Fraction(FPS)
    params = "keyint=10000:min-keyint=9999:open-gop=0:bframes=0:ref=1:scenecut=0:info=0"
    context.options = {
        "preset": "ultrafast",
        "x265-params": f"{params}:log-level=error:pools=none:frame-threads=1",
    }
    made = []
    for index in range(count):
        luma = np.add.outer(np.arange(288), np.arange(320) + 3 * index).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(luma, format="yuv420p")
        frame.pts, frame.time_base = index, context.time_base
        frame.pict_type = PictureType.NONE if index % gop else PictureType.I
        made += context.encode(frame)
    return [list(split_byte_stream(bytes(packet))) for packet in [*made, *context.encode(None)]]


def seen_in_cameras(count: int) -> bytes:
    """An H.265 recovery point with any count, ours have 2 at least: 0, 1, 4 and 11 as section 9.2 codes them."""
    payload = {0: "90", 1: "44", 4: "1040", 11: "0b10"}[count]
    return bytes.fromhex(f"4e0106{len(payload) // 2:02x}{payload}80")


def h265_assembled(pictures: list[list[bytes]]) -> list[AccessUnit]:
    assembler = AccessUnitAssembler(Codec.H265)
    found = []
    for index, units in enumerate(pictures):
        for unit in units:
            assembler.add(unit, 9000 * index, 50 + index / FPS)
        assembler.end_of_packet(marker=True)
        complete = assembler.next_access_unit()
        assert complete is not None
        found.append(complete)
    return found


@pytest.mark.parametrize(
    ("unit", "frames"),
    [
        ("0601 02 0102 06 01 c4 80", 0),  # behind a pic_timing
        ("0605 ff 01" + "01" * 256 + "06 01 c4 80", 0),  # behind 256 bytes of user data
        ("0604 03 b50031 06 02 2440 80", 3),
        ("06 05 10 00", None),  # cut short
        ("06", None),
        ("0606", None),
        ("0606 01", None),
        ("0606 00 80", None),
        ("0606 04 00000100 80", None),
        ("06 ffffff", None),
    ],
)
def test_messages_of_cameras(unit: str, frames: int | None) -> None:
    assert recovery_frames(bytes.fromhex(unit)) == frames


def test_a_recovery_point_counts_where_no_idr_comes() -> None:
    assembler = AccessUnitAssembler(Codec.H264)
    began = []
    for index in range(120):
        now = 50 + index / FPS
        if index % 20 == 7:
            assembler.add(bytes(recovery_point(4)), 9000 * index, now)
        assembler.add(P, 9000 * index, now)
        assembler.end_of_packet(marker=True)
        unit = assembler.next_access_unit()
        assert unit is not None
        if unit.random_access:
            began.append(index)
            assert filter_nal_units(unit, Ledger(), is_allowed, "nal_in") == [recovery_point(4), P]
    assert began == [67, 87, 107]
    assert began[0] / FPS >= RECOVERY_WAIT_S
    assert assembler.faults == {"begun at a recovery point": 3}


def test_a_recovery_point_does_not_count_where_idr_come() -> None:
    assembler = AccessUnitAssembler(Codec.H264)
    for index in range(200):
        if index % 10 == 5:
            assembler.add(bytes(recovery_point(0)), 9000 * index, 50 + index / FPS)
        assembler.add(b"\x65\x88\x11" if index % 40 == 0 else P, 9000 * index, 50 + index / FPS)
        assembler.end_of_packet(marker=True)
        unit = assembler.next_access_unit()
        assert unit is not None
        assert unit.random_access == (index % 40 == 0)


@pytest.mark.process
@pytest.mark.parametrize("options", ["", ":slices=3", ":cabac=0:bframes=0:ref=1"])
def test_the_first_picture_of_an_intra_refresh_is_the_recovered_one(tmp_path: Path, options: str) -> None:
    """mpp#523, gortsplib#480, ExoPlayer#1654: joined after the only IDR."""
    ffmpeg = shutil.which("ffmpeg")
    if not ffmpeg:
        pytest.skip("ffmpeg is not installed")
    made = tmp_path / "made.h264"
    source = ["-f", "lavfi", "-i", f"testsrc2=s=320x192:r={FPS}:d=16", "-c:v", "libx264", "-preset", "ultrafast"]
    settings = f"intra-refresh=1:keyint=20:repeat-headers=1:bframes=0{options}"
    subprocess.run(
        [ffmpeg, "-v", "error", *source, "-x264-params", settings, "-f", "h264", made], check=True, timeout=60
    )
    whole = assembled(list(split_byte_stream(made.read_bytes())))
    assert [unit.random_access for unit in whole[:50]].count(True) == 1
    joined = assembled([nal for unit in whole[7:] for nal in unit.nal_units])
    first = next(index for index, unit in enumerate(joined) if unit.random_access)
    assert 50 <= first <= 75
    truth = dict(decoded(whole))
    shown = decoded(joined[first:], first + 7)
    assert len(shown) >= 60
    for pts, luma in shown:
        assert np.abs(luma.astype(int) - truth[pts]).mean() < 1, pts
    assert shown[0][0] > first + 7


def assembled(units: list[bytes]) -> list[AccessUnit]:
    assembler = AccessUnitAssembler(Codec.H264)
    found: list[AccessUnit] = []
    pictures = 0
    for unit in units:
        assembler.add(unit, 0, 50 + pictures / FPS)
        pictures += unit[0] & 31 in {1, 5} and unit[1] >= 0x80
        while (complete := assembler.next_access_unit()) is not None:
            found.append(complete)
    return found


def decoded(units: list[AccessUnit], first: int = 0) -> list[tuple[int, np.ndarray]]:
    codec = units[0].codec
    decoder = Decoder(codec)
    found = []
    for number, unit in enumerate(units, first):
        data = decoder_input(codec, filter_nal_units(unit, Ledger(), is_allowed, "nal_in"))
        found += [
            (picture.pts, picture.planes[0][:, : picture.width].copy()) for picture in decoder.decode(data, number)
        ]
    return found
