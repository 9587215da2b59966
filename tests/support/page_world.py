"""The page's world: simulated cameras, a gateway whose API has two tokens, and who is logged in to its page."""

import contextlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from playwright.sync_api import Page
from typing_extensions import override

from tests.support.control_world import Cameras, Gateway, Process, running
from tests.support.gateway_process import wait_for

TOKENS: Final = {"control": "token-of-the-operator-5f1c", "read": "token-of-the-guard-90aa"}
"""The token of each role."""
_OPERATOR: Final = f"Bearer {TOKENS['control']}"
NAMES: Final = {"control": "operator", "read": "guard"}
PLAYS_S: Final = 20.0
"""Seconds within which a stream of a simulated camera plays, on a busy machine too."""
SCRIPT: Final = "<script>document.title='owned'</script>"
IMAGE: Final = "<img src=x onerror=\"document.title='owned'\">"
_HOSTILE: Final = f"""
import dataclasses, sys
from transcoder.lab.cameras import families
family = families.FAMILIES["hikvision"]
def describe(context):
    lines = family.describe(context)
    hostile = {{"s=": "s=" + {SCRIPT!r}, "i=": "i=" + {IMAGE!r}}}
    lines = [hostile.get(line[:2], line) for line in lines]
    return lines + ["m=" + {IMAGE!r}.replace(" ", "/") + " 0 RTP/AVP 111", "a=rtpmap:111 " + {SCRIPT!r} + "/90000"]
families.FAMILIES["hikvision"] = dataclasses.replace(family, describe=describe)
from transcoder.lab.cameras.__main__ import main
sys.exit(main())
"""
"""The simulator, whose camera has markup where cameras have their names."""


class HostileCamera(Cameras):
    """Runs a camera with markup in its session name, its server's name and the names of its media."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 1, "--set", f"server_header={IMAGE}")
        self.command = [sys.executable, "-c", _HOSTILE, *self.command]

    @override
    def run_into(self, log: IO[bytes]) -> Any:
        return Process.run_into(self, log)


class PageWorld:
    """Runs a gateway, and knows who uses its page.

    Attributes:
        gateway: the gateway.
    """

    def __init__(self, folder: Path, numba: Path, streams: dict[str, Any], **keys: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.gateway = Gateway(folder, numba, None, streams, **keys)
        tokens = {NAMES[role]: {"token": token, "role": role} for role, token in TOKENS.items()}
        self.gateway.document["http"]["tokens"] = tokens
        self.gateway.document["sources"] = {"allow": ["127.0.0.0/8"]}  # what the page may look at and add
        self.gateway.write()

    @property
    def base(self) -> str:
        """The URL of the page's host."""
        return f"http://127.0.0.1:{self.gateway.http_port}"

    @contextlib.contextmanager
    def running(self) -> Iterator["PageWorld"]:
        """Run the gateway."""
        with running(self.gateway):
            yield self

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask the API as the operator does, and return the document."""
        status, _, document = self.gateway.http(method, path, body, Authorization=_OPERATOR, **headers)
        assert status < 300, (method, path, status, document)
        return document

    def stream(self, stream: str) -> Any:
        """Return the document of a stream."""
        return self.api("GET", f"/api/v1/streams/{stream}")

    def is_playing(self, stream: str) -> bool:
        """Return whether readers of a stream get pictures of its camera."""
        return self.stream(stream)["state"]["status"] in {"online", "degraded"}

    def wait_until_playing(self, *streams: str) -> None:
        """Wait until pictures of the cameras of these streams are served."""
        for stream in streams:
            wait_for(partial(self.is_playing, stream), PLAYS_S, f"{stream} plays")

    @contextlib.contextmanager
    def serving(self, stream: str, source: str, **keys: Any) -> Iterator[None]:
        """Add a stream, wait until it plays, and remove it at the end."""
        self.api("POST", "/api/v1/streams", {"id": stream, "source": source, **keys})
        try:
            self.wait_until_playing(stream)
            yield
        finally:
            self.remove(stream)

    def remove(self, stream: str) -> None:
        """Remove a stream, if it is there."""
        status, _, _ = self.gateway.http("DELETE", f"/api/v1/streams/{stream}", Authorization=_OPERATOR)
        assert status in {200, 204, 404}

    def enter(self, page: Page, role: str, route: str = "/") -> Page:
        """Log a page's context in without the page, and open a route."""
        answer = page.context.request.post("/api/v1/login", data={"token": TOKENS[role]})
        assert answer.ok, answer.text()
        page.goto(f"/#{route}")
        return page
