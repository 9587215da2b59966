"""Random pictures, sizes, QPs and groups: libavcodec shows what the encoder of our own P pictures believes."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.own_p_pictures import assert_decodes, encoder, pan, scene
from transcoder.media.picture import OwnPicture

PICTURES = 100_000
"""All shares together; a share takes about a minute alone on a core."""
SHARES = 4


def mixed(width: int, height: int, seed: int) -> Iterator[OwnPicture]:
    """A scene, a shaken camera, pictures that stay and rectangles that come up, at random; endless."""
    random = np.random.default_rng(seed)
    sources = [
        scene(width, height, seed, float(random.choice([0, 0.5, 2, 25]))),
        pan(width, height, seed, float(random.choice([0, 1]))),
    ]
    picture = OwnPicture(width, height)
    while True:
        kind = random.integers(8)
        if kind < 6:
            other = next(sources[kind // 3])
            for plane, drawn in zip(picture.planes, other.planes, strict=True):
                plane[:] = drawn
        elif kind == 6:
            for plane in picture.planes:
                y, x = random.integers(plane.shape[0]), random.integers(plane.shape[1])
                plane[y : y + random.integers(1, 40), x : x + random.integers(1, 40)] = random.integers(256)
        yield picture


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("share", range(SHARES))
def test_random_pictures(share):
    made, seed = 0, 1_000_000 * share
    while made < PICTURES // SHARES:
        random = np.random.default_rng(seed)
        width, height = (2 * int(random.integers(8, limit)) for limit in (70, 60))
        qp, gop, count = int(random.integers(10, 52)), int(random.choice([1, 3, 10, 100])), int(random.integers(5, 60))
        assert_decodes(encoder(width, height, qp), mixed(width, height, seed), count, gop)
        made, seed = made + count, seed + 1
