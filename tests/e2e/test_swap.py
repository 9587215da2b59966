"""A camera is swapped under four readers for one of another maker, size and codec, and back: nobody is cut off."""

import asyncio
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support import warm_start
from tests.support.control_world import Cameras, Gateway, running
from tests.support.gateway_process import wait_for
from tests.support.rtsp_reader import RtspReader, read_access_units
from transcoder.lab.reader.playback import Playback

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("swap")]

SIZE, LARGER = (320, 180), (640, 360)
MASK = {"polygon": [[0, 0], [0.2, 0], [0.2, 0.2], [0, 0.2]]}
SUB = {"size": "160x90", "fps": 5, "bitrate_kbps": 100, "codec": "h264"}
AFTER_S = 2.0
"""Seconds for which the readers watch each camera."""


def cameras(folder: Path, camera: str, size: tuple[int, int], codec: str) -> Cameras:
    folder.mkdir()
    arguments = ["--camera", camera, "--codec", codec, "--width", str(size[0]), "--height", str(size[1])]
    return Cameras(folder, 1, *arguments, "--fps", "10", "--seconds", "4", "--password", "s3cret")


@pytest.mark.timeout(180)
async def test_a_swap_and_its_roll_back_under_four_readers(tmp_path: Path, state_dir: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("ffmpeg is not installed")
    old = cameras(tmp_path / "old", "hikvision gop_s=1 audio=true", SIZE, "h264")
    new = cameras(tmp_path / "new", "axis gop_s=1 slow_fps=10", LARGER, "h265")
    with running(old, new):
        front = {
            "source": old.urls[0],
            "asset": "pole-17",
            "audio": "reencode",
            "masks": [MASK],
            "renditions": {"sub": SUB},
        }
        streams = {"front": front}
        assets = {"pole-17": {"maker": "Hikvision"}, "pole-17b": {"maker": "Axis"}}
        gateway = Gateway(
            tmp_path, state_dir / "numba", None, streams, assets=assets, sources={"allow": ["127.0.0.0/8"]}
        )
        playback = Playback()
        with running(gateway):

            def source() -> dict[str, Any]:
                found: dict[str, Any] = gateway.stream("front")["state"]["source"]
                return found

            def sessions() -> set[str]:
                return {each["id"] for each in gateway.http("GET", "/api/v1/sessions")[2]["sessions"]}

            def asset(name: str) -> dict[str, Any]:
                found: dict[str, Any] = gateway.http("GET", "/api/v1/config")[2]["assets"][name]
                return found

            def swap(*arguments: str) -> str:
                done = warm_start.run(["swap", "front", *arguments, "--config", str(gateway.config), "--yes"], 60)
                assert done.returncode == 0, done.stderr
                return done.stdout

            wait_for(lambda: source()["width"] == SIZE[0], 60, "the old camera plays")
            command = [ffmpeg, "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", gateway.url("front")]
            command += ["-map", "0:v", "-c", "copy", "-f", "framecrc", str(tmp_path / "front.framecrc")]
            recording = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
            playback.start(gateway.url("front"))
            try:
                async with RtspReader(gateway.url("front")) as reader, RtspReader(gateway.url("front/sub")) as of_sub:
                    await reader.play()
                    await of_sub.play()
                    await asyncio.to_thread(wait_for, lambda: len(sessions()) == 4, 30, "four readers")
                    before = sessions()
                    await asyncio.sleep(AFTER_S)
                    told = await asyncio.to_thread(swap, "--source", new.urls[0], "--asset", "pole-17b")
                    assert "H264" in told
                    assert "H265" in told
                    assert "320x180" in told
                    assert "640x360" in told
                    assert "s3cret" not in told
                    await asyncio.to_thread(
                        wait_for, lambda: source()["width"] == LARGER[0], 30, "the new camera plays"
                    )
                    assert gateway.stream("front")["config"]["asset"] == "pole-17b"
                    assert (asset("pole-17")["replaced"] is None, asset("pole-17")["successor"]) == (False, "pole-17b")
                    await asyncio.sleep(AFTER_S)
                    told = await asyncio.to_thread(swap, "--rollback")
                    await asyncio.to_thread(wait_for, lambda: source()["width"] == SIZE[0], 30, "the old one is back")
                    assert gateway.stream("front")["config"]["asset"] == "pole-17"
                    assert (asset("pole-17")["replaced"], asset("pole-17")["successor"]) == (None, None)
                    await asyncio.sleep(AFTER_S)
                    assert sessions() == before
                    read = [(each.codec, list(each.packets)) for each in (reader, of_sub)]
                recording.terminate()
                _, errors = await asyncio.wait_for(recording.communicate(), 20)
            finally:
                playback.stop()
                await asyncio.to_thread(playback.join, 10)
            served = gateway.stream("front")["state"]
    for codec, packets in read:
        units = read_access_units(codec, packets)
        steps = [(b.timestamp - a.timestamp) % 2**32 for a, b in pairwise(units)]
        assert (min(steps) > 0, max(steps) < 2**31) == (True, True)
        assert not any(unit.lost_before for unit in units)
        assert len({packet.ssrc for packet in packets}) == 1
    assert (served["output"]["codec"], served["output"]["width"], served["output"]["height"]) == ("H264", *SIZE)
    counts = playback.counts
    assert (counts.connects, counts.errors, counts.steps_back, counts.width, counts.height) == (1, 0, 0, *SIZE)
    assert errors == b""
    lines = (tmp_path / "front.framecrc").read_text().splitlines()
    times = [int(line.split(",")[2]) for line in lines if not line.startswith("#")]
    assert len(times) > 3 * AFTER_S
    assert times[1:] == sorted(set(times[1:]))  # ffmpeg dates the first two pictures before it knows the rate
