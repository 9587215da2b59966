"""x264 by its own interface: the same bytes as over FFmpeg's, and the reconstruction is what libavcodec decodes."""

import ctypes
import functools
import gc
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.coded_video import decode, samples
from tests.support.quantisers import quantisers
from transcoder.codecs.nal import Codec, join_byte_stream, split_byte_stream
from transcoder.errors import MediaError
from transcoder.media.changes import MacroblockMap, map_shape, mark_changed
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.encoders import PROFILES, x264, x264_library
from transcoder.media.encoders.x264 import X264Encoder, X264FFmpegEncoder, X264Settings
from transcoder.media.encoders.x264_library import PictureType, Reconstruction, X264Context, library
from transcoder.media.picture import U8, OwnPicture
from transcoder.worker_options import Fallback, OutputFormat

SMALL = OutputFormat(width=98, height=66, frame_rate=25.0)


@pytest.fixture(autouse=True)
def _unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No size has been compared yet."""
    monkeypatch.setattr(x264, "_CHECKED", set())


def settings(profile: str) -> X264Settings:
    found = PROFILES[Codec.H264][profile]
    assert isinstance(found, X264Settings)
    return found


def moving(output: OutputFormat, index: int) -> OwnPicture:
    """Texture that moves half a sample a picture, a square that moves eight, and noise in a corner."""
    width, height = output.width, output.height
    picture = OwnPicture(width, height)
    row, column = np.mgrid[:height, :width]
    picture.planes[0][:, :width] = 110 + 50 * np.sin((column + index / 2) / 5) + 30 * np.cos((row + column) / 9)
    left = 8 * index % (width - 16)
    picture.planes[0][height // 2 : height // 2 + 16, left : left + 16] = 230
    picture.planes[0][:24, :32] = np.random.default_rng(index).integers(16, 236, (24, 32), np.uint8)
    for plane, value in zip(picture.planes[1:], (100 + index % 8, 140), strict=True):
        plane[:, : width // 2] = value + column[: height // 2, : width // 2] * 20 // width
    return picture


def pair(made: X264Settings, output: OutputFormat, kbps: int) -> tuple[X264Encoder, X264FFmpegEncoder]:
    encoder = made.open(output, kbps)
    assert isinstance(encoder, X264Encoder)
    return encoder, made.open_by_ffmpeg(output, kbps)


def assert_equal_streams(made: X264Settings, output: OutputFormat, kbps: int, count: int) -> None:
    """The fifth picture is an IDR that was asked for, and before the eighth there are two seconds without one."""
    own, theirs = pair(made, output, kbps)
    for index in range(count):
        pts = round(index * 90_000 / output.frame_rate) + (180_000 if index > 6 else 0)
        picture, force_idr = moving(output, index), index in {0, 4}
        units = own.encode(picture, None, pts, force_idr=force_idr)
        assert units == theirs.encode(picture, None, pts, force_idr=force_idr), index
        assert units
    assert own.fallback is None
    assert own.dropped == theirs.dropped


def assert_decoded(streams: list[bytes], kept: list[tuple[U8, U8]], size: tuple[int, int]) -> None:
    """libavcodec decodes the reconstructions."""
    width, height = size
    frames = decode("H264", streams)
    assert len(frames) == len(kept)
    for frame, (luma, chroma) in zip(frames, kept, strict=True):
        assert np.array_equal(samples(frame, 0)[:, :width], luma[:height, :width])
        for index in (1, 2):
            decoded = samples(frame, index)[:, : width // 2]
            assert np.array_equal(decoded, chroma[: height // 2, index - 1 : width : 2])


# -- the same bytes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kbps", [64, 4000])
@pytest.mark.parametrize(("size", "rate", "matrix"), [((240, 136), 25.0, 2), ((98, 66), 12.5, 1), ((50, 34), 29.97, 6)])
@pytest.mark.parametrize("profile", ["economy", "balanced", "quality"])
def test_the_stream_is_the_one_that_ffmpegs_interface_gives(profile, size, rate, matrix, kbps):
    output = OutputFormat(width=size[0], height=size[1], frame_rate=rate, matrix=matrix)
    assert_equal_streams(settings(profile), output, kbps, 12)


@pytest.mark.parametrize("profile", ["economy", "balanced", "quality"])
def test_the_stream_is_the_same_in_1080p(profile):
    assert_equal_streams(settings(profile), OutputFormat(width=1920, height=1080, frame_rate=25.0, matrix=1), 2000, 3)


@pytest.mark.parametrize("preset", x264_library.PRESETS)
def test_the_stream_and_what_the_library_says_of_its_settings_are_the_same(preset):
    made = settings("balanced").overridden(
        {"preset": preset, "crf": 31.5, "aq_mode": 2, "aq_strength": 0.7, "ipratio": 1.3, "buffer_s": 0.5}
    )
    assert_equal_streams(made, SMALL, 700, 6)
    own, theirs = pair(made, SMALL, 700)
    [words], [others] = (each.byte_streams(moving(SMALL, 0), None, 0, force_idr=True) for each in (own, theirs))
    told = [[unit for unit in split_byte_stream(stream) if unit[0] == 6] for stream in (words, others)]
    assert b"x264 - core 165" in told[0][0]
    assert told[0] == told[1]


# -- the reconstruction ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("qp", [10, 26, 51])
@pytest.mark.parametrize("size", [(98, 66), (240, 136), (64, 48)])
@pytest.mark.parametrize("profile", ["economy", "quality"])
def test_the_reconstruction_is_what_libavcodec_decodes_and_the_quantiser_is_the_one_asked_for(profile, size, qp):
    output = OutputFormat(width=size[0], height=size[1], frame_rate=25.0)
    encoder = settings(profile).open_uncapped(output, 1000)
    streams, kept = [], []
    for index in range(8):
        at = qp - 3 if index % 4 == 0 else qp
        units, made = encoder.encode_at(moving(output, index), index * 3600, at, force_idr=index % 4 == 0)
        assert made is not None
        assert made.luma.shape == (-(-size[1] // 16) * 16, -(-size[0] // 16) * 16)
        kept.append((made.luma.copy(), made.chroma.copy()))
        streams.append(join_byte_stream(units))
    assert_decoded(streams, kept, size)
    assert quantisers(streams) == [{qp - 3 if index % 4 == 0 else qp} for index in range(8)]


def test_a_picture_of_rate_control_follows_one_with_a_given_quantiser():
    encoder = settings("balanced").open(SMALL, 4000)
    assert isinstance(encoder, X264Encoder)
    encoder.encode_at(moving(SMALL, 0), 0, 40, force_idr=True)
    with_given, _ = encoder.encode_at(moving(SMALL, 1), 3600, 40, force_idr=False)
    free = encoder.encode(moving(SMALL, 2), None, 7200, force_idr=False)
    assert len(free[0]) > len(with_given[0])


# -- the map of what changed -------------------------------------------------------------------------------------------


class Watched:
    """An encoder that is given maps, what it wrote, and its reconstructions."""

    def __init__(self, profile: str, output: OutputFormat) -> None:
        encoder = settings(profile).open(output, 4000)
        assert isinstance(encoder, X264Encoder)
        self._encoder = encoder
        self._size = (output.width, output.height)
        self._before: OwnPicture | None = None
        self.streams: list[bytes] = []
        self.kept: list[tuple[U8, U8]] = []

    def encode(self, picture: OwnPicture, changed: MacroblockMap | None) -> int:
        number = len(self.streams)
        units = self._encoder.encode(picture, changed, number * 3600, force_idr=number % 10 == 0)
        self.streams.append(join_byte_stream(units))
        context = self._encoder._context
        made = context.reconstruction() if context is not None else None
        assert made is not None
        self.kept.append((made.luma.copy(), made.chroma.copy()))
        return len(self.streams[-1])

    def exact(self, picture: OwnPicture) -> MacroblockMap:
        """The map as the worker makes it."""
        found = np.ones(map_shape(*self._size), np.uint8)
        if self._before is not None:
            found[:] = 0
            mark_changed(picture.planes, self._before.planes, self._size, found)
        self._before = picture
        return found


def quiet(output: OutputFormat, index: int) -> OwnPicture:
    """A scene in which a square and a corner change alone."""
    picture = moving(output, 0)
    left = 8 * index % (output.width - 16)
    picture.planes[0][32:40, left : left + 8] = 40
    picture.planes[2][:4, :4] = 100 + index
    return picture


@pytest.mark.parametrize("size", [(240, 136), (98, 66)])
@pytest.mark.parametrize("profile", ["economy", "balanced", "quality"])
def test_with_an_exact_map_the_stream_is_as_small_and_as_good(profile, size):
    output = OutputFormat(width=size[0], height=size[1], frame_rate=25.0)
    told, untold = Watched(profile, output), Watched(profile, output)
    pictures = [quiet(output, index // 2) for index in range(24)]  # every second one repeats the one before
    maps = [told.exact(picture) for picture in pictures]
    assert {bool(each.any()) for each in maps[1:]} == {True, False}
    sizes = [sum(told.encode(picture, each) for picture, each in zip(pictures, maps, strict=True))]
    sizes.append(sum(untold.encode(picture, None) for picture in pictures))
    assert_decoded(told.streams, told.kept, size)
    assert sizes[0] < 1.02 * sizes[1]
    errors = [
        np.mean([
            np.square(luma[: size[1], : size[0]].astype(float) - picture.planes[0][:, : size[0]]).mean()
            for (luma, _), picture in zip(each.kept, pictures, strict=True)
        ])
        for each in (told, untold)
    ]  # fmt: skip
    assert errors[0] < 1.02 * errors[1]


@pytest.mark.parametrize("profile", ["economy", "balanced", "quality"])
def test_a_map_that_lies_costs_samples_and_nothing_else(profile):
    """Some macroblocks are said to be as before, then all, while all of them are noise or darker."""
    output = OutputFormat(width=320, height=240, frame_rate=25.0)
    told, untold = Watched(profile, output), Watched(profile, output)
    chequered = (np.indices(map_shape(320, 240)).sum(axis=0) % 2).astype(np.uint8)
    for index in range(12):
        picture = noise(index)
        if index > 5:
            picture.fill((200 - 10 * index, 100 + index, 128))
        told.encode(picture, (chequered, np.zeros_like(chequered), 1 - chequered)[index % 3])
        untold.encode(picture, None)
    assert_decoded(told.streams, told.kept, (320, 240))
    assert told.streams[0] == untold.streams[0]  # an IDR refers to nothing
    assert told.streams != untold.streams


@pytest.mark.parametrize("shape", [(5, 7), (4, 7), (7, 5), (35,), (0, 0)])
def test_a_map_of_another_shape_says_nothing(shape):
    told, untold = Watched("balanced", SMALL), Watched("balanced", SMALL)
    for index in range(6):
        claim = np.full(shape, index % 2 + 1 if shape == (5, 7) else 0, np.uint8)
        told.encode(moving(SMALL, index), claim)
        untold.encode(moving(SMALL, index), None)
    assert told.streams == untold.streams


# -- where the library can't be used -----------------------------------------------------------------------------------


@pytest.fixture
def anew(monkeypatch):
    """The library is looked for anew."""
    monkeypatch.setattr(x264, "library", functools.cache(library.__wrapped__))


def assert_stands_in(reason: Fallback) -> None:
    encoder = settings("balanced").open(SMALL, 1000)
    expected = settings("balanced").open_by_ffmpeg(SMALL, 1000)
    for index in range(6):
        units = encoder.encode(moving(SMALL, index), None, index * 3600, force_idr=index == 0)
        assert units == expected.encode(moving(SMALL, index), None, index * 3600, force_idr=index == 0)
    assert encoder.fallback is reason
    assert encoder.dropped == expected.dropped
    assert isinstance(encoder, X264Encoder)
    units, reconstruction = encoder.encode_at(moving(SMALL, 6), 6 * 3600, 20, force_idr=True)
    assert units
    assert reconstruction is None


@pytest.mark.usefixtures("anew")
def test_no_library(monkeypatch, tmp_path):
    (tmp_path / "maps").write_text("7f0000000000-7f0000001000 r-xp 00000000 00:00 0   /usr/lib/libx265.so.215\n")
    monkeypatch.setattr(x264_library, "MAPS", tmp_path / "maps")
    assert_stands_in(Fallback.NOT_FOUND)


@pytest.mark.usefixtures("anew")
def test_a_list_of_what_is_loaded_that_can_not_be_read(monkeypatch, tmp_path):
    monkeypatch.setattr(x264_library, "MAPS", tmp_path / "maps")
    assert_stands_in(Fallback.NOT_FOUND)


@pytest.mark.usefixtures("anew")
def test_a_library_that_is_gone_from_the_disk(monkeypatch, tmp_path):
    (tmp_path / "maps").write_text(f"7f0000000000-7f0000001000 r-xp 00000000 00:00 0   {tmp_path}/libx264.so (deleted)")
    monkeypatch.setattr(x264_library, "MAPS", tmp_path / "maps")
    assert_stands_in(Fallback.NOT_FOUND)


@pytest.mark.usefixtures("anew")
@pytest.mark.parametrize("build", [164, 166])
def test_another_build(monkeypatch, build):
    monkeypatch.setattr(x264_library, "BUILD", build)
    assert_stands_in(Fallback.BUILD)


@pytest.mark.usefixtures("anew")
@pytest.mark.parametrize("name", ["_WIDTH", "_HEIGHT", "_COLOUR_SPACE", "_DEPTH", "_LEVEL"])
def test_parameters_of_another_layout(monkeypatch, name):
    monkeypatch.setattr(x264_library, name, getattr(x264_library, name) + 1)
    assert_stands_in(Fallback.LAYOUT)


@pytest.mark.usefixtures("anew")
def test_parameters_that_would_not_have_room(monkeypatch):
    # the rest is there for the library, which writes 1024 bytes here
    monkeypatch.setattr(x264_library, "_PARAMETERS_SIZE", 1024)
    assert_stands_in(Fallback.LAYOUT)


@pytest.mark.usefixtures("anew")
def test_pictures_of_another_layout(monkeypatch):
    class Longer(ctypes.Structure):
        _fields_ = (("more", ctypes.c_int * 2), *x264_library._Picture._fields_)

    monkeypatch.setattr(x264_library, "_Picture", Longer)
    assert_stands_in(Fallback.LAYOUT)


@pytest.mark.usefixtures("anew")
def test_pictures_with_another_number_of_planes(monkeypatch):
    monkeypatch.setattr(x264_library, "_PLANE_COUNT", 2)
    assert_stands_in(Fallback.LAYOUT)


def altered(monkeypatch, alter: Callable[[U8, U8], None]) -> None:
    """The library's reconstruction is another than the picture that it coded."""
    true = X264Context.reconstruction

    def other(self: X264Context) -> Reconstruction | None:
        made = true(self)
        assert made is not None
        luma, chroma = made.luma.copy(), made.chroma.copy()
        alter(luma, chroma)
        return Reconstruction(luma, chroma)

    monkeypatch.setattr(X264Context, "reconstruction", other)


