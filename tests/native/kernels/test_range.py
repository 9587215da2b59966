import numpy as np
import pytest

from transcoder_native import registry

# Computed by hand from Rec. ITU-T H.273, 8.3: 16 + round(219 y / 255) and 128 + round(224 (c - 128) / 255).
LUMA = {0: 16, 1: 17, 2: 18, 127: 125, 128: 126, 254: 234, 255: 235}
CHROMA = {0: 16, 1: 16, 2: 17, 127: 127, 128: 128, 129: 129, 254: 239, 255: 240}


@pytest.mark.parametrize(("name", "expected"), [("full_to_limited_luma", LUMA), ("full_to_limited_chroma", CHROMA)])
@pytest.mark.parametrize("which", ["kernel", "twin"])
def test_values(name, expected, which):
    src = np.array([list(expected)], np.uint8)
    out = np.zeros_like(src)
    getattr(registry.ENTRIES[name], which)(src, src.shape[1], out)
    assert out.tolist() == [list(expected.values())]


@pytest.mark.parametrize("name", ["full_to_limited_luma", "full_to_limited_chroma"])
def test_in_place(name):
    src = np.arange(256, dtype=np.uint8).reshape(4, 64)
    out = np.zeros_like(src)
    registry.ENTRIES[name].kernel(src, 64, out)
    registry.ENTRIES[name].kernel(src, 64, src)
    np.testing.assert_array_equal(src, out)
    assert (out.min(), out.max()) == (16, 235 if name.endswith("luma") else 240)
    assert np.all(np.diff(out.ravel().astype(int)) >= 0)
