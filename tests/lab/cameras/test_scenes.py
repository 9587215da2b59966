import numpy as np
import pytest

from transcoder.lab.cameras.scenes import SceneOptions, render

OPTIONS = SceneOptions(width=320, height=180, fps=10, seconds=2.0, seed=3)


def lumas(options: SceneOptions) -> np.ndarray:
    return np.stack([picture.luma for picture in render(options)]).astype(np.float32)


def test_shape_range_and_count() -> None:
    pictures = list(render(OPTIONS))
    assert len(pictures) == 20
    assert pictures[0].luma.shape == (180, 320)
    assert pictures[0].cb.shape == pictures[0].cr.shape == (90, 160)
    assert all(plane.min() >= 16 and plane.max() <= 240 for plane in (pictures[5].luma, pictures[5].cb))


def test_same_seed_same_pictures_other_seed_others() -> None:
    first, again = lumas(OPTIONS), lumas(OPTIONS)
    other = lumas(SceneOptions(width=320, height=180, fps=10, seconds=2.0, seed=4))
    assert np.array_equal(first, again)
    assert np.abs(first - other).mean() > 5


def test_noise_is_new_in_every_picture_and_grows_with_the_signal() -> None:
    options = SceneOptions(width=640, height=360, fps=25, seconds=1.0, seed=3, noise=4.0)
    stack = lumas(options)
    deviation = stack.std(axis=0)
    still = deviation < np.median(deviation) * 1.6  # nothing walks or drives here
    mean = stack.mean(axis=0)
    dark, bright = (still & (mean > 40) & (mean < 95)), (still & (mean > 150) & (mean < 210))
    assert dark.sum() > 1000
    assert bright.sum() > 1000
    # read noise 4, shot noise doubles the variance at 128, row noise 1.2: about 5.1 at 70 and 6.3 at 180
    assert 4.2 < deviation[dark].mean() < 6.0
    assert deviation[bright].mean() > 1.12 * deviation[dark].mean()
    noise = (stack - mean)[:, still]
    lag_one = (noise[1:] * noise[:-1]).mean() / (noise**2).mean()
    assert abs(lag_one) < 0.08  # taking the mean of 25 pictures away alone makes -0.04


def test_things_move_and_the_loop_closes() -> None:
    options = SceneOptions(width=320, height=180, fps=25, seconds=4.0, seed=5, noise=0.0)
    stack = lumas(options)
    below_clock = stack[:, 30:]
    steps = np.abs(np.diff(below_clock, axis=0)).mean(axis=(1, 2))
    seam = np.abs(below_clock[0] - below_clock[-1]).mean()
    assert steps.min() > 0.02
    assert seam < 1.5 * steps.max()


@pytest.mark.parametrize(("width", "height"), [(321, 180), (320, 181), (100, 180), (320, 50)])
def test_refuses_sizes_that_cant_be(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="dimensions"):
        SceneOptions(width=width, height=height)
