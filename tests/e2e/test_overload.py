"""Three times the work that the machine has time for: every stream moves on, more slowly, and recovers."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway_process import GatewayProcess, wait_for
from transcoder.lab.cameras import content, families
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.lab.cameras.server import SimulatedCamera

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

CAMERAS = 6
MAX_DELAY_S = 2.0
ANSWER_S = 1.0
RECOVERY_S = 10.0
SLACK_S = 5.0
"""What other work on the machine may add to the recovery."""


def call(gateway: GatewayProcess, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    base = gateway.events("HTTP API")[0]["url"]
    request = urllib.request.Request(  # noqa: S310  # an address of our own
        base + path,
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.loads(answer.read() or b"null")


def state(gateway: GatewayProcess, name: str) -> dict[str, Any]:
    return dict(call(gateway, "GET", f"/api/v1/streams/{name}")["state"])


@pytest.mark.parametrize("seconds", [12, pytest.param(60, marks=[pytest.mark.long, pytest.mark.timeout(300)])])
async def test_overload_is_shed_fairly_and_undone(
    seconds: int, start_gateway: Callable[..., GatewayProcess], tmp_path: Path
) -> None:
    scene = SceneOptions(width=1280, height=720, fps=25, seconds=4)
    footage = content.from_scene(content.ContentOptions(scene=scene), tmp_path / "content")
    async with SimulatedCamera(families.FAMILIES["hikvision"].behaviour, footage, password="") as camera:
        # a slow preset makes one stream take more than a core, so that six are three times two cores
        heavy = {"source": camera.url, "video": {"preset": "slow"}}
        names = [f"s{index}" for index in range(CAMERAS)]
        gateway = await asyncio.to_thread(start_gateway, dict.fromkeys(names, heavy))

        def moving() -> bool:
            return all(state(gateway, name)["output"]["pictures"] > 0 for name in names)

        await asyncio.to_thread(wait_for, moving, 30.0, "every stream has a first picture")
        before = {name: state(gateway, name)["output"]["pictures"] for name in names}
        answers, delays = [], []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            started = time.monotonic()
            states = [await asyncio.to_thread(state, gateway, name) for name in names]
            answers.append((time.monotonic() - started) / len(names))
            delays += [item["output"]["delay_s"] or 0.0 for item in states]
            await asyncio.sleep(1.0)
        after = {name: state(gateway, name) for name in names}
        made = [after[name]["output"]["pictures"] - before[name] for name in names]
        assert min(made) >= seconds / 4, made  # every stream moves, however busy the machine is otherwise
        assert max(made) <= 6 * max(min(made), 1), made
        assert sum(made) < 25 * seconds * CAMERAS * 0.8, "this machine was not overloaded"
        assert max(delays) < MAX_DELAY_S
        assert max(answers) < ANSWER_S
        assert any(item["status"] == "degraded" for item in after.values())

        for name in names[1:]:
            await asyncio.to_thread(call, gateway, "PATCH", f"/api/v1/streams/{name}", {"enabled": False})
        await asyncio.to_thread(
            call, gateway, "PATCH", f"/api/v1/streams/{names[0]}", {"video": {"preset": "ultrafast"}}
        )

        def recovered() -> bool:
            return bool(state(gateway, names[0])["output"]["fps"] > 22)

        await asyncio.to_thread(wait_for, recovered, RECOVERY_S + SLACK_S, "the full rate is back")
