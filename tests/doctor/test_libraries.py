"""FFmpeg in the wheel: really loaded, told to lack something, and a process that ends."""

import sys
from typing import Any

import pytest

from transcoder.doctor import libraries as module
from transcoder.doctor.finding import Subject
from transcoder.doctor.libraries import libraries, libraries_finding
from transcoder.media import libraries as wheel
from transcoder.worker_options import Fallback

TOLD: dict[str, Any] = {"ffmpeg": "8.1.2", "libraries": {"libavcodec": "62.28.102"}, "missing": [], "fallback": None}


def test_versions_are_told() -> None:
    finding = libraries_finding(TOLD)
    assert finding.level == "ok"
    assert "FFmpeg 8.1.2 (libavcodec 62.28.102) of PyAV" in finding.text
    assert finding.text.endswith("; x264 is called directly")


def test_an_x264_of_another_build_is_a_warning() -> None:
    finding = libraries_finding({**TOLD, "fallback": "build"})
    assert finding.level == "warning"
    assert "x264 can't be called directly (build)" in finding.text


def test_the_wheels_x264_is_called_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wheel.fallback() is None
    monkeypatch.setattr(wheel, "library", lambda: Fallback.BUILD)
    assert wheel.fallback() == "build"


def test_what_is_missing_is_an_error() -> None:
    finding = libraries_finding({**TOLD, "missing": ["decoder hevc", "encoder libx264"]})
    assert (finding.level, finding.text) == ("error", "lacks decoder hevc, encoder libx264")


def test_the_wheel_has_everything_and_a_name_that_it_lacks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wheel.missing() == []
    monkeypatch.setattr(wheel, "DECODERS", ("h264", "no_such_codec"))
    assert wheel.missing() == ["decoder no_such_codec"]


@pytest.mark.process
async def test_it_is_asked_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [finding.level for finding in await libraries(Subject())] == ["ok"]
    monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", "import os; os.abort()"))
    [finding] = await libraries(Subject())
    assert (finding.level, finding.text) == ("error", "loading it ends its process (-6)")
    monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", "import no_such_library"))
    [finding] = await libraries(Subject())
    assert "No module named 'no_such_library'" in finding.text
