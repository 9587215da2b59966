"""What the tests in a browser share: one browser, one gateway with cameras, and pages that must do nothing wrong."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support import chromium
from tests.support.control_world import Cameras, running
from tests.support.page_world import PageWorld

NOWHERE = "http://127.0.0.1:9"
"""The address of no gateway, for tests that need none."""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium; it ends with these tests, since playwright's loop is in the way of tests with one of their own."""
    with chromium.running() as started:
        yield started


@pytest.fixture(scope="package")
def fleet(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cameras]:  # none without a browser
    """Two cameras of H.264, which ask for a login as cameras do."""
    with running(made := Cameras(tmp_path_factory.mktemp("fleet"), 2, "--codec", "h264", "--password", "s3cr3t")):
        yield made


@pytest.fixture(scope="package")
def world(fleet: Cameras, tmp_path_factory: pytest.TempPathFactory, state_dir: Path) -> Iterator[PageWorld]:
    """A gateway that serves both cameras, with a token of each role."""
    streams = {
        "front": {"source": fleet.urls[0], "title": "Front door", "site": "Harbour"},
        "yard": {"source": fleet.urls[1], "title": "Yard", "site": "Depot"},
    }
    with PageWorld(tmp_path_factory.mktemp("page"), state_dir / "numba", streams).running() as started:
        started.wait_until_playing("front", "yard")
        yield started


@pytest.fixture
def base(request: pytest.FixtureRequest) -> str:
    """The URL of the gateway whose page a test opens, if the test has one."""
    started: PageWorld | None = request.getfixturevalue("world") if "world" in request.fixturenames else None
    return started.base if started else NOWHERE


@pytest.fixture
def open_page(browser: Browser, base: str) -> Iterator[Callable[..., Page]]:
    """Open a page in a context of its own; any fault of any of them fails the test."""
    opened: list[tuple[Page, chromium.Faults]] = []

    def open_one(*, tolerated: tuple[str, ...] = (), **options: Any) -> Page:
        page, faults = chromium.open_page(browser, base, **options)
        faults.tolerated += tolerated
        opened.append((page, faults))
        return page

    yield open_one
    for page, _ in opened:
        page.context.close()
    assert [line for _, faults in opened for line in faults.found()] == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A page of a size of a desk's."""
    return open_page()
