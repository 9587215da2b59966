"""This module obeys commands to a running simulator: JSON lines in on standard input, and out on standard output.

Commands: `{"command": "stop" | "start" | "restart", "camera": 0, "down_s": 2.0}`, `{"command": "status"}`,
`{"command": "quit"}`; `camera` is a number or a name, `down_s` goes with restart. One event answers each command.
End of input means quit, so that a simulator never outlives the process that started it.
"""

import asyncio
import json
import os
import stat
import sys
from collections.abc import Mapping
from typing import Any

from transcoder import clock
from transcoder.lab.cameras.server import SimulatedCamera
from transcoder.lab.json_lines import emit

MAX_LINE = 64 << 10
"""Bytes of the longest command."""


def can_be_commanded() -> bool:
    """Return whether standard input is a pipe or socket: libuv aborts the process on input that it can't poll."""
    mode = os.fstat(sys.stdin.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def description(camera: SimulatedCamera) -> dict[str, object]:
    """Describe a camera for a client, a test or a verdict."""
    content = camera.camera.content
    credentials = camera.credentials
    return {
        "name": camera.name,
        "url": camera.url,
        "redirect_port": camera.moved_port,
        "username": credentials.username if credentials else None,
        "password": credentials.password if credentials else None,
        "family": camera.camera.behaviour.family,
        "codec": content.codec.value,
        "width": content.width,
        "height": content.height,
        "fps": round(content.fps, 3),
        "bitrate_kbps": round(content.bitrate_kbps),
        "access_units": len(content.access_units),
        "canaries": [
            {"name": canary.name, "where": canary.where, "hex": canary.value.hex()} for canary in camera.canaries()
        ],
    }


def status(camera: SimulatedCamera) -> dict[str, object]:
    """Return the state of a camera.

    `anchor` says when which access unit of the loop was due (`monotonic_s`, the machine's monotonic clock); later ones
    follow by their durations, so a picture's counter tells when it was sent.
    """
    anchor = camera.camera.anchor
    return {
        "name": camera.name,
        "listening": camera.listening,
        "readers": camera.readers,
        "anchor": {"index": anchor[0], "monotonic_s": anchor[1]} if anchor else None,
        "left_out": camera.left_out,
    }


class CommandReader:
    """Carries out commands.

    Args:
        cameras: the fleet.
    """

    def __init__(self, cameras: list[SimulatedCamera]) -> None:
        self._cameras = cameras

    async def run(self) -> None:
        """Read commands from standard input until quit or the end of input."""
        reader = asyncio.StreamReader(limit=MAX_LINE)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            try:
                command = json.loads(line)
                if command["command"] == "quit":
                    return
                emit(command["command"], **await self.carry_out(command))
            except (ValueError, KeyError, TypeError, IndexError, AttributeError, OSError) as error:
                emit("error", message=f"{type(error).__name__}: {error}")

    async def carry_out(self, command: Mapping[str, Any]) -> dict[str, object]:
        """Carry out one command and return the event that answers it.

        Raises:
            KeyError: no such command or camera.
        """
        verb = command["command"]
        if verb == "status":
            return {"monotonic_s": clock.monotonic(), "cameras": [status(camera) for camera in self._cameras]}
        camera = self._find(command["camera"])
        if verb == "stop":
            await camera.stop()
        elif verb == "start":
            await camera.start()
        elif verb == "restart":
            await camera.restart(float(command.get("down_s", 0.0)))
        else:
            raise KeyError(f"no command {verb}")
        return status(camera)

    def _find(self, which: int | str) -> SimulatedCamera:
        if isinstance(which, int):
            return self._cameras[which]
        for camera in self._cameras:
            if camera.name == which:
                return camera
        raise KeyError(f"no camera {which}")
