"""What is read off measurements: interpolation, delays, verdicts."""

from typing import Any

import pytest

from benchmarks.capacity import grown
from benchmarks.delay import delays
from benchmarks.encoding import interpolate
from benchmarks.matching import settings_of
from benchmarks.report import Table
from benchmarks.soak import slope
from transcoder.lab.bench.capacity import judge
from transcoder.lab.bench.load import Sample


def test_interpolation():
    points = [(95.0, 3.0), (90.0, 1.0)]
    assert interpolate(points, 92.5) == 2.0
    assert interpolate(points, 90.0) == 1.0
    assert interpolate(points, 89.9) is None
    assert interpolate(points, 95.1) is None


def test_delays_across_the_end_of_a_loop():
    anchor = {"monotonic_s": 100.0, "index": 3}
    # picture 3 was due at 100.0; 10 pictures a second, 20 in the loop: picture 1 comes 1.8 s later, again and again
    assert delays([(100.02, 3), (101.83, 1), (103.81, 1)], anchor, 10.0, 20) == pytest.approx([0.02, 0.03, 0.01])


def test_slope_an_hour():
    assert slope([(0.0, 10.0), (1800.0, 11.0), (3600.0, 12.0)]) == pytest.approx(2.0)
    assert slope([(0.0, 10.0)]) == 0.0


def _sample(**changes):
    values: dict[str, Any] = {
        "streams": 2,
        "fps": 25.0,
        "seconds": 10.0,
        "cores": 0.5,
        "expected": 250.0,
        "pictures": (250, 249),
        "kbps": 1.0,
    }
    return Sample(**(values | changes))


def test_a_load_is_carried_when_nothing_is_lost_or_late():
    assert judge(_sample(delays_s=(0.01, 0.02))).carried
    assert not judge(_sample(pictures=(250, 240))).carried
    assert not judge(_sample(delays_s=(0.01, 0.041))).carried
    assert not judge(_sample(pictures=())).carried


def test_streams_a_core():
    assert _sample(cores=0.5, streams=2).streams_per_core == 4.0


def test_tables_line_up():
    table = Table("title", "name", "value")
    table.add("a", 0.12345)
    table.add("longer", None)
    assert table.text() == "title\nname    value\na       0.123\nlonger      -"
    assert table.markdown().splitlines()[2:] == ["| name | value |", "|---|---:|", "| a | 0.123 |", "| longer | - |"]


def test_the_most_streams_say_what_ended_them():
    found: dict[str, Any] = {
        "streams": 4,
        "sample": {"delay_p99_ms": 20.0, "cores": 1.5, "pss": 400 << 20, "streams": 4},
        "tried": [
            {"streams": 1, "carried": False, "why_not": "a hiccup"},
            {"streams": 1, "carried": True, "why_not": ""},
            {"streams": 8, "carried": False, "why_not": "a reader got 50% of the pictures"},
            {"streams": 5, "carried": False, "why_not": "p99 of the delay is 61 ms"},
            {"streams": 4, "carried": True, "why_not": ""},
        ],
    }
    row = grown("title", found).markdown().splitlines()[-1]
    assert row == "| 4 | 20 | 1.5 | 100 | 5: p99 of the delay is 61 ms |"
    none = grown("title", {"streams": 0, "sample": None, "tried": found["tried"][2:3]})
    assert none.markdown().splitlines()[-1] == "| 0 | - | - | - | 8: a reader got 50% of the pictures |"


def test_peers_of_one_name_encode_alike():
    settings = settings_of(["gateway", "ffmpeg", "ffmpeg-tuned", "gstreamer"], 1.0)
    assert set(settings) == {"ffmpeg", "ffmpeg-tuned", "gstreamer"}
    assert settings["gstreamer"] == settings["ffmpeg-tuned"]
