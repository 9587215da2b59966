"""What the tests in a browser share: one browser and a page a test, which must do nothing wrong."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support import chromium

NOWHERE = "http://127.0.0.1:9"
"""The address of no gateway, for tests that need none."""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium; it ends with these tests, since playwright's loop is in the way of tests with one of their own."""
    with chromium.running() as started:
        yield started


@pytest.fixture
def base() -> str:
    """The URL of the gateway whose page a test opens."""
    return NOWHERE


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
