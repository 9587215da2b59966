"""A stream's page: the live picture, what is known of the stream, and who reads it."""

import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.page_parts import part
from tests.support.page_world import PageWorld

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]


@pytest.fixture
def reader(world: PageWorld) -> Iterator[subprocess.Popen[bytes]]:
    """A reader that is not ours."""
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", world.gateway.url("front")]
    with subprocess.Popen([*command, "-f", "null", "-"], stderr=subprocess.DEVNULL) as started:
        yield started
        started.kill()


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
