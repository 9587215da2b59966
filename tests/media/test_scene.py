"""Motion and conditions of the picture."""

import numpy as np
import pytest

from transcoder.media.changes import PictureComparison
from transcoder.media.picture import OwnPicture
from transcoder.media.scene import INTERVAL_S, LIMITS, SceneWatch

WIDTH, HEIGHT = 320, 240
STEP = round(INTERVAL_S * 90_000)


class Film:
    """Pictures shown to a watch, one each interval."""

    def __init__(self) -> None:
        self.watch = SceneWatch(WIDTH, HEIGHT)
        self.comparison = PictureComparison(WIDTH, HEIGHT)
        self.picture = OwnPicture(WIDTH, HEIGHT)
        self.pts = 0
        self.rng = np.random.default_rng(5)
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        self.scene = (90 + 50 * np.sin(x / 23) + 40 * np.cos(y / 17)).clip(16, 235)

    def show(self, luma: np.ndarray, seconds: float, noise: float = 2.0) -> None:
        for _ in range(round(seconds / INTERVAL_S)):
            noisy = luma + self.rng.normal(0, noise, luma.shape) if noise else luma
            self.picture.planes[0][:, :WIDTH] = noisy.clip(0, 255).astype(np.uint8)
            self.comparison.changes.add(None)
            self.watch.observe(self.picture, self.comparison.compare(self.picture), self.pts)
            self.pts += STEP


def test_noise_is_no_motion_and_a_walker_is() -> None:
    film = Film()
    film.show(film.scene, 2)
    assert film.watch.motion == 0
    walker = film.scene.copy()
    walker[80:160, 160:200] = 230  # 10 by 5 blocks of 30 by 40
    film.show(walker, INTERVAL_S)
    assert film.watch.motion == pytest.approx(50 / 1200, abs=5 / 1200)
    assert film.watch.changed[10:20, 20:25].all()
    film.show(walker, 1)
    assert film.watch.motion == 0


def test_motion_is_found_in_heavy_noise() -> None:
    film = Film()
    film.show(film.scene, 1, noise=12)
    quiet = film.watch.motion
    walker = film.scene.copy()
    walker[80:160, 160:200] = 235
    film.show(walker, INTERVAL_S, noise=12)
    assert quiet < 0.01 < film.watch.motion


@pytest.mark.parametrize(
    ("condition", "level"),
    [("dark", 18), ("covered", 120)],
)
def test_a_condition_begins_after_its_time_and_ends_after_its_time(condition: str, level: int) -> None:
    film = Film()
    limit = LIMITS[condition]
    film.show(film.scene, 3)
    flat = np.full((HEIGHT, WIDTH), level, np.float64)
    film.show(flat, limit.begin_s - 1)
    assert condition not in film.watch.conditions
    film.show(flat, 2)
    assert condition in film.watch.conditions
    film.show(film.scene, limit.end_s - 1)
    assert condition in film.watch.conditions
    film.show(film.scene, 2)
    assert condition not in film.watch.conditions


def test_dark_is_not_covered() -> None:
    film = Film()
    film.show(film.scene, 3)
    film.show(np.full((HEIGHT, WIDTH), 17.0), 30)
    assert film.watch.conditions == ["dark"]


def test_a_picture_that_is_the_same_bit_for_bit_is_frozen() -> None:
    film = Film()
    film.show(film.scene, 2)
    film.show(film.scene, LIMITS["frozen"].begin_s - 1, noise=0)
    assert film.watch.conditions == []
    film.show(film.scene, 2, noise=0)
    assert film.watch.conditions == ["frozen"]
    film.show(film.scene, 1)
    assert film.watch.conditions == []


def test_another_scene_is_told_once_and_is_the_scene_from_then_on() -> None:
    film = Film()
    film.show(film.scene, 5)
    other = film.scene[::-1, ::-1].copy()[:, np.roll(np.arange(WIDTH), 70)]
    film.show(other, LIMITS["scene_changed"].begin_s + 0.4)
    assert film.watch.conditions == ["scene_changed"]
    film.show(other, 5)
    assert film.watch.conditions == []


def test_light_going_down_is_no_other_scene() -> None:
    film = Film()
    for share in np.linspace(1, 0.4, 40):
        film.show(16 + (film.scene - 16) * share, 0.4)
        assert "scene_changed" not in film.watch.conditions
