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


@pytest.mark.parametrize("route", PAGES)
def test_axe_finds_no_violation_in_light_and_dark(world: PageWorld, page: Page, route: str) -> None:
    opened(world, page, route)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert violations(page) == [], scheme


@pytest.mark.parametrize("route", PAGES)
def test_a_phone_needs_no_scrolling_sideways(world: PageWorld, open_page: Callable[..., Page], route: str) -> None:
    page = opened(world, open_page(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True), route)
    assert overflow(page) == 0


@pytest.mark.parametrize("route", PAGES)
def test_tab_reaches_every_control(world: PageWorld, page: Page, route: str) -> None:
    opened(world, page, route)
    assert unreached(page) == []


@pytest.mark.parametrize("route", PAGES)
@pytest.mark.parametrize("locale", ["en-GB", "nl-NL"])
def test_texts_are_whole_in_both_languages(
    world: PageWorld, open_page: Callable[..., Page], route: str, locale: str
) -> None:
    page = opened(world, open_page(locale=locale), route)
    assert page.evaluate("document.documentElement.lang") == locale[:2]
    shown = texts(page)
    assert shown
    assert [text for text in shown if _PARAMETER.search(text)] == []
    keys = [text for text in shown if _KEY.fullmatch(text)]
    has = "keys => import('/web/js/i18n.js').then(texts => keys.filter(key => texts.has(key)))"
    assert page.evaluate(has, keys) == []
    # a key without a text in either language is shown as it is
    assert [key for key in keys if not key.startswith(("rtsp.", "http."))] == []


def test_motion_is_left_out_for_who_asks_for_less(world: PageWorld, open_page: Callable[..., Page]) -> None:
    page = opened(world, open_page(reduced_motion="reduce"), "/")
    moving = "() => document.getAnimations().filter(one => one.playState === 'running').length"
    assert page.evaluate(moving) == 0
