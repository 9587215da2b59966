"""Pictures of every format in the layout that crosses between the halves of a worker, beside today's stages."""

from fractions import Fraction

import numpy as np
import pytest

from tests.support.coded_video import encode
from transcoder.codecs.nal import Codec
from transcoder.ipc.planes import plan_planes
from transcoder.media.common_picture import CommonLayout, common_size
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.decoder import Decoder
from transcoder.media.picture import U8
from transcoder.media.stages import Stages
from transcoder.worker_options import Mask

FORMATS = ["yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuv420p10le", "yuv422p10le", "gray"]


def planes(width: int, height: int) -> tuple[U8, ...]:
    return tuple(np.full((plan.rows, plan.stride), 77, np.uint8) for plan in plan_planes(width, height))


def decoded(pixel_format: str, size: tuple[int, int]) -> DecodedPicture:
    (picture,) = Decoder(Codec.H264).decode(encode("H264", size, 1, pixel_format=pixel_format)[0], 90)
    return picture


def common(picture: DecodedPicture, layout: CommonLayout | None = None) -> DecodedPicture:
    width, height = common_size(picture)
    written = planes(width, height)
    (layout or CommonLayout()).write(picture, written)
    return DecodedPicture(planes=written, width=width, height=height, pts=picture.pts)


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("size", [(320, 180), (322, 182)])
def test_an_output_shows_the_same_picture_whichever_way_it_takes(pixel_format: str, size: tuple[int, int]) -> None:
    picture = decoded(pixel_format, size)
    masks = (Mask(polygon=((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))),)
    direct, crossed = (Stages(*size, masks).run(each, Fraction(1)) for each in (picture, common(picture)))
    for one, other, width in zip(direct.planes, crossed.planes, (size[0], size[0] // 2, size[0] // 2), strict=True):
        np.testing.assert_array_equal(one[:, :width], other[:, :width])


def test_fields_are_woven_into_rows() -> None:
    rows = np.repeat(np.arange(16, 16 + 32, dtype=np.uint8)[:, None], 64, axis=1)
    rows[1::2] = 200
    chroma = np.full((16, 32), 128, np.uint8)
    picture = DecodedPicture(planes=(rows, chroma, chroma), width=64, height=32, interlaced=True, pts=0)
    assert common(picture).planes[0][1:-1, :64].max() < 60  # the other field is gone


def test_an_odd_column_and_row_are_left_out() -> None:
    luma = np.arange(45, dtype=np.uint8).reshape(5, 9)
    chroma = np.arange(15, dtype=np.uint8).reshape(3, 5)
    picture = DecodedPicture(planes=(luma, chroma, chroma), width=9, height=5, pts=0)
    written = common(picture)
    assert (written.width, written.height) == (8, 4)
    np.testing.assert_array_equal(written.planes[0][:, :8], luma[:4, :8])
    np.testing.assert_array_equal(written.planes[1][:, :4], chroma[:2, :4])


def test_full_range_becomes_limited() -> None:
    luma = np.array([[0, 255], [128, 64]], np.uint8)
    chroma = np.array([[255]], np.uint8)
    picture = DecodedPicture(planes=(luma, chroma, chroma), width=2, height=2, full_range=True, pts=0)
    written = common(picture).planes
    # 16 + 219 / 255 of luma, 128 + 224 / 255 of chroma's distance from 128 (H.273 equations 25 to 30)
    assert written[0][:, :2].tolist() == [[16, 235], [126, 71]]
    assert written[1][0, 0] == pytest.approx(240, abs=1)


def test_steps_are_chosen_anew_for_another_format() -> None:
    layout = CommonLayout()
    for pixel_format, size in (("yuv444p", (64, 64)), ("gray", (64, 64)), ("yuv420p", (128, 64))):
        picture = decoded(pixel_format, size)
        written = common(picture, layout)
        alone = common(picture)
        for one, other in zip(written.planes, alone.planes, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_only_what_changed_is_written(pixel_format: str) -> None:
    """Into the same planes, picture by picture, as the process does; beside planes that are written anew."""
    size = (322, 182)
    layout, written = CommonLayout(), planes(*size)
    decoder = Decoder(Codec.H264)
    for index, unit in enumerate(encode("H264", size, 8, pixel_format=pixel_format)):
        (picture,) = decoder.decode(unit, 90 * index)
        before = [plane.copy() for plane in written]
        changed = layout.write(picture, written)
        assert (changed is None) == (index == 0)  # nobody knew what the planes held
        if changed is None:
            changed = np.ones((12, 21), np.uint8)
        else:
            assert changed.shape == (12, 21)
            assert not changed.all()
        anew = common(picture).planes
        for plane_index, (plane, old, size_in_plane) in enumerate(zip(written, before, (16, 8, 8), strict=True)):
            columns = 322 * size_in_plane // 16
            np.testing.assert_array_equal(plane[:, :columns], anew[plane_index][:, :columns])
            marked = np.kron(changed, np.ones((size_in_plane, size_in_plane), np.uint8))[: plane.shape[0], :columns]
            assert not ((plane != old)[:, :columns] & (marked == 0)).any()


def test_a_picture_of_one_column_has_no_size() -> None:
    samples = np.zeros((4, 1), np.uint8)
    assert common_size(DecodedPicture(planes=(samples,), width=1, height=4, chroma="", pts=0)) == (0, 4)
