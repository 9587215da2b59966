import numpy as np
import pytest

from transcoder.lab.cameras.counter import cell_size, draw_counter, read_counter


@pytest.mark.parametrize(
    ("width", "height"), [(192, 96), (320, 180), (704, 576), (1280, 720), (1920, 1080), (3840, 2160)]
)
@pytest.mark.parametrize("value", [0, 1, 0x5A5A, 65535])
def test_reads_back(width: int, height: int, value: int) -> None:
    luma = np.random.default_rng(1).integers(0, 256, (height, width), dtype=np.uint8)
    draw_counter(luma, value)
    assert read_counter(luma) == value


def test_survives_noise_quantisation_and_full_range() -> None:
    rng = np.random.default_rng(2)
    luma = np.full((720, 1280), 100, np.uint8)
    draw_counter(luma, 4711)
    noisy = np.clip(luma + rng.normal(0, 25, luma.shape), 0, 255)
    blocky = noisy.reshape(90, 8, 160, 8).mean(axis=(1, 3)).repeat(8, 0).repeat(8, 1)
    stretched = np.clip((blocky - 16) * 255 / 219, 0, 255).astype(np.uint8)
    assert read_counter(stretched) == 4711


def test_reads_a_scaled_picture() -> None:
    luma = np.full((720, 1280), 100, np.uint8)
    draw_counter(luma, 999)
    half = luma.reshape(360, 2, 640, 2).mean(axis=(1, 3)).astype(np.uint8)
    third = luma[1::3, 1::3]
    assert read_counter(half, source_size=(720, 1280)) == 999
    assert read_counter(third, source_size=(720, 1280)) == 999


@pytest.mark.parametrize("level", [0, 16, 128, 255])
def test_no_counter(level: int) -> None:
    assert read_counter(np.full((180, 320), level, np.uint8)) is None


def test_a_wrong_bit_is_seen() -> None:
    luma = np.full((180, 320), 100, np.uint8)
    draw_counter(luma, 77)
    cell = cell_size(320)
    luma[-cell - 4 :, 5 * cell : 6 * cell] = 255 - luma[-cell - 4 :, 5 * cell : 6 * cell]
    assert read_counter(luma) is None


def test_layout_is_as_documented() -> None:
    luma = np.full((180, 320), 100, np.uint8)
    draw_counter(luma, 0x8001)
    row = luma[172, 4::8] > 128  # 168 is the largest multiple of 8 that leaves room for a cell of 8
    assert list(row[:24]) == [1, 0, 1, *[0] * 14, 1, *[1, 1, 0, 0], 0, 1]  # 8 ^ 0 ^ 0 ^ 1 ^ 0101 = 1100
    assert set(luma[:168].flat) == {100}
