"""Cameras whose description, numbers or clock tell less than their packets: each plays at its true rate."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.e2e.test_defects import FPS, DefectiveCamera, simulator
from tests.support.control_world import Gateway, running
from tests.support.gateway_process import wait_for
from tests.support.rtsp_reader import RtspReader

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("defects")]

WATCHED_S = 8.0
GROWN_S = 40.0
"""Those without IDR begin after 5 s; the last one grows after 4 s, and its output, which nobody reads, a few seconds
later. The rest is slack of a busy machine."""
CAMERAS = {
    "second-pps": DefectiveCamera("longse second_pps=sdp"),
    "turns": DefectiveCamera("longse ssrc_turns=true"),
    "numbers": DefectiveCamera("longse sequence_restart=true"),
    "counted": DefectiveCamera("longse packet_numbers=nothing"),
    "stale": DefectiveCamera("longse codec=H265 encoding=H264 parameter_sets=stream"),
    "clock": DefectiveCamera("longse clock_ratio=0.84"),
    "ticks": DefectiveCamera("mpeg4 video_clock_rate=30000"),
    "refresh": DefectiveCamera("longse intra_refresh=true"),
    "refresh-h265": DefectiveCamera("longse codec=H265 intra_refresh=true"),
    "grows": DefectiveCamera("longse grow_after_s=4"),
}


@pytest.mark.timeout(150)
async def test_cameras_that_are_told_by_what_they_send(tmp_path: Path, state_dir: Path) -> None:
    with simulator(CAMERAS, tmp_path / "content") as described:
        streams = {name: {"source": one["url"]} for name, one in zip(CAMERAS, described, strict=True)}
        gateway = Gateway(tmp_path, state_dir / "numba", None, streams)
        with running(gateway):

            def have_begun() -> bool:
                states = [gateway.stream(name)["state"] for name in CAMERAS]
                return states[-1]["output"]["width"] == 320 and all(each["state"] == "playing" for each in states)

            await asyncio.to_thread(wait_for, have_begun, GROWN_S, "all play, and the last one has grown")
            states = {name: gateway.stream(name)["state"] for name in CAMERAS}
            async with AsyncExitStack() as stack:
                readers = {}
                for name in CAMERAS:
                    readers[name] = await stack.enter_async_context(RtspReader(gateway.url(name)))
                    await readers[name].play()
                await asyncio.sleep(2.0)
                before = {name: reader.marked for name, reader in readers.items()}
                await asyncio.sleep(WATCHED_S)
                rates = {name: (reader.marked - before[name]) / WATCHED_S for name, reader in readers.items()}
            for name, state in states.items():
                assert (name, state["state"], state["problem"]) == (name, "playing", None)
                assert state["source"]["losses"] == 0, name
            assert all(0.7 * FPS < rate < 1.3 * FPS for rate in rates.values()), rates
            assert states["stale"]["source"]["codec"] == "H265"
            for name in ("clock", "ticks"):
                assert 0.9 * FPS <= states[name]["output"]["frame_rate"] <= 1.1 * FPS, name
            assert states["grows"]["output"]["width"] == 320
            for name in ("refresh", "refresh-h265"):
                assert readers[name].pictures()[-1].std() > 10
