"""Where samples and macroblocks lie in memory."""

import ctypes

import numpy as np
import pytest

from transcoder_native.h264 import layout

SIZES = [(16, 16), (50, 34), (240, 136), (1920, 1080)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_addresses_are_those_of_the_first_samples(width, height):
    geometry = layout.Geometry(width, height)
    planes = layout.Planes(geometry)
    for view, address in zip([planes.luma, planes.cb, planes.cr], planes.addresses, strict=True):
        assert view.ctypes.data == address
        view[1, 2] = 77
        assert ctypes.c_uint8.from_address(address + view.strides[0] + 2).value == 77
    assert planes.luma.shape == (-(-height // 16) * 16, -(-width // 16) * 16)
    assert planes.cb.shape == planes.cr.shape == (planes.luma.shape[0] // 2, planes.luma.shape[1] // 2)
    assert planes.luma.strides[0] == planes.luma_stride
    assert planes.cb.strides[0] == planes.cr.strides[0] == planes.chroma_stride


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_planes_have_their_padding_on_every_side(width, height):
    planes = layout.Planes(layout.Geometry(width, height))
    for view, padded in zip([planes.luma, planes.cb, planes.cr], planes.padded, strict=True):
        assert padded.strides[0] % 64 == 0
        assert padded.ctypes.data % 64 == 0
        view[:] = 1
        inside = np.zeros_like(padded)
        inside[32:-32, 32 : 32 + view.shape[1]] = 1
        np.testing.assert_array_equal(padded, inside)
        assert padded.shape[1] - view.shape[1] >= 64


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_border_of_macroblocks_is_outside(width, height):
    geometry = layout.Geometry(width, height)
    mbs = layout.Macroblocks(geometry)
    inside = geometry.inside()
    assert len(inside) == -(-width // 16) * -(-height // 16)
    assert (np.diff(inside) > 0).all()
    table = mbs.kind.reshape(-1, geometry.mb_stride)
    assert (table[0] == layout.OUTSIDE).all()
    assert (table[:, 0] == layout.OUTSIDE).all()
    assert (table[:, -1] == layout.OUTSIDE).all()
    assert (table[1:, 1:-1] == layout.SKIP).all()
