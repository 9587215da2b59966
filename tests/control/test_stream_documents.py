"""What is told of a stream."""

from typing import Any

import pytest

from transcoder.control import EVENT_TYPES
from transcoder.control.stream_documents import shown_aspect
from transcoder.service.observer import SCENE_EVENTS


def test_every_event_of_a_stream_is_in_the_documents() -> None:
    told = {"source_lost", "source_encrypted", "source_recovered", "worker_restarted", "channel_seen", "overload"}
    told |= {"format_changed", "source_unreadable"}
    assert told | set(SCENE_EVENTS.values()) <= EVENT_TYPES


@pytest.mark.parametrize(
    ("camera", "shown_as", "shape"),
    [
        ({"width": 1280, "height": 720}, None, 1.7778),
        ({"width": 704, "height": 576, "sample_aspect": 16 / 11}, None, 1.7778),  # PAL, 16:9 (H.264, table E-1)
        (
            {"width": 704, "height": 576, "sample_aspect": 16 / 11},
            (4, 3),
            1.3333,
        ),  # the operator's word stands above it
        ({}, None, None),
    ],
)
def test_the_shape_of_the_camera_s_picture(
    camera: dict[str, Any], shown_as: tuple[int, int] | None, shape: float | None
) -> None:
    assert shown_aspect(camera, shown_as) == shape
