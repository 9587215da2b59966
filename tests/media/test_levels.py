"""Levels by H.264 tables A-1 and A-2."""

import pytest

from transcoder.media.levels import h264_level


@pytest.mark.parametrize(
    ("size", "rate", "kbps", "level"),
    [
        ((320, 180), 5, 300, "4.0"),
        ((1920, 1080), 30, 4000, "4.0"),  # 8160 macroblocks, 244800 a second
        ((1920, 1080), 30, 25_001, "4.1"),
        ((1920, 1080), 31, 4000, "4.2"),
        ((2560, 1440), 30, 8000, "5.0"),  # 14400 macroblocks, 432000 a second
        ((3840, 2160), 30, 16_000, "5.1"),  # 32400 macroblocks, 972000 a second
        ((3840, 2160), 60, 16_000, "5.2"),
        ((8192, 1800), 25, 16_000, "6.0"),  # 57856 macroblocks a picture
        ((8192, 4320), 120, 100_000, "6.2"),
    ],
)
def test_level(size: tuple[int, int], rate: float, kbps: int, level: str) -> None:
    assert h264_level(*size, rate, kbps) == level
