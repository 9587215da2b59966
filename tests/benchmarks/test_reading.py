"""What is read off measurements: interpolation, delays, verdicts."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from benchmarks import matching, material, stages
from benchmarks.capacity import grown
from benchmarks.delay import delays
from benchmarks.encoding import Encoded, interpolate
from benchmarks.idrs import Result, bits_at_equal_vmaf
from benchmarks.matching import settings_of
from benchmarks.material import CameraFigures, changed_share
from benchmarks.report import Table
from benchmarks.soak import slope
from benchmarks.timed_reader import TimedReader
from benchmarks.vmaf import Score
from transcoder.lab.bench.capacity import judge
from transcoder.lab.bench.load import Sample
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.lab.reader.access_units import AccessUnit
from transcoder.worker_options import EncoderSettings


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


def test_a_picture_without_its_packets_ends_no_decoding(tmp_path: Path) -> None:
    """A reader that a busy machine keeps from reading loses packets, and what is left may be no NAL unit at all."""
    scene = SceneOptions(width=320, height=180, fps=5, seconds=1.0, counter=True)
    content = from_scene(ContentOptions(scene=scene, gop_s=1.0), tmp_path)
    reader = TimedReader("rtsp://127.0.0.1/")
    nal_units: list[list[bytes]] = [list(unit.nal_units) for unit in content.access_units]
    reader.kept = [AccessUnit(float(at), 0, units, False) for at, units in enumerate([*nal_units[:3], [], *nal_units])]
    assert reader.counters((180, 320)) == [(0, 0), (1, 1), (2, 2), (4, 0), (5, 1), (6, 2), (7, 3), (8, 4)]


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


def test_the_share_of_changed_macroblocks_is_of_luma_and_chroma():
    """40x24 samples are 3x2 macroblocks, of which some are cut off."""
    before = [np.zeros((24, 40), np.uint8), np.zeros((12, 20), np.uint8), np.zeros((12, 20), np.uint8)]

    def share(*samples):
        now = [plane.copy() for plane in before]
        for plane, row, column in samples:
            now[plane][row, column] = 1
        return changed_share(before, now) * 6

    assert share() == 0
    assert share((0, 0, 0), (0, 15, 15)) == pytest.approx(1)
    assert share((0, 15, 15), (0, 16, 15), (0, 23, 39)) == pytest.approx(3)
    assert share((0, 0, 0), (1, 7, 7), (2, 8, 19)) == pytest.approx(2)


def test_figures_of_a_camera_in_words():
    figures = CameraFigures(changed=0.123, changed_median=0.1, decode_ms=2.04, kbps=900)
    assert str(figures) == "12 % of macroblocks changed, decode 2.0 ms"


def _points(of, target, crf=27.0):
    tried = []

    def take(at):
        tried.append(at)
        score = Score(vmaf=of(at), vmaf_low=0, vmaf_worst=0, psnr=0, psnr_worst=0)
        return Encoded(cpu_ms=1, kbps=1000 - at, data=b""), score

    return matching.around(take, target, crf), tried


def test_a_match_is_looked_for_where_it_lies():
    near, tried = _points(lambda crf: 120 - crf, 96.0)
    assert (min(near), max(near)) == (20, 29)
    assert tried == [20, 23, 26, 29]
    _, tried = _points(lambda crf: 100 - crf, 93.5)
    assert tried == [20, 23, 26, 29, 16, 12, 8, 4]
    _, tried = _points(lambda crf: 100 - crf, 60.5)
    assert tried == [20, 23, 26, 29, 33, 37, 41]


def test_a_vmaf_that_is_out_of_reach_is_named():
    fine, tried = _points(lambda crf: 97 - crf, 96.5)
    assert tried[-1] == 1
    expected = "VMAF 96.5, the gateway's, is out of ffmpeg's reach: at most 96.0, with crf 1"
    assert matching.out_of_reach("ffmpeg", 96.5, fine) == expected
    coarse, tried = _points(lambda crf: 100 - crf, 40.0, crf=40.0)
    assert tried[-1] == 51
    expected = "VMAF 40.0, the gateway's, is out of ffmpeg's reach: at least 49.0, with crf 51"
    assert matching.out_of_reach("ffmpeg", 40.0, coarse) == expected


def test_bits_at_equal_vmaf():
    own = [Result(kbps=kbps, idrs=1, vmaf=vmaf, vmaf_worst=80) for kbps, vmaf in ((900, 93), (1100, 95))]
    followed = [Result(kbps=kbps, idrs=1, vmaf=vmaf, vmaf_worst=80) for kbps, vmaf in ((1600, 95), (400, 93))]
    assert bits_at_equal_vmaf(own, followed) == pytest.approx(0.8)  # half way between logarithms
    assert bits_at_equal_vmaf(own, followed[:1]) is None


def test_the_profile_motion_is_encoded_as_a_worker_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(material, "_folder", lambda: tmp_path)
    source = material.load("day", 8, size=(320, 240))
    fine, coarse = (
        stages.encode(source, EncoderSettings(profile="motion", crf=crf), gop_s=0.16) for crf in (20.0, 40.0)
    )
    assert fine.kbps > 2 * coarse.kbps
    decoder = av.CodecContext.create("h264", "r")
    frames = [*decoder.decode(av.Packet(coarse.data)), *decoder.decode(None)]
    assert frames[-1].width == 320
    assert coarse.data.count(bytes([0, 0, 1, 0x65])) == 2, "IDRs at 0 and 0.16 s"
    assert coarse.data.count(bytes([0, 0, 1, 0x61])) + coarse.data.count(bytes([0, 0, 1, 0x41])) == 6
