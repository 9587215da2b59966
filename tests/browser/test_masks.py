"""A mask is drawn with the mouse or with keys, and is solid in what readers get."""

import subprocess

import numpy as np
import pytest
from playwright.sync_api import Page

from tests.support.control_world import HEIGHT, WIDTH
from tests.support.gateway_process import wait_for
from tests.support.page_parts import part
from tests.support.page_world import PageWorld

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]


def served(world: PageWorld, stream: str) -> np.ndarray:
    """Return the grey values of a picture that an RTSP reader gets."""
    command = [
        "ffmpeg",
        "-nostdin",
        "-loglevel",
        "error",
        "-analyzeduration",
        "200000",
        "-rtsp_transport",
        "tcp",
        "-i",
        world.gateway.url(stream),
    ]
    command += ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    data = subprocess.run(command, check=True, capture_output=True, timeout=30).stdout
    return np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH)


def is_solid(picture: np.ndarray, left: float, top: float, right: float, bottom: float) -> bool:
    """Return whether a part of a picture, given in fractions, has one value, but for its edges."""
    rows = slice(int(top * HEIGHT) + 4, int(bottom * HEIGHT) - 4)
    columns = slice(int(left * WIDTH) + 4, int(right * WIDTH) - 4)
    return int(np.ptp(picture[rows, columns])) <= 4


def test_a_mask_that_is_drawn_with_the_mouse_is_solid_for_readers(world: PageWorld, page: Page) -> None:
    assert not is_solid(served(world, "yard"), 0.25, 0.25, 0.75, 0.75)
    world.enter(page, "control", "/stream/yard/masks")
    canvas = part(page, "mask-canvas")
    canvas.wait_for()
    box = canvas.bounding_box()
    assert box is not None
    for x, y in ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)):
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.keyboard.press("Enter")
    part(page, "mask-save").click()
    wait_for(lambda: world.stream("yard")["config"]["masks"], 5, "the mask is kept")
    assert is_solid(served(world, "yard"), 0.25, 0.25, 0.75, 0.75)
    world.api("PATCH", "/api/v1/streams/yard", {"masks": []})


def tab_to(page: Page, name: str) -> None:
    """Press Tab until a part of the page has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.testid") == name:
            return
    raise AssertionError(f"{name} is not reached by Tab")


def test_a_mask_is_drawn_with_keys_alone(world: PageWorld, page: Page) -> None:
    world.enter(page, "control", "/stream/yard/masks")
    part(page, "mask-canvas").wait_for()
    tab_to(page, "mask-canvas")
    page.keyboard.press("Enter")
    for keys in ("Left Up", "Right Right", "Down Down", "Left Left"):  # of the middle, and from corner to corner
        for key in keys.split():
            for _ in range(5):
                page.keyboard.press(f"Shift+Arrow{key}")
        page.keyboard.press("Space")
    page.keyboard.press("Enter")
    tab_to(page, "mask-save")
    page.keyboard.press("Enter")
    masks = wait_for(lambda: world.stream("yard")["config"]["masks"], 5, "the mask is kept")
    assert masks[0]["polygon"] == [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]
    assert is_solid(served(world, "yard"), 0.25, 0.25, 0.75, 0.75)
    world.api("PATCH", "/api/v1/streams/yard", {"masks": []})
