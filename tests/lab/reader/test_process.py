"""The reader as the demo starts it, with simulated cameras in the place of the gateway: it must find everything."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from transcoder.codecs.nal import Codec
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.server import SimulatedCamera

pytestmark = pytest.mark.process


class Reader:
    def __init__(self) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "transcoder.lab.reader"]
        self.process = subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe)

    def send(self, line: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()

    def until(self, ready) -> dict[str, Any]:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        for line in self.process.stdout:
            event = json.loads(line)
            if ready(event):
                return event
        raise AssertionError(self.process.stderr.read())


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.process.kill()
    made.process.wait()
    for pipe in (made.process.stdin, made.process.stdout, made.process.stderr):
        assert pipe is not None
        pipe.close()


def canaries_of(camera: SimulatedCamera, name: str) -> list[dict[str, str]]:
    return [{"camera": name, "name": c.name, "where": c.where, "hex": c.value.hex()} for c in camera.canaries()]


# the reader reads what a gateway serves: NAL units
@pytest.mark.parametrize("family", [name for name in FAMILIES if isinstance(FAMILIES[name].behaviour.codec, Codec)])
async def test_it_finds_what_a_camera_sends(contents, reader: Reader, family: str) -> None:
    behaviour = FAMILIES[family].behaviour
    async with (
        SimulatedCamera(behaviour, contents[behaviour.codec], password="pw", seed="read") as camera,
        SimulatedCamera(behaviour, contents[behaviour.codec], password="pw", seed="served") as served,
    ):
        reader.send(
            {
                "streams": [{"name": "one", "url": served.url}],
                "cameras": [{"name": "one", "url": camera.url}, {"name": "two", "url": served.url}],
                "canaries": canaries_of(camera, "one") + canaries_of(served, "two"),
            }
        )
        await asyncio.to_thread(reader.until, lambda event: event.get("cameras") == 2)
        reader.send({"command": "finish"})
        result = await asyncio.to_thread(reader.until, lambda event: event["event"] == "result")
        assert reader.process.wait(5) == 0
    cameras = {item["name"]: item for item in result["cameras"]}
    assert cameras["one"]["missing"] == []
    assert cameras["one"]["canaries"] == len(camera.canaries()) > 5
    (stream,) = result["streams"]
    assert stream["frames"] + stream["decode_errors"] >= 5  # a malformed SEI is an error
    assert stream["rtp_packets"] > 10
    assert stream["oddities"]
    found = {item["name"] for item in stream["canaries_found"]}
    assert any(name.startswith("two: sdp_") for name in found)
    assert "two: cname" in found or family == "flir"  # which sends no RTCP
    assert any(name.startswith("two: sei_") for name in found)
    assert not any(name.startswith("one: ") for name in found)


def test_end_of_input_ends_it(reader: Reader) -> None:
    nothing = {"streams": [{"name": "a", "url": "rtsp://127.0.0.1:1/x"}], "cameras": [], "canaries": []}
    reader.send(nothing)
    reader.until(lambda event: event["event"] == "progress")
    assert reader.process.stdin is not None
    reader.process.stdin.close()
    assert reader.process.wait(5) == 0


def test_a_camera_that_is_not_there(reader: Reader) -> None:
    job = {
        "streams": [],
        "cameras": [{"name": "a", "url": "rtsp://127.0.0.1:1/x"}],
        "canaries": [{"camera": "a", "name": "mark", "where": "here", "hex": b"0123456789abcdef".hex()}],
    }
    reader.send(job)
    reader.until(lambda event: event.get("cameras") == 1)
    reader.send({"command": "finish"})
    result = reader.until(lambda event: event["event"] == "result")
    (camera,) = result["cameras"]
    assert camera["missing"] == ["mark"]
    assert "refused" in camera["problem"]
