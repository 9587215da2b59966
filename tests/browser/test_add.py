"""A camera is added: probed, saved and seen; what a camera says of itself is text, whatever it says."""

import urllib.parse
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.control_world import Cameras, running
from tests.support.page_parts import is_slate, part, wait_for_frames
from tests.support.page_world import IMAGE, SCRIPT, HostileCamera, PageWorld

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]


def probe(page: Page, url: str) -> None:
    """Type a camera's URL and login, and have it probed."""
    parts = urllib.parse.urlsplit(url)
    part(page, "add-url").fill(f"rtsp://{parts.hostname}:{parts.port}{parts.path}")
    if parts.username:
        part(page, "add-user").fill(parts.username)
        part(page, "add-password").fill(parts.password or "")
    part(page, "add-probe").click()


def assert_no_markup(page: Page) -> None:
    page.wait_for_timeout(300)  # an image would have failed, and a script run, by then
    assert "owned" not in page.title().replace(SCRIPT, "")
    assert page.locator("main script, img[onerror], img[src=x]").count() == 0


def test_a_camera_is_probed_added_and_seen_playing(world: PageWorld, page: Page, fleet: Cameras) -> None:
    before = {one["id"] for one in world.api("GET", "/api/v1/streams")["streams"]}
    world.enter(page, "control", "/add")
    probe(page, fleet.urls[0])
    expect(page.locator("main")).to_contain_text("H.264")
    part(page, "add-save").click()
    page.wait_for_url("**/#/stream/*")
    (added,) = {one["id"] for one in world.api("GET", "/api/v1/streams")["streams"]} - before
    try:
        assert page.url.endswith(f"#/stream/{added}")
        video = part(page, "live-video").first
        world.wait_until_playing(added)
        wait_for_frames(page, video, 10)
        assert not is_slate(video)
        assert "s3cr3t" not in page.content()
    finally:
        world.remove(added)


def test_a_wrong_login_is_told_from_a_camera_that_is_not_there(world: PageWorld, page: Page, fleet: Cameras) -> None:
    world.enter(page, "control", "/add")
    probe(page, fleet.urls[0].replace("s3cr3t", "wrong"))
    refused = part(page, "add-unreachable")
    expect(refused).to_contain_text("The camera refuses the login")
    expect(part(page, "add-password")).to_be_focused()
    probe(page, "rtsp://127.0.0.1:9/none")
    expect(refused).to_contain_text("The camera refuses the connection")
    expect(refused).to_contain_text("may be added all the same")


def test_markup_of_a_camera_and_of_a_title_is_text(world: PageWorld, page: Page, tmp_path: Path) -> None:
    with running(camera := HostileCamera(tmp_path)):
        world.enter(page, "control", "/add")
        probe(page, camera.urls[0])
        expect(page.locator("main")).to_contain_text("H.264")
        assert_no_markup(page)
        try:
            with world.serving("hostile", camera.urls[0], title=SCRIPT, site=IMAGE):
                for route in ("/", "/stream/hostile", "/stream/hostile/masks"):
                    page.goto(f"/#{route}")
                    expect(page.locator("main")).to_contain_text("hostile" if "masks" in route else SCRIPT)
                    assert_no_markup(page)
        finally:
            world.remove("hostile")
