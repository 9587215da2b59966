"""`transcoder check`: lines, the count, warnings, JSON."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from transcoder.cli.main import command_line
from transcoder.config import Config
from transcoder.exit_codes import NO, OK, USAGE
from transcoder.probe import visits
from transcoder.probe.visits import Visit


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text("streams:\n  front: {source: rtsp://10.0.0.2/}\n")
    return path


def _check(*arguments: object) -> Result:
    return CliRunner().invoke(command_line(), ["check", *map(str, arguments)])


def test_each_problem_has_its_line_and_the_last_line_counts_them(config: Path) -> None:
    config.write_text("node: gw 1\nstreams:\n  front:\n    source: http://x/\n    audio: loud\n")
    done = _check(config)
    assert (done.exit_code, done.stdout) == (USAGE, "")
    lines = done.stderr.splitlines()
    assert sorted(line.split(": ")[:2] for line in lines[:3]) == [
        [f"{config}:1", "node"],
        [f"{config}:4", "streams.front.source"],
        [f"{config}:5", "streams.front.audio"],
    ]
    assert lines[3] == f"3 problems in {config}"


def test_warnings_are_told_with_their_line_and_leave_the_file_valid(config: Path) -> None:
    config.write_text("streams:\n  front: {source: rtsp://10.0.0.2/}\n  back: {source: rtsp://10.0.0.2/}\n")
    done = _check(config)
    assert done.exit_code == OK
    assert done.stdout == f"{config}: valid, 2 streams, 2 enabled, 1 warning\n"
    assert done.stderr.startswith(f"warning: {config}:3: streams.back.source: pulls the same URL")


def test_a_preset_is_told_with_what_becomes_of_it(config: Path) -> None:
    config.write_text(
        "defaults: {video: {bitrate_kbps: 900}}\n"
        "streams:\n"
        + "".join(f"  s{n}: {{source: 'rtsp://10.0.0.{n}/x', vms: nx, audio: reencode}}\n" for n in range(1, 8))
        + "  other: {source: 'rtsp://10.0.0.9/x'}\n"
    )
    lines = _check(config).stdout.splitlines()
    main = "<id> h264, the size of the camera, its rate, 900 kbit/s, key pictures every 1 s"
    sub = "<id>/sub h264, 640x360, 7 fps, 512 kbit/s, key pictures every 1 s"
    assert lines == [
        f"s1, s2, s3, s4, s5 and 2 others: vms nx: {main}; {sub}, sound in aac",
        f"{config}: valid, 8 streams, 8 enabled",
    ]


def test_json_has_the_parts_of_each_line(config: Path) -> None:
    config.write_text("streams:\n  front: {source: rtsp://10.0.0.2/, audio: loud}\n")
    done = _check(config, "--json")
    assert done.exit_code == USAGE
    message = "must be 'drop' or 'reencode' (it is 'loud')"
    assert json.loads(done.stdout) == {
        "file": str(config),
        "valid": False,
        "streams": 0,
        "enabled": 0,
        "problems": [{"key": "streams.front.audio", "message": message, "file": str(config), "line": 2}],
        "warnings": [],
    }


def test_json_of_a_valid_file_and_of_one_that_is_no_yaml(config: Path) -> None:
    report = json.loads(_check(config, "--json").stdout)
    assert (report["valid"], report["streams"], report["problems"]) == (True, 1, [])
    config.write_text("streams:\n  a: [\n")
    (problem,) = json.loads(_check(config, "--json").stdout)["problems"]
    assert (problem["key"], problem["file"], problem["line"]) == (None, str(config), 3)
    assert problem["message"].startswith("no valid YAML")


def test_a_state_folder_that_can_not_be_written_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    path = tmp_path / "gateway.yaml"
    path.write_text("streams: {}\nstate_dir: taken\n")
    done = _check(path)
    assert done.exit_code == USAGE
    assert f"{path}:2: state_dir: {tmp_path / 'taken'} is a file and no folder" in done.stderr
    path.write_text("streams: {}\nstate_dir: null\n")
    assert _check(path).exit_code == OK


def test_a_camera_without_pictures_is_a_no(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        Visit(streams=("front",), host="10.0.0.2", transport="tcp", codec="h264", size="1920x1080", fps=25.0),
        Visit(streams=("back",), host="10.0.0.3", problem="it is away"),
    ]

    async def visit_cameras(_: Config) -> list[Visit]:
        return found

    monkeypatch.setattr(visits, "visit_cameras", visit_cameras)
    done = _check(config, "--connect")
    assert done.exit_code == NO
    assert done.stdout.splitlines()[1:] == [
        "front: H264 1920x1080 25 pictures/s from 10.0.0.2 over tcp",
        "back: no pictures from 10.0.0.3: it is away",
        "1 of 2 cameras sent pictures",
    ]
    report = json.loads(_check(config, "--connect", "--json").stdout)
    assert [camera["problem"] for camera in report["cameras"]] == [None, "it is away"]
    found.pop()
    assert _check(config, "--connect").exit_code == OK


def test_no_camera_is_visited_for_a_file_that_is_not_valid(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "visit_cameras", None)
    config.write_text("streams: 5\n")
    assert _check(config, "--connect").exit_code == USAGE


@pytest.mark.parametrize(
    ("name", "words"), [("state.sqlite", "file is not a database"), ("restore.unfinished", "make the restore again")]
)
def test_a_state_that_no_gateway_starts_with_is_a_problem(tmp_path: Path, name: str, words: str) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("streams: {}\n")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / name).write_text("no state " * 100)
    done = _check(path)
    assert done.exit_code == USAGE
    assert words in done.stderr
