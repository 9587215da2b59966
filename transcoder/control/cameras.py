"""Cameras are looked at here for writers, a few at a time: each look holds a connection to a camera."""

import asyncio
from dataclasses import replace
from typing import Final

from transcoder.config import StreamConfig
from transcoder.control.channel_look import probe_channels
from transcoder.control.probe_documents import ProbeDocument
from transcoder.control.source_probe import probe
from transcoder.net.source_options import SourceOptions
from transcoder.probe.visits import Visit, visit
from transcoder.probe.watching import LOGIN_BY_CHANGE
from transcoder.rejection import Code, Rejected
from transcoder.service.gateway import Gateway
from transcoder.service.settings import source_options

MAX_LOOKS: Final = 4
"""The largest number of cameras that are looked at at a time."""
LONGEST_VISIT_S: Final = 20.0
"""Seconds of a visit at most: a camera that plays is watched for four, and somebody waits for the answer."""


class CameraLooks:
    """Looks at cameras with the rules of one gateway about where cameras may be.

    Args:
        gateway: the gateway.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._looks = asyncio.Semaphore(MAX_LOOKS)

    async def probe(self, config: StreamConfig, *, channels: bool = False) -> ProbeDocument:
        """Ask a camera for its description.

        Args:
            config: the configuration of a stream with the camera.
            channels: whether to ask for its other streams, too.

        Raises:
            Rejected: MAX_LOOKS cameras are looked at already.
        """
        self._check_room()
        async with self._looks:
            options = self._options(config)
            return await probe_channels(options) if channels else (await probe(options)).document

    async def visit(self, stream: str, config: StreamConfig) -> Visit:
        """Watch a camera for some seconds: it sends pictures, or there is a reason for which it does not.

        Args:
            stream: the stream that is to pull the camera.
            config: the stream's configuration with the camera.

        Raises:
            Rejected: MAX_LOOKS cameras are looked at already.
        """
        self._check_room()
        async with self._looks:
            host = config.source.host
            options = self._options(config)
            return await visit(options, (stream,), host, longest_s=LONGEST_VISIT_S, login=LOGIN_BY_CHANGE)

    def _check_room(self) -> None:
        if self._looks.locked():
            raise Rejected(Code.BUSY, f"{MAX_LOOKS} cameras are being probed already")

    def _options(self, config: StreamConfig) -> SourceOptions:
        gateway = self._gateway
        options = source_options(config, gateway.networks.of_probe(config.source), gateway.is_own)
        return replace(options, logins=gateway.gate.memory.logins)
