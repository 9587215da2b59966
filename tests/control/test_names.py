"""The names of streams in the log of a start."""

from pathlib import Path

from structlog.testing import capture_logs

from transcoder.config import parse
from transcoder.control import names


def _logged(streams: int) -> list[tuple[object, ...]]:
    text = "streams:\n  plain: {source: rtsp://10.0.0.2/}\n" + "".join(
        f"  s{i}: {{source: rtsp://10.0.0.2/{i}, title: Door {i}, labels: {{floor: '{i}'}}}}\n" for i in range(streams)
    )
    with capture_logs() as logged:
        names.log_names(parse(text, Path("/nonexistent"), {}))
    return [(line.get("stream"), line.get("title"), line.get("labels")) for line in logged]


def test_streams_with_a_name_are_told() -> None:
    assert _logged(2) == [("s0", "Door 0", {"floor": "0"}), ("s1", "Door 1", {"floor": "1"})]


def test_a_thousand_names_are_no_thousand_lines() -> None:
    assert len(_logged(1000)) == names.MAX_LINES + 1
