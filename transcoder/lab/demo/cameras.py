"""This module starts the simulated cameras of a demo."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transcoder.lab.child import Child
from transcoder.lab.demo.options import DemoOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCamera:
    """Describes a simulated camera.

    Attributes:
        stream: name of the gateway's stream.
        url: URL of the camera, with its login.
        family: the family whose dialect the camera speaks.
        canaries: marks in the private fields of the camera: name, where, hex.
    """

    stream: str
    url: str
    family: str
    canaries: tuple[dict[str, str], ...]


def arguments(options: DemoOptions) -> list[str]:
    """Make the simulator's command line. The cameras ask for a login, with a password of this run."""
    given = ["--cameras", str(options.cameras), "--family", options.vendor, "--list", "--commands"]
    given += ["--password", secrets.token_hex(8)]
    for setting in options.settings:
        given += ["--set", setting]
    if options.source_file is not None:
        given += ["--source", str(options.source_file)]
    return given


async def start(simulator: Child, progress: Callable[[int, int], None]) -> list[DemoCamera]:
    """Start the simulator and wait until every camera listens.

    Args:
        simulator: the child, not started.
        progress: called with pictures prepared and pictures in all (0: not known).

    Raises:
        TransportError: the simulator ended; the message says why.
    """
    await simulator.start()
    found: list[DemoCamera] = []
    async for event in simulator.events():
        if event["event"] == "preparing":
            progress(event["done"], event["total"])
        elif event["event"] == "camera":
            found.append(_camera(event, len(found) + 1))
        elif event["event"] == "ready":
            return found
    raise await simulator.failure()


def _camera(event: dict[str, Any], number: int) -> DemoCamera:
    url = event["url"]
    if event["password"] and "@" not in url.partition("://")[2].partition("/")[0]:
        scheme, _, rest = url.partition("://")
        url = f"{scheme}://{event['username']}:{event['password']}@{rest}"
    return DemoCamera(stream=f"cam{number}", url=url, family=event["family"], canaries=tuple(event["canaries"]))
