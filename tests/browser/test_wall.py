"""The wall: every stream's picture and state, at once where a camera goes, and as calm with four hundred of them."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.support.control_world import KILL, Cameras, running
from tests.support.gateway_process import SLACK_S
from tests.support.page_parts import heap_bytes, is_slate, part, tile_state
from tests.support.page_world import PageWorld

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]

TOLD_S = 3.0
"""Seconds within which the wall says that a camera is gone."""
MANY = 400
MAX_HEAP = 12 << 20
"""Bytes that scripts may hold for four hundred tiles: thirty kilobytes a tile are ten documents of the wall."""
MAX_ELEMENTS_A_TILE = 40
MAX_ASKED = 64
"""Streams that the gateway sends pictures of to one wall at most."""
STEPS = 6


def test_tiles_show_what_the_cameras_show(world: PageWorld, page: Page) -> None:
    world.enter(page, "read")
    for stream, title in (("front", "Front door"), ("yard", "Yard")):
        tile = part(page, f"tile-{stream}")
        expect(tile).to_contain_text(title)
        picture = tile.locator("img, canvas, video").first
        picture.wait_for()
        page.wait_for_function(
            "one => (one.naturalWidth ?? one.videoWidth ?? one.width) > 16", arg=picture.element_handle()
        )
        assert not is_slate(picture)
    expect(part(page, "tile-front")).to_contain_text("Harbour")


def test_a_killed_camera_is_told_within_three_seconds_and_its_return_too(
    world: PageWorld, page: Page, tmp_path: Path
) -> None:
    folder = tmp_path / "camera"
    folder.mkdir()
    camera = Cameras(folder, 1, "--codec", "h264")
    with running(camera), world.serving("mortal", camera.urls[0]):
        world.enter(page, "read")
        tile = part(page, "tile-mortal")
        expect(tile).to_have_attribute("data-kind", "playing")
        killed = time.monotonic()
        camera.end(KILL)
        expect(tile_state(page, "mortal")).to_contain_text("Away since", timeout=(TOLD_S + SLACK_S) * 1000)
        assert time.monotonic() - killed < TOLD_S + SLACK_S


def test_a_gateway_that_is_gone_is_told_and_its_return_heals_the_page(
    world: PageWorld, open_page: Callable[..., Page]
) -> None:
    page = open_page(tolerated=("ERR_", "WebSocket connection"))
    world.enter(page, "read")
    tile_state(page, "front").wait_for()
    page.context.set_offline(True)
    expect(part(page, "connection")).to_have_attribute("data-state", "reconnecting")
    expect(page.locator(".stale").first).to_be_visible()
    page.context.set_offline(False)
    expect(part(page, "connection")).to_have_attribute("data-state", "up")
    expect(page.locator(".stale")).to_have_count(0)


def test_a_wall_that_is_one_too_many_has_pictures_all_the_same(world: PageWorld, page: Page) -> None:
    sockets: list[WebSocketRoute] = []

    def refuse(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        # it is open by then, as it is where the gateway refuses
        socket.on_message(lambda _: socket.close(code=4429, reason="64 walls are looked at already"))

    page.route_web_socket("**/api/v1/wall/pictures", refuse)
    world.enter(page, "read")
    for _ in range(2):  # a picture after the other
        picture = part(page, "tile-front").locator("img").first
        picture.wait_for()
        page.wait_for_function("one => one.naturalWidth > 16", arg=picture.element_handle())
        shown = picture.get_attribute("src")
        page.wait_for_function("([one, src]) => one.src !== src", arg=[picture.element_handle(), shown])
    assert len(sockets) >= 2


def test_filters_leave_what_is_asked_for(world: PageWorld, page: Page) -> None:
    world.enter(page, "read")
    tile_state(page, "front").wait_for()
    page.get_by_role("searchbox").fill("harb")
    expect(part(page, "tile-yard")).to_be_hidden()
    expect(part(page, "tile-front")).to_be_visible()


_COUNT_URLS = """
const { createObjectURL, revokeObjectURL } = URL;
window.heldUrls = new Set();
URL.createObjectURL = blob => { const url = createObjectURL.call(URL, blob); window.heldUrls.add(url); return url; };
URL.revokeObjectURL = url => { window.heldUrls.delete(url); revokeObjectURL.call(URL, url); };
"""
_SHOWS_PICTURES = """() => [...document.querySelectorAll(".tile")].some(tile => {
  const { top, bottom } = tile.getBoundingClientRect();
  return bottom > 0 && top < innerHeight && tile.querySelector("img").naturalWidth > 0;
})"""


def many_tiles(world: PageWorld) -> dict[str, Any]:
    """Return the wall's document with four hundred streams that play, all like the first one."""
    document = world.api("GET", "/api/v1/wall")
    tile = document["tiles"][0]
    tiles = [{**tile, "id": f"cam{number:03}", "title": f"Camera {number}"} for number in range(MANY)]
    return {**document, "tiles": tiles}


def test_four_hundred_tiles_fit_into_bounded_memory(world: PageWorld, page: Page) -> None:
    document = many_tiles(world)
    picture = world.api("GET", "/api/v1/streams/front/snapshot.jpg?width=320")
    polls = 0
    asked: list[list[str]] = []
    sockets: list[WebSocketRoute] = []

    def answer(route: Route) -> None:
        nonlocal polls
        polls += 1
        for tile in document["tiles"]:  # every number changes, as on a busy wall
            tile.update(fps=polls % 30, kbps=polls, readers=polls % 9)
        route.fulfill(json=document)

    def pictures(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.on_message(lambda message: asked.append(json.loads(message)["ids"]))

    page.add_init_script(_COUNT_URLS)
    page.route("**/api/v1/wall", answer)
    page.route_web_socket("**/api/v1/wall/pictures", pictures)
    world.enter(page, "read")
    expect(page.locator(".tile")).to_have_count(MANY)
    seen = 0
    for step in range(STEPS):
        page.evaluate("part => scrollTo(0, part * document.documentElement.scrollHeight)", step / STEPS)
        while len(asked) == seen or not asked[-1]:
            page.wait_for_timeout(20)  # in which playwright takes messages; the test's own limit ends it
        seen = len(asked)
        for stream in asked[-1]:
            sockets[-1].send(bytes([len(stream)]) + stream.encode() + picture)
        page.wait_for_function(_SHOWS_PICTURES)
    expect(page.get_by_test_id("tile-cam000")).to_contain_text(re.compile(r"readers\s*[2-9]"))  # of a later poll
    assert len(set().union(*asked)) < MANY / 2  # what was passed over was not loaded
    assert max(map(len, asked)) <= MAX_ASKED
    elements = "document.querySelectorAll('.tile *').length / document.querySelectorAll('.tile').length"
    assert page.evaluate(elements) <= MAX_ELEMENTS_A_TILE
    assert heap_bytes(page) < MAX_HEAP
    assert page.evaluate("heldUrls.size") <= MAX_ASKED  # a picture of a tile that is out of view is let go
