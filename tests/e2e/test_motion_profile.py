"""The gateway with the profile whose P pictures are our own, from a camera to a reader."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.gateway_process import GatewayProcess
from tests.support.rtsp_reader import RtspReader
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.lab.cameras.server import SimulatedCamera

pytestmark = pytest.mark.e2e

OWN = bytes([0b10011001])
"""The second byte of a P slice of ours: first_mb_in_slice 0, slice_type 5, and the start of pic_parameter_set_id 1."""


async def test_readers_get_p_pictures_of_our_own(tmp_path: Path, start_gateway: Callable[..., GatewayProcess]) -> None:
    scene = SceneOptions(width=960, height=544, fps=10, seconds=4.0, noise=0.2)
    content = from_scene(ContentOptions(scene=scene, gop_s=2.0), tmp_path)
    async with SimulatedCamera(FAMILIES["hikvision"].behaviour, content, seed="motion") as camera:
        stream = {"source": camera.url, "encoder": {"profile": "motion"}}
        gateway = await asyncio.to_thread(start_gateway, {"front": stream})
        # a reader that comes before the kernels are loaded is shown a slate by x264
        await asyncio.to_thread(gateway.wait_for_worker, "front", 60.0)
        async with RtspReader(gateway.url("front")) as reader:
            await reader.play()
            await reader.until(lambda: reader.marked > 40, 40)
            units = reader.units()
            idrs = [unit for unit in units if 5 in unit.types(reader.codec)]
            slices = [nal for unit in units for nal in unit.nal_units if nal[0] & 0x1F == 1]
            assert {tuple(unit.types(reader.codec)) for unit in idrs} == {(7, 8, 8, 5)}
            assert sum(nal[1:2] == OWN for nal in slices) > 0.7 * len(slices)
            assert len(reader.pictures()) == len(units)
        assert "Traceback" not in gateway.log_path.read_text()
