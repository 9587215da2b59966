"""Every compiled kernel against its NumPy twin, bit for bit."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder_native import cases, registry

ENTRIES = [pytest.param(entry, id=name) for name, entry in registry.ENTRIES.items()]
SIZE = st.integers(1, 70)


def arrays_of(arguments):
    return {i: value for i, value in enumerate(arguments) if isinstance(value, np.ndarray)}


def written_area(name, arguments):
    """Rows and columns of its plane that a kernel may write, from its documented arguments."""
    everything = slice(None)
    match name, arguments:
        case "scale_area", (_, _, _, x, y, width, height):
            return slice(y, y + height), slice(x, x + width)
        case "fill_plane", (_, x, y, width, height, _):
            return slice(y, y + height), slice(x, x + width)
        case "draw_bitmap", (bitmap, columns, _, x, y, scale, _, _):
            return slice(y, y + bitmap.shape[0] * scale), slice(x, x + columns * scale)
        case "mask_pixelate" | "mask_blur", (_, _, _, _, y0, y1, x0, x1):
            return slice(y0, y1), slice(x0, x1)
        case "halve_both", (_, width, _):
            return everything, slice(0, (width + 1) // 2)
        case "scale_area_macroblocks", (*_, width):
            return everything, slice(0, width)
        case "mark_differing", _:
            return everything, everything
    return everything, slice(0, arguments[1])


@pytest.mark.parametrize("entry", ENTRIES)
@given(
    seed=st.integers(0, 2**32), height=SIZE, width=SIZE, constant=st.sampled_from([None, None, None, 0, 1, 254, 255])
)
@examples(120)
def test_kernel_equals_twin(entry, seed, height, width, constant):
    arguments = entry.case(cases.Source(seed, constant=constant), height, width)
    before, for_twin = copy.deepcopy(arguments), copy.deepcopy(arguments)
    entry.kernel(*arguments)
    entry.twin(*for_twin)
    for i, array in arrays_of(arguments).items():
        np.testing.assert_array_equal(array, for_twin[i])
        if i not in entry.written:
            np.testing.assert_array_equal(array, before[i], err_msg="an input was changed")


@pytest.mark.parametrize("name", registry.ENTRIES)
@given(seed=st.integers(0, 2**32), height=SIZE, width=SIZE)
@examples(40)
def test_nothing_outside_is_written(name, seed, height, width):
    entry = registry.ENTRIES[name]
    arguments = entry.case(cases.Source(seed), height, width)
    before = copy.deepcopy(arguments)
    entry.kernel(*arguments)
    for i in entry.written:
        outside = np.ones(arguments[i].shape, np.bool_)
        outside[written_area(name, arguments)] = False
        np.testing.assert_array_equal(arguments[i][outside], before[i][outside])


@pytest.mark.parametrize("name", registry.ENTRIES)
@given(seed=st.integers(0, 2**32), height=SIZE, width=SIZE)
@examples(20)
def test_padding_of_inputs_is_not_used(name, seed, height, width):
    entry = registry.ENTRIES[name]
    arguments = entry.case(cases.Source(seed), height, width)
    other = copy.deepcopy(arguments)
    for i, array in arrays_of(other).items():
        if array.shape[0] == height and array.dtype != np.float64 and i not in entry.written:
            array[:, width:] ^= 0x5A
    entry.kernel(*arguments)
    entry.kernel(*other)
    for i in entry.written:
        np.testing.assert_array_equal(arguments[i], other[i])


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_kernel_that_is_measured_equals_its_twin(entry):
    arguments = entry.benchmark_case(cases.Source(1), 270, 480)
    for_twin = copy.deepcopy(arguments)
    entry.kernel(*arguments)
    entry.twin(*for_twin)
    for i in entry.written:
        np.testing.assert_array_equal(arguments[i], for_twin[i])


@pytest.mark.parametrize("entry", ENTRIES)
def test_inputs_may_be_read_only(entry):
    arguments = entry.case(cases.Source(1), 9, 17)
    for i, array in arrays_of(arguments).items():
        array.flags.writeable = i in entry.written
    entry.kernel(*arguments)


@pytest.mark.parametrize("entry", ENTRIES)
def test_flags(entry):
    options = entry.kernel.targetoptions
    assert options["nogil"]
    assert not options.get("parallel")
    assert not options.get("fastmath")


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_kernel_never_compiles_for_other_types(entry):
    arguments = [
        value.astype(np.float32) if isinstance(value, np.ndarray) else value
        for value in entry.case(cases.Source(1), 9, 17)
    ]
    with pytest.raises(TypeError):
        entry.kernel(*arguments)


P = np.zeros((4, 8), np.uint8)
P2 = np.zeros((2, 8), np.uint8)
P16 = np.zeros((4, 8), np.uint16)
SAD = np.zeros((1, 1), np.uint16)
MAP = np.zeros((1, 1), np.uint8)
DOT = np.array([[0.5, 0.5]])
REFUSED = [
    ("copy_plane", (P, 9, P)),
    ("copy_plane", (P, -1, P)),
    ("copy_plane", (P, 8, P2)),
    ("full_to_limited_luma", (P, 9, np.zeros((4, 9), np.uint8))),
    ("full_to_limited_luma", (P, 8, np.zeros((4, 7), np.uint8))),
    ("full_to_limited_chroma", (P, 8, P2)),
    ("scale_area", (P, 8, P, 1, 0, 8, 4)),
    ("scale_area", (P, 8, P, 0, 1, 8, 4)),
    ("scale_area", (P, 8, P, -1, 0, 8, 4)),
    ("scale_area", (P, 8, P, 0, 0, 8, -1)),
    ("scale_area", (P, 0, P, 0, 0, 8, 4)),
    ("scale_area", (P[:0], 8, P, 0, 0, 8, 4)),
    ("scale_area_macroblocks", (P, 9, 8, MAP, P, 8)),
    ("scale_area_macroblocks", (P, 0, 8, MAP, P, 8)),
    ("scale_area_macroblocks", (P[:0], 8, 8, MAP, P, 8)),
    ("scale_area_macroblocks", (P, 8, 4, MAP, P, 8)),
    ("scale_area_macroblocks", (P, 8, 8, np.zeros((1, 2), np.uint8), P, 8)),
    ("scale_area_macroblocks", (P, 8, 8, np.zeros((1, 2), np.uint8), P, 9)),
    ("scale_area_macroblocks", (P, 8, 8, np.zeros((2, 1), np.uint8), P, 8)),
    ("fill_plane", (P, 0, 0, 9, 1, 0)),
    ("fill_plane", (P, 0, -1, 1, 1, 0)),
    ("fill_plane", (P, 0, 0, 1, 1, 256)),
    ("draw_bitmap", (P, 9, np.zeros((9, 9), np.uint8), 0, 0, 1, 0, 1)),
    ("draw_bitmap", (P, 8, P, 1, 0, 1, 0, 1)),
    ("draw_bitmap", (P, 8, P, 0, 0, 2, 0, 1)),
    ("draw_bitmap", (P, 8, P, 0, 0, 0, 0, 1)),
    ("draw_bitmap", (P, 0, P, 0, 0, 1 << 62, 0, 1)),
    ("draw_bitmap", (P, 8, P, -1, 0, 1, 0, 1)),
    ("draw_bitmap", (P, 8, P, 0, 0, 1, 0, 256)),
    ("polygon_mask", (np.array([[0.5, np.nan]]), 8, P)),
    ("polygon_mask", (np.array([[np.inf, 0.5]]), 8, P)),
    ("polygon_mask", (np.array([[17.0, 0.5]]), 8, P)),
    ("polygon_mask", (DOT, 9, P)),
    ("polygon_mask", (np.zeros((2, 3)), 8, P)),
    ("mask_solid", (P, 8, P2, 0, 8, MAP)),
    ("mask_solid", (P, 9, np.zeros((4, 9), np.uint8), 0, 8, np.zeros((1, 2), np.uint8))),
    ("mask_solid", (P, 8, np.zeros((4, 7), np.uint8), 0, 8, MAP)),
    ("mask_solid", (P, 8, P, 256, 8, MAP)),
    ("mask_solid", (P, 8, P, -1, 8, MAP)),
    ("mask_solid", (P, 8, P, 0, 4, MAP)),
    ("mask_solid", (P, 8, P, 0, 8, np.zeros((1, 2), np.uint8))),
    ("mask_pixelate", (P, 8, P, 0, 0, 4, 0, 8)),
    ("mask_pixelate", (P, 8, P, 4, 0, 4, 5, 4)),
    ("mask_blur", (P, 8, P, -1, 0, 4, 0, 8)),
    ("mask_blur", (P, 8, P, 1025, 0, 4, 0, 8)),
    ("mask_blur", (P, 8, P, 1, -1, 4, 0, 8)),
    ("halve_rows", (P, 8, P)),
    ("halve_both", (P, 8, P)),
    ("halve_both", (P, 8, np.zeros((2, 3), np.uint8))),
    ("narrow_to_8", (P16, 8, 9, P)),
    ("narrow_to_8", (P16, 8, 2, P2)),
    ("deinterlace_linear", (P, 8, P2)),
    ("mark_differing", (P, P, 8, 4, MAP)),
    ("mark_differing", (P, P, 9, 8, np.zeros((1, 2), np.uint8))),
    ("mark_differing", (P, P, 8, 8, np.zeros((1, 2), np.uint8))),
    ("mark_differing", (P, P, 8, 16, np.zeros((2, 1), np.uint8))),
    ("mark_differing", (P, P2, 8, 8, MAP)),
    ("mark_differing", (P, np.zeros((4, 7), np.uint8), 8, 8, MAP)),
    *(
        (name, arguments)
        for name in ("copy_macroblocks", "limit_luma_macroblocks", "limit_chroma_macroblocks")
        for arguments in (
            (P, 8, 7, MAP, P),
            (P, 9, 8, np.zeros((1, 2), np.uint8), P),
            (P, -1, 8, np.zeros((1, 0), np.uint8), P),
            (P, 8, 8, np.zeros((2, 1), np.uint8), P),
            (P, 8, 8, MAP, P2),
            (P, 8, 8, MAP, np.zeros((4, 7), np.uint8)),
        )
    ),
    ("block_differences", (P, 8, MAP, P2, SAD)),
    ("block_differences", (P, 8, MAP, P, np.zeros((1, 2), np.uint16))),
    ("block_differences", (P, 8, np.zeros((1, 2), np.uint8), P, SAD)),
    ("block_differences", (P, 9, MAP, P, SAD)),
]


def test_every_kernel_has_a_refused_case():
    assert {name for name, _ in REFUSED} == set(registry.ENTRIES)


@pytest.mark.parametrize(("name", "arguments"), REFUSED)
@pytest.mark.parametrize("which", ["kernel", "twin"])
def test_arguments_that_would_leave_an_array_are_refused(name, arguments, which):
    with pytest.raises(ValueError):
        getattr(registry.ENTRIES[name], which)(*arguments)
