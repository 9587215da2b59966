"""What is believed of a checker's answer."""

from typing import Any

import pytest

from transcoder.service.verdicts import MAX_REASON, Finding, read_answer


def statement(**changes: Any) -> dict[str, Any]:
    made = {"verdict": "clean", "problems": {}, "pictures": 600, "seconds_read": 60.04, "sentence": "clean"}
    return {"statement": made | changes, "signature": "AAAA"}


def test_a_clean_stream() -> None:
    assert read_answer(statement()) == Finding(kind="clean", pictures=600, seconds=60.0, is_signed=True)


def test_what_was_found_is_named() -> None:
    found = read_answer(statement(verdict="unclean", problems={"NAL units of type 6 SEI": 3, "RTP padding": 1}))
    assert (found.kind, found.reason) == ("unclean", "NAL units of type 6 SEI; RTP padding")
    many = read_answer(statement(verdict="unclean", problems={f"p{number}": 1 for number in range(12)}))
    assert many.reason == "p0; p1; p2; p3; p4 and 7 more"


def test_a_slate_and_no_picture_are_nothing_to_judge() -> None:
    slate = read_answer(statement(verdict="nothing to judge", sentence="nothing to judge: only the slate was served"))
    assert (slate.kind, slate.reason) == ("nothing to judge", "nothing to judge: only the slate was served")
    nothing = read_answer(statement(verdict="unclean", problems={"no picture was read": 1}, pictures=0))
    assert (nothing.kind, nothing.reason) == ("nothing to judge", "no picture was read")
    worse = read_answer(statement(verdict="unclean", problems={"no picture was read": 1, "RTP padding": 2}))
    assert worse.kind == "unclean"


def test_a_share_of_a_slate_is_told() -> None:
    found = read_answer(statement(sentence="clean; for 12.0 of 60.0 s (20%) only the slate was served"))
    assert (found.kind, found.reason) == ("clean", "for 12.0 of 60.0 s (20%) only the slate was served")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "no answer"),
        ({}, "can't be read"),
        ({"statement": []}, "can't be read"),
        ({"statement": {"verdict": "splendid"}}, "can't be read"),
        ({"error": "DESCRIBE is answered 503"}, "503"),
        ({"error": "rtsp://u:hunter2@h/x\x1b[2J"}, "rtsp://"),
    ],
)
def test_no_answer_says_nothing(answer: dict[str, Any] | None, words: str) -> None:
    found = read_answer(answer)
    assert found.kind == "nothing to judge"
    assert words in found.reason
    assert "hunter2" not in found.reason
    assert "\x1b" not in found.reason
    assert not found.is_signed


def test_an_answer_of_other_types_is_bounded() -> None:
    found = read_answer(statement(pictures=10**30, seconds_read="long", problems={"x" * 10_000: 1}, verdict="unclean"))
    assert (found.pictures, found.seconds) == (0, 0.0)
    assert len(found.reason) <= MAX_REASON
    assert read_answer(statement(pictures=True, seconds_read=-1)).pictures == 0
    assert read_answer(statement(pictures=float("nan"))).pictures == 0