@pytest.mark.parametrize(("plane", "row", "column"), [(0, 0, 0), (0, 65, 97), (1, 32, 96), (1, 32, 97)])
def test_a_reconstruction_that_is_not_what_libavcodec_decodes(monkeypatch, plane, row, column):
    def alter(*planes: U8) -> None:
        planes[plane][row, column] ^= 1

    altered(monkeypatch, alter)
    assert_stands_in(Fallback.RECONSTRUCTION)


def test_what_is_cut_off_is_not_compared(monkeypatch):
    def alter(luma: U8, chroma: U8) -> None:
        luma[66:], luma[:, 98:], chroma[33:], chroma[:, 98:] = 0, 0, 0, 0

    altered(monkeypatch, alter)
    encoder = settings("balanced").open(SMALL, 1000)
    assert encoder.encode(moving(SMALL, 0), None, 0, force_idr=True)
    assert encoder.fallback is None


def test_a_library_that_writes_no_picture(monkeypatch):
    monkeypatch.setattr(X264Context, "encode", lambda *_: b"")
    assert_stands_in(Fallback.RECONSTRUCTION)


def test_a_stream_that_is_not_the_picture(monkeypatch):
    true = X264Context.encode

    def broken(self: X264Context, picture: OwnPicture, tick: int, kind: PictureType, *more: Any) -> bytes:
        stream = bytearray(true(self, picture, tick, kind, *more))
        stream[len(stream) // 2] ^= 0x10
        return bytes(stream)

    monkeypatch.setattr(X264Context, "encode", broken)
    assert_stands_in(Fallback.RECONSTRUCTION)


def test_the_first_picture_of_each_size_is_compared_once(monkeypatch):
    compared: list[tuple[int, int]] = []
    true = Reconstruction.shows

    def shows(self: Reconstruction, picture: DecodedPicture) -> bool:
        compared.append((picture.width, picture.height))
        return true(self, picture)

    monkeypatch.setattr(Reconstruction, "shows", shows)
    for output in (SMALL, SMALL, OutputFormat(width=66, height=98, frame_rate=25.0), SMALL):
        encoder = settings("balanced").open(output, 1000)
        for index in range(2):
            encoder.encode(moving(output, index), None, index * 3600, force_idr=index == 0)
    assert compared == [(98, 66), (66, 98)]


# -- another bitrate ---------------------------------------------------------------------------------------------------


def noise(seed: int) -> OwnPicture:
    picture = OwnPicture(320, 240)
    rng = np.random.default_rng(seed)
    for plane in picture.planes:
        plane[:] = rng.integers(16, 236, plane.shape, np.uint8)
    return picture


@pytest.mark.parametrize(("before", "after"), [(2000, 500), (500, 2000)])
def test_another_cap_is_kept_from_the_next_picture_on(before, after):
    """Noise takes what it is given: within a second and a buffer's fill the stream has the new cap."""
    output, made = OutputFormat(width=320, height=240, frame_rate=25.0), settings("balanced")
    encoder = made.open(output, before)
    pictures = [noise(seed) for seed in range(5)]
    bits = []
    for index in range(75):
        if index == 25:
            assert made.adapt(encoder, output, after)
        units = encoder.encode(pictures[index % 5], None, index * 3600, force_idr=index == 0)
        bits.append(8 * sum(map(len, units)))
    assert 0.8 * after < sum(bits[50:]) / 1000 < 1.1 * after
    assert sum(bits[25:50]) / 1000 < 2.1 * after


def test_a_cap_of_another_level_needs_another_encoder():
    made = settings("balanced")
    encoder = made.open(SMALL, 1000)
    assert made.adapt(encoder, SMALL, 25_000)
    assert not made.adapt(encoder, SMALL, 25_001)  # over level 4.0 (H.264 table A-1, High profile)
    assert not made.overridden({"crf": 20.0}).adapt(encoder, SMALL, 1000)
    assert not made.adapt(made.open_by_ffmpeg(SMALL, 1000), SMALL, 900)


def test_no_reconfiguration_where_the_library_refuses_or_is_not_used(monkeypatch):
    made, found = settings("balanced"), library()
    encoder = made.open(SMALL, 1000)
    assert not isinstance(found, Fallback)
    monkeypatch.setattr(found, "reconfigure", lambda *_: -1)
    assert not made.adapt(encoder, SMALL, 900)
    monkeypatch.setattr(X264Context, "reconstruction", lambda _: None)
    encoder.encode(moving(SMALL, 0), None, 0, force_idr=True)
    assert encoder.fallback is Fallback.RECONSTRUCTION
    assert not made.adapt(encoder, SMALL, 900)


# -- errors and memory -------------------------------------------------------------------------------------------------


def test_a_failure_of_the_library_is_an_error(monkeypatch):
    encoder = settings("balanced").open(SMALL, 1000)
    found = library()
    assert not isinstance(found, Fallback)
    monkeypatch.setattr(found, "encode", lambda *_: -1)
    with pytest.raises(MediaError, match="the H264 encoder failed"):
        encoder.encode(moving(SMALL, 0), None, 0, force_idr=True)


@pytest.mark.parametrize("name", ["preset", "crf"])
def test_a_value_that_is_refused_is_named(monkeypatch, name, capfd):
    options = settings("balanced").ffmpeg_options(1000) | {name: "none"}
    with pytest.raises(MediaError, match=f"the H264 encoder refuses its settings: {name}=none"):
        X264Encoder(options, SMALL)
    assert capfd.readouterr() == ("", "")


def test_a_size_that_is_refused_is_an_error(capfd):
    with pytest.raises(MediaError, match="the H264 encoder refuses its settings"):
        settings("balanced").open(OutputFormat(width=97, height=66, frame_rate=25.0), 1000)
    assert capfd.readouterr() == ("", "")


ALLOCATOR_KIB = 2048
"""What the allocator may take more, once: it grew by 1 MiB in some runs, before the 2,000th opening, by nothing from
there to the 12,000th. 210 bytes an opening would be more."""


def resident_kib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


def grown_kib(openings: int) -> int:
    """What openings leave behind, with a picture each; a worker has no garbage collector either."""
    picture = moving(SMALL, 0)
    gc.disable()
    try:
        before = 0
        for number in itertools.chain(range(50), range(openings)):
            before = before or (resident_kib() if number == 49 else 0)
            encoder = settings("balanced").open(SMALL, 1000)
            encoder.encode(picture, None, 0, force_idr=True)
            encoder.encode(picture, None, 3600, force_idr=False)
        return resident_kib() - before
    finally:
        gc.enable()


def test_an_encoder_leaves_nothing_behind():
    # an encoder of this size has 0.4 MiB; those that were kept would have 80
    assert grown_kib(200) < ALLOCATOR_KIB


@pytest.mark.long
def test_ten_thousand_encoders_leave_nothing_behind():
    assert grown_kib(10_000) < ALLOCATOR_KIB
