"""Spans of pictures of the camera and of repeated ones, by the times at which they were given to readers."""

import pytest

from transcoder.output.served_spans import COVERED_S, GAP_S, MAX_SPANS, ServedSpans


def spans_of(*pictures: tuple[float, bool]) -> ServedSpans:
    spans = ServedSpans()
    for now, is_camera in pictures:
        spans.note(now, is_camera=is_camera)
    return spans


def played(begin: float, count: int, *, step: float = 0.04, is_camera: bool = True) -> list[tuple[float, bool]]:
    return [(begin + index * step, is_camera) for index in range(count)]


def test_nothing_was_served() -> None:
    told = spans_of().told(0, 10, 1000)
    assert told == {"now": 1000, "since": 990, "camera_s": 0, "slate_s": 0, "spans": []}


def test_a_camera_that_goes_and_comes() -> None:
    """Ten seconds of the camera, the slate from 1.2 s after its last picture on, the camera again."""
    spans = spans_of(*played(100, 251), *played(111.2, 9, step=1, is_camera=False), *played(120, 51))
    told = spans.told(95, 122, 5000)
    assert [(span["shows"], span["pictures"]) for span in told["spans"]] == [
        ("camera", 251),
        ("slate", 9),
        ("camera", 51),
    ]
    times = [(span["begin"], span["end"]) for span in told["spans"]]
    assert times == pytest.approx([(4978, 4989.2), (4989.2, 4998), (4998, 5000)])
    assert (told["camera_s"], told["slate_s"]) == pytest.approx((13.2, 8.8))


def test_only_the_part_that_is_asked_for() -> None:
    spans = spans_of(*played(100, 251), *played(111.2, 9, step=1, is_camera=False))
    told = spans.told(112, 120.2, 5000)
    assert [span["shows"] for span in told["spans"]] == ["slate"]
    assert (told["camera_s"], told["slate_s"]) == pytest.approx((0, 8.2))


@pytest.mark.parametrize(("step", "camera_s"), [(1.0, 9.0), (2.0, 5.8)])
def test_a_slow_camera_counts_until_its_picture_is_repeated(step: float, camera_s: float) -> None:
    pictures = played(0, int(9 / step) + 1, step=step)
    repeated = [(at + COVERED_S + 1e-9, False) for at, _ in pictures if step > COVERED_S and at < 7]
    told = spans_of(*sorted(pictures + repeated)).told(0, 9, 9)
    assert told["camera_s"] == pytest.approx(camera_s)
    assert told["camera_s"] + told["slate_s"] == pytest.approx(9)


def test_a_picture_that_a_new_reader_has_made_again_is_still_the_camera_s() -> None:
    told = spans_of((0.0, True), (0.7, False), (1.0, True), (2.0, True)).told(0, 3, 3)
    assert [(span["shows"], span["pictures"]) for span in told["spans"]] == [("camera", 4)]
    assert (told["camera_s"], told["slate_s"]) == (3, 0)


def test_time_without_pictures_is_neither() -> None:
    """No reader, or a worker that is replaced: nothing is served."""
    told = spans_of(*played(0, 26), *played(1 + GAP_S + 0.1, 26)).told(0, 10, 10)
    assert [span["pictures"] for span in told["spans"]] == [26, 26]
    assert (told["camera_s"], told["slate_s"]) == pytest.approx((2 + 2 * COVERED_S, 0))


def test_what_was_forgotten_is_not_told_as_nothing() -> None:
    spans = ServedSpans()
    for number in range(2 * MAX_SPANS):
        spans.note(2.0 * number, is_camera=number % 2 == 0)
    assert spans.known_since == 2 * MAX_SPANS
    told = spans.told(0, 4 * MAX_SPANS, 4 * MAX_SPANS)
    assert (told["since"], len(told["spans"])) == (2 * MAX_SPANS, MAX_SPANS)
