"""A stream's page: the live picture, what is known of the stream, and who reads it."""

import signal
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.control_world import Cameras
from tests.support.page_parts import grey, is_slate, part, wait_for_frames
from tests.support.page_world import PageWorld

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]

FPS = 5
"""Pictures a second of the simulated cameras (`tests/support/control_world.py`)."""
MAX_BEHIND_S = 1.0
"""Seconds that the live picture may be behind what has come."""


@pytest.fixture
def reader(world: PageWorld) -> Iterator[subprocess.Popen[bytes]]:
    """A reader that is not ours."""
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", world.gateway.url("front")]
    with subprocess.Popen([*command, "-f", "null", "-"], stderr=subprocess.DEVNULL) as started:
        yield started
        started.kill()


def test_the_live_picture_moves_and_stays_at_the_edge(world: PageWorld, page: Page) -> None:
    world.enter(page, "read", "/stream/front")
    video = part(page, "live-video").first
    wait_for_frames(page, video, 1)
    before = grey(video)
    assert not is_slate(video)
    wait_for_frames(page, video, 2 * FPS)
    assert sum(one != other for one, other in zip(before, grey(video), strict=True)) > 50
    behind = video.evaluate("video => video.buffered.end(video.buffered.length - 1) - video.currentTime")
    assert behind < MAX_BEHIND_S
    viewers = [one for one in world.api("GET", "/api/v1/sessions")["sessions"] if one["transport"] == "web"]
    assert [one["stream"] for one in viewers] == ["front"]
    page.goto("/#/add")  # who leaves the page is no reader any more
    page.wait_for_function(
        "() => fetch('/api/v1/sessions').then(answer => answer.json())"
        ".then(all => !all.sessions.some(one => one.transport === 'web'))"
    )


def test_a_frozen_picture_is_not_called_live(world: PageWorld, page: Page) -> None:
    world.enter(page, "read", "/stream/front")
    state = part(page, "live-state")
    expect(state).to_have_text("Live")
    world.gateway.started.send_signal(signal.SIGSTOP)
    try:
        expect(state).to_have_text("Live picture is being fetched")
    finally:
        world.gateway.started.send_signal(signal.SIGCONT)
    expect(state).to_have_text("Live")
    wait_for_frames(page, part(page, "live-video").first, FPS)


def test_a_slate_is_told_from_a_picture(world: PageWorld, page: Page) -> None:
    source = {"id": "never", "source": "rtsp://127.0.0.1:9/", "video": {"size": "320x180", "fps": FPS}}
    world.api("POST", "/api/v1/streams", source)
    try:
        world.enter(page, "read", "/stream/never")
        video = part(page, "live-video").first
        wait_for_frames(page, video, 2)
        assert is_slate(video)
    finally:
        world.remove("never")


def test_a_relay_says_that_it_is_one_and_has_no_still_picture(world: PageWorld, fleet: Cameras, page: Page) -> None:
    video = {"mode": "relay", "relay_reason": "its maker is trusted"}
    with world.serving("passed", fleet.urls[0], video=video):
        world.enter(page, "read")
        expect(part(page, "tile-passed")).to_contain_text("relayed")
        expect(part(page, "tile-passed")).to_contain_text("Live picture only")
        page.goto("/#/stream/passed")
        wait_for_frames(page, part(page, "live-video").first, 1)
        for row in ("cap", "gop"):
            expect(part(page, f"fact-{row}-main")).to_be_empty()
        part(page, "live-toggle").click()
        expect(page.get_by_text("A relayed stream has no still picture")).to_be_visible()


def test_a_reader_is_listed_and_ended(world: PageWorld, page: Page, reader: subprocess.Popen[bytes]) -> None:
    world.enter(page, "control", "/stream/front")
    rows = part(page, "reader-row")
    row = rows.filter(has_text="127.0.0.1").filter(has_text="tcp").first
    row.wait_for()
    row.get_by_test_id("end-reader").click()
    confirm = page.get_by_role("dialog").get_by_role("button").first
    if confirm.is_visible():
        confirm.click()
    assert reader.wait(15) is not None
    expect(row).to_have_count(0)


def test_what_is_known_of_a_stream_is_shown(world: PageWorld, page: Page) -> None:
    world.enter(page, "control", "/stream/front")
    expect(part(page, "history-chart").first).to_be_visible()
    expect(part(page, "ledger-row").first).to_be_visible()
    expect(part(page, "event-row").first).to_be_visible()
    expect(page.get_by_text("320").first).to_be_visible()  # the size of the simulated cameras
    world.api("PATCH", "/api/v1/streams/front", {"video": {"gop_s": 3}})
    page.reload()
    expect(part(page, "audit-row").first).to_contain_text("gop_s")
