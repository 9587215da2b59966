from typing import Any

import pytest

from transcoder.lab.demo.verdict import Verdict, reasons

SOUND = {
    "name": "cam1", "frames": 100, "decode_errors": 0, "steps_back": 0, "problem": "", "oddities": [],
    "canaries_found": [], "canaries_searched": 2,
}  # fmt: skip
READ = {"name": "cam1", "canaries": 2, "missing": [], "problem": ""}


def judge(stream: dict[str, Any], camera: dict[str, Any] | None = READ, away: dict[str, str] | None = None) -> Verdict:
    cameras = {"cam1": camera} if camera else {}
    found = reasons([stream], cameras, ["cam1"], away or {})
    return Verdict(
        streams=[stream],
        cameras=cameras,
        families={"cam1": "dahua"},
        dropped={},
        gateway={},
        reasons=found,
        seconds=3.0,
    )


def test_clean() -> None:
    verdict = judge(SOUND)
    assert verdict.clean
    assert verdict.line == (
        "verdict: clean: 1 stream, 100 frames decoded without an error, 0 of the cameras' 2 canaries in what was served"
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"canaries_found": [{"name": "cam2: cname", "where": "RTCP"}, {"name": "cam2: x", "where": "SDP"}]},
            "cam1 carries 2 canary marks (first: cam2: cname, RTCP)",
        ),
        ({"oddities": ["2 SEI NAL units"]}, "cam1 has 2 SEI NAL units"),
        ({"frames": 0}, "cam1 showed no picture (stopped before the first)"),
        ({"frames": 0, "problem": "refused"}, "cam1 showed no picture (refused)"),
        ({"decode_errors": 1}, "cam1 had 1 decode error"),
        (
            {"frames": 0, "decode_errors": 2},
            "cam1 showed no picture (stopped before the first); cam1 had 2 decode errors",
        ),
        ({"steps_back": 2}, "cam1's time stepped back 2 times"),
    ],
)
def test_streams_that_are_not(changes: dict[str, Any], told: str) -> None:
    verdict = judge({**SOUND, **changes})
    assert not verdict.clean
    assert verdict.line == f"verdict: NOT clean: {told}"
    assert verdict.as_json()["clean"] is False


@pytest.mark.parametrize(
    ("camera", "told"),
    [
        (None, "cam1's camera was not searched to its end"),
        ({**READ, "problem": "refused"}, "cam1's camera could not be read directly (refused)"),
        ({**READ, "missing": ["cname"]}, "the search missed 1 mark in cam1's own camera (cname)"),
    ],
)
def test_a_search_that_proves_nothing(camera: dict[str, Any] | None, told: str) -> None:
    assert judge(SOUND, camera).line == f"verdict: NOT clean: {told}"


def test_a_slate_is_no_picture_of_the_camera() -> None:
    assert judge(SOUND, away={"cam1": "refused"}).line == "verdict: NOT clean: cam1 never showed its camera (refused)"


def test_the_last_line_stays_short_and_the_rest_is_in_the_json() -> None:
    verdict = judge({**SOUND, "oddities": ["a", "b", "c", "d", "e"]})
    assert verdict.line == "verdict: NOT clean: cam1 has a; cam1 has b; cam1 has c; and 2 other reasons"
    assert len(verdict.as_json()["reasons"]) == 5
