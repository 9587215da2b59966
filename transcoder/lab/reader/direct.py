"""This module sets up every media of a camera and looks for the camera's canaries in all bytes that come."""

import asyncio
import re
import time
from dataclasses import replace

from typing_extensions import override

from transcoder.errors import TransportError
from transcoder.lab.cameras.canary import Canary
from transcoder.lab.reader.scanner import Scanner
from transcoder.lab.reader.video import checked
from transcoder.verify.client import Listener, RtspClient
from transcoder.verify.messages import Message
from transcoder.verify.own_text import read_description
from transcoder.verify.target import Target, parse_target

LIMIT_S = 12.0
"""Seconds of recording: three GOPs and two rounds of sender reports of a simulated camera."""
LOOK_EVERY_S = 0.5


def missing_canaries(url: str, canaries: list[Canary], scanner: Scanner, limit_s: float = LIMIT_S) -> list[Canary]:
    """Record a camera until every canary has been seen, or for limit_s seconds; call this in a thread.

    Args:
        url: URL of the camera, with its login.
        canaries: the canaries to look for.
        scanner: the scanner that gets every byte that comes.
        limit_s: seconds of recording.

    Returns:
        The canaries that never came.

    Raises:
        TransportError: the camera can't be reached, does not let itself be played, or went away.
        ValueError: the text is no URL.
    """
    return asyncio.run(_missing_canaries(_without_login(parse_target(url)), canaries, scanner, limit_s))


async def _missing_canaries(target: Target, canaries: list[Canary], scanner: Scanner, limit_s: float) -> list[Canary]:
    left = list(canaries)
    client = RtspClient(target, _Recorder(scanner), agent="demo reader")
    await client.connect()
    try:
        await _play(client)
        end = time.monotonic() + limit_s
        while left and (now := time.monotonic()) < end:
            await client.stay(min(LOOK_EVERY_S, end - now))
            if client.closed.is_set():
                raise TransportError("the camera closed the connection")
            found = {canary.name for canary in scanner.found(left)}
            left = [canary for canary in left if canary.name not in found]
    finally:
        client.close()
    return left


class _Recorder(Listener):
    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner

    @override
    def received(self, data: bytes) -> None:
        self._scanner.feed(data)


def _without_login(target: Target) -> Target:
    """Remove a login from the path: the camera has to ask for one, because its challenge carries marks."""
    start = target.uri.removesuffix(target.path)
    path, mark, query = target.path.partition("?")
    path = re.sub(r"(?i)(password=)[^&]*", r"\1", path) + mark + query
    return replace(target, path=path, uri=start + path)


async def _play(client: RtspClient) -> None:
    """Send OPTIONS and DESCRIBE, set up every media, and play."""
    await _ask(client, "OPTIONS")
    answer = await _ask(client, "DESCRIBE", Accept="application/sdp")
    for number, media in enumerate(read_description(answer.body).media):
        if media.control:
            uri = client.dialog.control_uri(media.control)
            checked("SETUP", await client.set_up(uri, 2 * number))
    await _ask(client, "PLAY", Range="npt=0.000-")


async def _ask(client: RtspClient, method: str, **fields: str) -> Message:
    return checked(method, await client.request(method, **fields))
