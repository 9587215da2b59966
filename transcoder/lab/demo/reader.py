"""This module is the demo's end of the connection to the independent reader."""

import asyncio
from typing import Any

from transcoder.lab.child import Child
from transcoder.lab.demo.cameras import DemoCamera

MODULE = "transcoder.lab.reader"
RESULT_S = 10.0


class ReaderLink:
    """Starts the reader, hears the reader's progress, and gets the result.

    Attributes:
        frames: frames decoded so far, by stream.
        errors: decode errors so far, by stream.
        cameras_read: cameras whose own stream has been searched.
        ended: whether the reader is gone.
    """

    def __init__(self) -> None:
        self._child = Child(MODULE, is_quiet=True)
        self.frames: dict[str, int] = {}
        self.errors: dict[str, int] = {}
        self.cameras_read = 0
        self.ended = asyncio.Event()
        self._result: dict[str, Any] | None = None
        self._following: asyncio.Task[None] | None = None

    async def start(self, streams: dict[str, str], cameras: list[DemoCamera]) -> None:
        """Begin to read.

        Args:
            streams: served URLs by name.
            cameras: the cameras to read directly.
        """
        await self._child.start()
        self._child.send(
            {
                "streams": [{"name": name, "url": url} for name, url in streams.items()],
                "cameras": [{"name": camera.stream, "url": camera.url} for camera in cameras],
                "canaries": [{"camera": camera.stream, **canary} for camera in cameras for canary in camera.canaries],
            }
        )
        self._following = asyncio.get_running_loop().create_task(self._follow())

    async def _follow(self) -> None:
        try:
            async for event in self._child.events():
                if event["event"] == "progress":
                    self.frames, self.errors = event["frames"], event["errors"]
                    self.cameras_read = event["cameras"]
                elif event["event"] == "result":
                    self._result = event
        finally:
            self.ended.set()

    async def finish(self) -> dict[str, Any]:
        """End the reader and get the result.

        Raises:
            TransportError: the reader ended without a result; the message says why.
        """
        self._child.send({"command": "finish"})
        try:
            async with asyncio.timeout(RESULT_S):
                await self.ended.wait()
        except TimeoutError:
            await self.stop()
        if self._result is None:
            raise await self._child.failure()
        return self._result

    async def stop(self) -> None:
        """End the reader."""
        await self._child.stop()
        if self._following is not None:
            self._following.cancel()
