"""The simulator as others start it: a process that speaks JSON lines."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from transcoder.lab.cameras.fleet import FleetOptions, behaviours

SMALL = ["--width", "192", "--height", "96", "--fps", "10", "--seconds", "1", "--password", "pw", "--canary-seed", "s"]


@pytest.fixture
def run(tmp_path: Path) -> Iterator:
    processes = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "transcoder.lab.cameras", *SMALL, "--cache", str(tmp_path), *arguments]
        pipe = subprocess.PIPE
        processes.append(subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def event(process: subprocess.Popen[str], name: str) -> dict:
    assert process.stdout is not None
    assert process.stderr is not None
    for line in process.stdout:
        found = json.loads(line)
        if found["event"] == name:
            return found
    raise AssertionError(f"{name} never came: {process.stderr.read()}")


@pytest.mark.process
async def test_list_control_and_end(run, client_class) -> None:
    process = run("--cameras", "5", "--list", "--commands")
    cameras = [event(process, "camera") for _ in range(5)]
    ready = event(process, "ready")
    assert ready["urls"] == [camera["url"] for camera in cameras]
    assert ready["canary_seed"] == "s"
    assert [camera["family"] for camera in cameras] == ["hikvision", "dahua", "uniview", "h264dvr", "hikvision"]
    assert [camera["codec"] for camera in cameras] == ["H264", "H265", "H264", "H264", "H264"]
    assert {(camera["width"], camera["height"], camera["fps"]) for camera in cameras} == {(192, 96, 10.0)}
    assert {(camera["username"], camera["password"]) for camera in cameras} == {("admin", "pw")}
    values = [bytes.fromhex(canary["hex"]) for camera in cameras for canary in camera["canaries"]]
    assert len(set(values)) == len(values) > 60
    client = await client_class(cameras[4]["url"]).connect()
    await client.play([0])
    await client.packets(0.2)
    realm = next(canary["hex"] for canary in cameras[4]["canaries"] if canary["name"] == "realm")
    assert bytes.fromhex(realm) in client.recorded
    process.stdin.write('{"command": "status"}\n')
    process.stdin.flush()
    status = event(process, "status")["cameras"]
    assert [camera["readers"] for camera in status] == [0, 0, 0, 0, 1]
    assert status[4]["anchor"]["index"] == 0
    assert status[0]["anchor"] is None
    for command, listening in (("stop", False), ("start", True), ("restart", True)):
        process.stdin.write(json.dumps({"command": command, "camera": "hikvision-4"}) + "\n")
        process.stdin.flush()
        assert event(process, command)["listening"] is listening
    process.stdin.write("nonsense\n")
    process.stdin.flush()
    assert "message" in event(process, "error")
    client.close()
    process.stdin.close()
    assert process.wait(10) == 0


@pytest.mark.process
def test_signal_ends_it(run) -> None:
    process = run("--cameras", "1", "--family", "h264dvr", "--set", "private_payload_type=99")
    event(process, "ready")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--family", "acme"], "acme: no such family"),
        (["--set", "colour=red"], "colour: no such switch"),
        (["--source", "/nonexistent.mp4"], "/nonexistent.mp4 is no file"),
        (["--width", "33"], "even dimensions"),
    ],
)
def test_usage(run, arguments: list[str], told: str) -> None:
    process = run(*arguments)
    assert process.wait(20) == 2
    assert told in process.stderr.read()


@pytest.mark.process
def test_control_needs_a_pipe() -> None:
    command = [sys.executable, "-m", "transcoder.lab.cameras", *SMALL, "--commands"]
    run = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert run.returncode == 2
    assert "pipe" in run.stderr


def test_families_are_taken_in_turn() -> None:
    options = FleetOptions(cameras=3, families=("dahua", "uniview"), settings=("rtcp=false",))
    assert [(behaviour.family, behaviour.rtcp) for behaviour in behaviours(options)] == [
        ("dahua", False),
        ("uniview", False),
        ("dahua", False),
    ]
