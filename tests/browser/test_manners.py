"""Every page serves those who use keys alone, a screen reader, a phone, the dark or the other language."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.support.page_parts import overflow, part, texts, tile_state, unreached, violations
from tests.support.page_world import PageWorld

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]

PAGES: dict[str, str] = {
    "/": "tile-front",
    "/stream/front": "history-chart",
    "/stream/front/masks": "mask-canvas",
    "/add": "add-url",
    "/login": "login-token",
}
"""A part of each page that is there when it is drawn."""
_KEY = re.compile(r"[a-z]+(\.[a-z0-9_]+)+")
_PARAMETER = re.compile(r"\{\w+\}")


def opened(world: PageWorld, page: Page, route: str) -> Page:
    if route == "/login":
        page.goto(f"/#{route}")
    else:
        world.enter(page, "control", route)
    part(page, PAGES[route]).first.wait_for()
    if route == "/":
        tile_state(page, "front").wait_for()
    return page


def untranslated(page: Page) -> list[str]:
    """Return the texts that are keys, or have parameters in them that were not replaced."""
    shown = texts(page)
    assert shown
    return [text for text in shown if _PARAMETER.search(text) or _KEY.fullmatch(text)]


@pytest.mark.parametrize("route", PAGES)
def test_a_page_serves_keys_and_screen_readers_in_light_and_dark(world: PageWorld, page: Page, route: str) -> None:
    opened(world, page, route)
    assert page.evaluate("document.documentElement.lang") == "en"
    assert untranslated(page) == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert violations(page) == [], scheme
    assert unreached(page) == []


@pytest.mark.parametrize("route", PAGES)
def test_a_page_serves_a_dutch_phone(world: PageWorld, open_page: Callable[..., Page], route: str) -> None:
    phone = open_page(locale="nl-NL", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = opened(world, phone, route)
    assert page.evaluate("document.documentElement.lang") == "nl"
    assert untranslated(page) == []
    assert overflow(page) == 0
    assert violations(page) == []


def test_motion_is_left_out_for_who_asks_for_less(world: PageWorld, open_page: Callable[..., Page]) -> None:
    page = opened(world, open_page(reduced_motion="reduce"), "/")
    moving = "() => document.getAnimations().filter(one => one.playState === 'running').length"
    assert page.evaluate(moving) == 0
