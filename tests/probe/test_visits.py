"""Each camera of a configuration is visited once, and says what it sends or why it does not."""

import asyncio
import socket
from pathlib import Path

import pytest
import yaml

from tests.support.cameras import Cameras
from transcoder.config import parse
from transcoder.probe import visits
from transcoder.probe.visits import Visit, visit_cameras


def _visited(streams: dict[str, object]) -> list[Visit]:
    return asyncio.run(
        visit_cameras(parse(yaml.safe_dump({"streams": streams}, sort_keys=False), Path("/nonexistent"), {}))
    )


@pytest.mark.process
def test_each_camera_is_visited_once(cameras: Cameras, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "WATCH_S", 2.0)
    url, other = cameras.url("hikvision"), cameras.url("dahua")
    wrong = url.replace("s3cr3t", "no-password")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"rtsp://127.0.0.1:{nobody.getsockname()[1]}/x"
        streams = {"front": url, "again": url, "yard": other, "wrong": wrong, "away": away}
        found = _visited(
            {name: {"source": each} for name, each in streams.items()}
            | {"off": {"source": "rtsp://127.0.0.1:9/x", "enabled": False}}
        )
    assert [visit.streams for visit in found] == [("front", "again"), ("yard",), ("wrong",), ("away",)]
    front, yard, wrong_login, gone = found
    for visit, family in ((front, "hikvision"), (yard, "dahua")):
        listed = cameras.listed[family]
        assert (visit.problem, visit.codec, visit.transport) == ("", listed["codec"], "tcp")
        assert visit.size == f"{listed['width']}x{listed['height']}"
        assert visit.fps == pytest.approx(10, abs=2)
        assert visit.line().startswith(f"{', '.join(visit.streams)}: {str(visit.codec).upper()} {visit.size} ")
    assert wrong_login.problem == "DESCRIBE was answered 401 Unauthorized; check user and password"
    assert "Connection refused; check host and port" in gone.problem
    assert gone.line().startswith("away: no pictures from 127.0.0.1: ")
    assert "s3cr3t" not in "".join(visit.line() + repr(visit.document()) for visit in found)


@pytest.mark.process
def test_a_login_that_is_missing_is_asked_for_in_keys_of_the_file(cameras: Cameras) -> None:
    url = cameras.url("uniview", login=False)
    nobody, no_password = _visited({"a": {"source": url}, "b": {"source": {"url": url, "username": "admin"}}})
    assert nobody.problem.endswith("401 Unauthorized; give source.username and source.password_file")
    assert no_password.problem.endswith("401 Unauthorized; give source.password_file")


@pytest.mark.process
def test_pictures_that_can_not_be_shown_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # of ten pictures a second, so that more slices come than are looked at before a stream is called encrypted
    monkeypatch.setattr(visits, "WATCH_S", 3.0)
    with Cameras(tmp_path, "hikvision encrypted=true", "axis first_idr_after_s=1000", "uniview") as cameras:
        families = ("hikvision", "axis", "uniview")
        encrypted, no_idr, good = _visited({each: {"source": cameras.url(each)} for each in families})
    assert encrypted.problem.startswith("stream encrypted on the camera: turn its video encryption off")
    assert (no_idr.problem, no_idr.codec, no_idr.has_start) == ("", "H264", False)
    assert (good.problem, good.has_start) == ("", True)


def test_nothing_to_visit() -> None:
    assert _visited({}) == []
