"""Who starts a gateway for the first time is told that it compiles, and for how long it has."""

from typing import Any

import pytest
import structlog

from transcoder.service.compilation import Compilation


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that a terminal has shown."""
    lines: list[str] = []

    def show(text: str) -> bool:
        lines.append(text)
        return True

    monkeypatch.setattr("transcoder.service.compilation.show_progress", show)
    return lines


def test_a_terminal_has_one_line_that_counts(shown: list[str]) -> None:
    compilation = Compilation()
    with structlog.testing.capture_logs() as logged:
        compilation.look(9.0)  # nothing is compiled yet
        compilation.note(0, 2, 10.0)
        compilation.look(11.0)
        compilation.note(1, 2, 13.4)
        compilation.note(2, 2, 15.52)
        compilation.look(16.0)
    what = "compiling the pixel kernels, the first time only"
    assert shown == [f"{what}: 0 of 2, 0 s", f"{what}: 0 of 2, 1 s", f"{what}: 1 of 2, 3 s", ""]
    assert [(line["event"], line["seconds"]) for line in logged] == [("the pixel kernels are compiled", 5.5)]


def test_elsewhere_there_is_a_line_at_the_start_and_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcoder.service.compilation.show_progress", lambda _: False)
    compilation = Compilation()
    with structlog.testing.capture_logs() as logged:
        for count in range(8):
            compilation.note(count, 7, float(count))
            compilation.look(count + 0.5)
    told: list[dict[str, Any]] = [dict(line) for line in logged]
    assert [line["event"] for line in told] == [
        "compiling the pixel kernels, the first time only",
        "the pixel kernels are compiled",
    ]
    assert told[1]["seconds"] == 7.0


def test_a_start_that_is_given_up_leaves_no_line_behind(shown: list[str]) -> None:
    compilation = Compilation()
    compilation.give_up()
    assert shown == []
    compilation.note(0, 7, 1.0)
    compilation.give_up()
    compilation.look(2.0)
    assert shown[1:] == [""]
