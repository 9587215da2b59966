"""Chromium can what the other tests need of it, and a fault of a page is found."""

from collections.abc import Callable

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from tests.support import chromium

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]

BASE = "http://127.0.0.1:9"


def test_it_plays_what_the_gateway_serves(page: Page) -> None:
    page.goto("about:blank")
    kinds = ["avc1.640028", "avc1.42E01E"]
    asked = 'kinds => kinds.map(kind => MediaSource.isTypeSupported(`video/mp4; codecs="${kind}"`))'
    assert page.evaluate(asked, kinds) == [True, True]


def test_axe_finds_what_keeps_people_out(page: Page) -> None:
    page.set_content('<html lang="en"><title>t</title><main><h1>h</h1><img src="data:,"></main></html>')
    page.evaluate(AXE_SCRIPT)
    violations = page.evaluate("axe.run().then(result => result.violations.map(each => each.id))")
    assert "image-alt" in violations


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("<script>throw new Error('thrown')</script>", "thrown"),
        ("<script>Promise.reject(new Error('forgotten'))</script>", "forgotten"),
        ("<script>console.error('told')</script>", "told"),
        ("<img src='http://example.org/x.png' alt=''>", "asked another host: http://example.org/x.png"),
        (
            "<meta http-equiv='Content-Security-Policy' content=\"style-src 'self'\"><p style='color: red'>x</p>",
            "violates the following Content Security Policy",
        ),
    ],
)
def test_a_fault_is_found(browser: Browser, content: str, says: str) -> None:
    page, faults = chromium.open_page(browser, BASE)
    page.set_content(f"<html><head>{content}</head></html>")
    page.wait_for_timeout(100)  # a promise is missed, and a request made, after the page is loaded
    page.context.close()
    assert any(says in line for line in faults.found()), faults.lines
    faults.tolerated += ["thrown", "forgotten", "told", "example.org", "ERR_NAME_NOT_RESOLVED", "Policy"]
    assert faults.found() == []


def test_a_good_page_has_no_fault(open_page: Callable[..., Page]) -> None:
    open_page(color_scheme="dark").set_content("<p>x</p>")
