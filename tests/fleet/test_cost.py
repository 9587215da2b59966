"""What a stream costs, against what was measured."""

from typing import Any

import pytest

from transcoder.config import StreamConfig
from transcoder.fleet.cost import cost_of, estimate, measured_shares


def stream(**keys: Any) -> StreamConfig:
    return StreamConfig.model_validate({"source": "rtsp://10.0.0.2/", **keys})


@pytest.mark.parametrize(
    ("keys", "percent", "tolerance"),
    [
        ({}, 32.8, 0.05),  # benchmarks/results/capacity-noisy.md, 1920x1080 at 25: % of a core a stream
        ({"video": {"mode": "relay", "relay_reason": "tested"}}, 2.12, 0.05),  # the same, the service alone
    ],
)
def test_an_estimate_is_what_was_measured(keys: dict[str, Any], percent: float, tolerance: float) -> None:
    assert estimate(stream(**keys)).cores * 100 == pytest.approx(percent, rel=tolerance)


def test_a_small_stream_is_what_was_measured() -> None:
    # benchmarks/results/capacity-street.md: 768x576 at 10 a second takes 6.12 % of a core, so 2.5 times that at 25
    small = estimate(stream(video={"size": "768x576"}))
    assert small.cores * 100 == pytest.approx(6.12 * 2.5, rel=0.05)


def test_a_rendition_costs_its_part() -> None:
    # benchmarks/results/renditions.md: 1.19 times the stream with 640x360 at every picture, 1.08 at 7 a second
    alone = estimate(stream()).cores
    whole = estimate(stream(renditions={"sub": {"size": "640x360"}})).cores
    seldom = estimate(stream(renditions={"sub": {"size": "640x360", "fps": 7}})).cores
    assert whole / alone == pytest.approx(1.19, abs=0.08)
    assert seldom / alone == pytest.approx(1.08, abs=0.03)


def test_fewer_pictures_and_a_stream_that_is_off_cost_less() -> None:
    whole, slow = estimate(stream()).cores, estimate(stream(video={"fps": 5})).cores
    assert 0.3 * whole < slow < 0.6 * whole  # all are decoded, a fifth is encoded
    assert cost_of(stream(enabled=False), 1.0, 1.0).cores == 0


def test_the_file_comes_before_a_measurement_and_that_before_the_estimate() -> None:
    assert (cost_of(stream(), 0.5, 0.2).cores, cost_of(stream(), 0.5, 0.2).origin) == (0.5, "given")
    measured = cost_of(stream(), None, 0.2)
    assert measured.origin == "measured"
    assert measured.cores == pytest.approx(0.2 + 0.0212, abs=0.001)  # the service is in no worker's share
    assert cost_of(stream(), None, None).origin == "estimated"


def state(**keys: Any) -> dict[str, Any]:
    return {"state": "playing", "cpu": 0.2, "rate_divisor": 1, "output": {"pictures": 500}, **keys}


def test_measured_costs_are_taken_of_streams_that_play() -> None:
    states = {
        "plays": state(),
        "sheds": state(rate_divisor=4, cpu=0.1),
        "away": state(state="away"),
        "young": state(output={"pictures": 3}),
        "idle": state(cpu=0),
    }
    document = {"streams": [{"id": name, "state": each} for name, each in states.items()]}
    assert measured_shares(document) == {"plays": 0.2, "sheds": 0.4}


@pytest.mark.parametrize(
    "document", [None, [], {"streams": 3}, {"streams": [{}]}, {"streams": [{"id": "a", "state": 3}]}]
)
def test_what_is_no_answer_of_a_gateway_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="no answer to GET /api/v1/streams"):
        measured_shares(document)
