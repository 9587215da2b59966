"""The pushes of all streams are kept here: each stream's follow its configuration."""

import asyncio
import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from transcoder.net.push_options import PushOptions
from transcoder.net.reader_connection import ServedStream
from transcoder.service.push import MakeWay, Push
from transcoder.service.push_ways import make_way as make_way_of_scheme
from transcoder.service.stream import Stream
from transcoder.source.camera_keys import CameraKeys
from transcoder.worker_options import MAIN

OnEvent = Callable[[str | None, str, dict[str, Any]], None]
"""A function that is called with a stream's name, and with the kind and the detail of an event."""


class Pushes:
    """Holds every push, by its stream and its target's name.

    Args:
        keys: the keys of peers over TLS.
        on_event: hears the events of pushes.
        make_way: makes the connections.
        requires_sandbox: whether no process may send where a measure of its sandbox is missing.
    """

    def __init__(
        self,
        keys: CameraKeys,
        on_event: OnEvent,
        make_way: MakeWay = make_way_of_scheme,
        *,
        requires_sandbox: bool = False,
    ) -> None:
        self._keys = keys
        self._on_event = on_event
        self._make_way = make_way
        self._requires_sandbox = requires_sandbox
        self._of_streams: dict[str, dict[str, Push]] = {}

    async def arrange(self, stream: Stream, wanted: Mapping[str, PushOptions]) -> None:
        """Have a stream sent to these targets from now on; a push whose options stay goes on."""
        held = self._of_streams.setdefault(stream.name, {})
        for name in [name for name, push in held.items() if wanted.get(name) != push.options]:
            await held.pop(name).stop()
        for name, options in wanted.items():
            if name not in held:
                held[name] = self._new(stream, name, options)
                held[name].start()
        stream.status.pushes = {name: held[name].status for name in wanted}

    def _new(self, stream: Stream, name: str, options: PushOptions) -> Push:
        def find() -> ServedStream | None:
            return stream.outputs.get(options.rendition)

        on_event = functools.partial(self._on_event, stream.name)
        shared = replace(options, keys=self._keys, requires_sandbox=self._requires_sandbox)
        return Push(stream.name, name, shared, find, on_event, self._make_way)

    async def remove(self, stream: str) -> None:
        """Leave every target of a stream."""
        await asyncio.gather(*(push.stop() for push in self._of_streams.pop(stream, {}).values()))

    async def restart(self, stream: str) -> None:
        """Connect to every target of a stream anew; one that is switched off stays so."""
        enabled = [push for push in self._of_streams.get(stream, {}).values() if push.options.enabled]
        await asyncio.gather(*(push.restart() for push in enabled))

    def end(self, path: str) -> None:
        """Announce an output anew, because its description is another one."""
        name, _, output = path.partition("/")
        for push in self._of_streams.get(name, {}).values():
            if push.options.rendition == (output or MAIN):
                push.end()

    def sample(self) -> None:
        """Bring every status up to date; to be called about once a second."""
        for held in self._of_streams.values():
            for push in held.values():
                push.sample()

    async def stop(self) -> None:
        """Leave all targets."""
        await asyncio.gather(*(self.remove(name) for name in list(self._of_streams)))
