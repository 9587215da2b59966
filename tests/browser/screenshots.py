"""`python -m tests.browser.screenshots` takes the pictures of the page in docs/images, of simulated cameras alone."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page

from tests.support import chromium
from tests.support.control_world import KILL, Cameras, running
from tests.support.gateway_process import wait_for
from tests.support.page_parts import part, tile_state, wait_for_frames
from tests.support.page_world import PageWorld

FOLDER: Final = Path(__file__).parent.parent.parent / "docs" / "images"
MAX_BYTES: Final = 150_000
"""Bytes of the largest picture: who clones the project fetches all of them."""
LOOKS: Final[dict[str, dict[str, Any]]] = {
    "light": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "is_mobile": True, "has_touch": True},
}
WALL_HEIGHT: Final = 700
"""Pixels of the wall on a desk: below them there are no tiles."""
SETTLED_S: Final = 60.0
"""Seconds after which the charts have a line to show: six steps of the history."""
PLAYS_S: Final = 90.0
"""Seconds that the scene has to come to rest before each picture, on a busy machine too."""
_MASK: Final = {"polygon": [[0.62, 0.1], [0.92, 0.1], [0.95, 0.45], [0.6, 0.4]], "style": "pixelate"}
STREAMS: Final[tuple[dict[str, Any], ...]] = (
    {"id": "quay-north", "title": "Quay north", "site": "Harbour", "masks": [_MASK]},
    {"id": "quay-south", "title": "Quay south", "site": "Harbour"},
    {"id": "gate-2", "title": "Gate 2", "site": "Depot"},
    {"id": "car-park", "title": "Car park", "site": "Depot"},
    {"id": "town-hall", "title": "Town hall", "site": "Centre"},
    {"id": "old-pier", "title": "Old pier", "site": "Harbour"},
)
GONE: Final = STREAMS[-1]["id"]
"""The stream whose camera is away in the pictures."""
_CAMERA: Final = ("--codec", "h264", "--width", "640", "--height", "360", "--fps", "5", "--seconds", "12")
"""What each camera sends: so much that two cores have time for all of them, and for the browser."""


class Camera(Cameras):
    """Runs one camera, whose scene is like no other's."""

    def __init__(self, folder: Path, seed: int) -> None:
        folder.mkdir()
        super().__init__(folder, 1, "--scene-seed", str(seed), *_CAMERA)
        self.command.remove("--counter")  # its strip is for tests alone


@contextmanager
def scene(folder: Path) -> Iterator[PageWorld]:
    """Run the cameras, of which one is gone, and a gateway with readers."""
    with ExitStack() as stack:
        cameras = [Camera(folder / one["id"], seed) for seed, one in enumerate(STREAMS, 1)]
        stack.enter_context(running(*cameras))
        streams = {
            one["id"]: {"source": camera.urls[0], **{key: value for key, value in one.items() if key != "id"}}
            for one, camera in zip(STREAMS, cameras, strict=True)
        }
        numba = Path(os.environ.get("NUMBA_CACHE_DIR") or folder / "numba")
        world = PageWorld(folder / "page", numba, streams, node="harbour-gateway")
        world.gateway.document["defaults"]["video"]["bitrate_kbps"] = 1000
        world.gateway.write()
        stack.enter_context(world.running())
        world.wait_until_playing(*streams)
        for stream in ("quay-north", "quay-north", "gate-2"):
            stack.enter_context(reader(world.gateway.url(stream)))
        cameras[-1].end(KILL)
        yield world


@contextmanager
def reader(url: str) -> Iterator[None]:
    """Read a stream as a VMS does."""
    command = ["ffmpeg", "-nostdin", "-loglevel", "quiet", "-rtsp_transport", "tcp", "-i", url, "-c", "copy"]
    with subprocess.Popen([*command, "-f", "null", "-"], stderr=subprocess.DEVNULL) as process:
        yield
        process.kill()


def is_at_rest(world: PageWorld) -> bool:
    """Return whether each camera plays, but for the one that is gone, and every picture is served."""
    tiles = world.api("GET", "/api/v1/wall")["tiles"]
    return all((tile["status"] == "online") == (tile["id"] != GONE) for tile in tiles)


def show_wall(world: PageWorld, page: Page) -> None:
    """Open the wall, with a picture in each tile."""
    world.enter(page, "control")
    tile_state(page, GONE).wait_for()
    page.wait_for_timeout(4000)


def show_stream(world: PageWorld, page: Page) -> None:
    """Open the page of a stream that plays."""
    world.enter(page, "control", "/stream/quay-north")
    wait_for_frames(page, part(page, "live-video").first, 20)
    page.wait_for_timeout(1500)


def show_masks(world: PageWorld, page: Page) -> None:
    """Open the mask editor, with one mask that is kept and one that is being drawn."""
    world.enter(page, "control", "/stream/quay-north/masks")
    canvas = part(page, "mask-canvas")
    canvas.wait_for()
    page.wait_for_timeout(1500)
    box = canvas.bounding_box()
    assert box is not None
    for x, y in ((0.08, 0.5), (0.3, 0.46), (0.34, 0.78)):
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


SHOWN: Final = {"wall": show_wall, "stream": show_stream, "masks": show_masks}


def take(world: PageWorld, browser: Browser, name: str, look: str) -> list[str]:
    """Take one picture, and return what is wrong with it."""
    wait_for(lambda: is_at_rest(world), PLAYS_S, "the scene is at rest")
    page, faults = chromium.open_page(browser, world.base, **LOOKS[look])
    if name == "wall" and look != "phone":
        page.set_viewport_size({"width": 1280, "height": WALL_HEIGHT})
    SHOWN[name](world, page)
    path = FOLDER / f"{name}-{look}.jpg"
    page.screenshot(path=path, type="jpeg", quality=80)
    page.context.close()
    problems = [f"{path.name}: {line}" for line in faults.found()]
    if path.stat().st_size > MAX_BYTES:
        problems.append(f"{path.name}: {path.stat().st_size} bytes, at most {MAX_BYTES} are allowed")
    return problems


def main() -> int:
    """Take all pictures.

    Returns:
        0: done; 1: a picture is too large, or a page had faults.
    """
    FOLDER.mkdir(exist_ok=True)
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as folder, scene(Path(folder)) as world, chromium.running() as browser:
        time.sleep(SETTLED_S)
        for name in SHOWN:
            for look in LOOKS:
                problems += take(world, browser, name, look)
    sys.stdout.writelines(f"{line}\n" for line in problems or [f"written: {FOLDER}"])
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
