"""Who logs in at the page, what each role sees, and that scripts of the page never hold the token."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.page_parts import part, tile_state
from tests.support.page_world import NAMES, TOKENS, PageWorld

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]


def type_token(page: Page, token: str) -> None:
    part(page, "login-token").fill(token)
    part(page, "login-submit").click()


def test_a_login_leads_back_and_leaves_no_token_to_scripts(world: PageWorld, page: Page) -> None:
    page.goto("/#/stream/front")
    type_token(page, "no-such-token")
    expect(page.get_by_role("alert").or_(page.locator("[aria-invalid=true]")).first).to_be_visible()
    type_token(page, TOKENS["control"])
    page.wait_for_url("**/#/stream/front")
    part(page, "stream-state").wait_for()
    assert TOKENS["control"] not in page.url
    kept = page.evaluate("JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }])")
    assert TOKENS["control"] not in kept
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert cookie["name"] not in json.loads(kept)[0]
    assert TOKENS["control"] not in cookie["value"]

    page.reload()
    part(page, "stream-state").wait_for()
    part(page, "logout").click()
    part(page, "login-token").wait_for()
    assert page.context.cookies() == []
    assert page.context.request.get("/api/v1/streams").status == 401


def test_a_page_of_an_ended_login_asks_for_it_again_and_leads_back(world: PageWorld, page: Page) -> None:
    world.enter(page, "control")
    tile_state(page, "front").wait_for()
    page.context.clear_cookies()
    part(page, "login-token").wait_for()  # the next numbers are refused
    type_token(page, TOKENS["control"])
    tile_state(page, "front").wait_for()


def test_read_sees_no_camera_address_and_nothing_that_changes_anything(world: PageWorld, page: Page) -> None:
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    world.enter(page, "read")
    tile_state(page, "front").wait_for()
    seen = [page.content()]
    for route in ("/stream/front", "/stream/front/masks", "/add"):
        page.goto(f"/#{route}")
        page.wait_for_timeout(700)  # what must not come could come after the page is drawn
        for name in ("save-controls", "end-reader", "add-save", "mask-save", "add-probe"):
            expect(part(page, name)).to_have_count(0)
        seen.append(page.content())
    expect(page.get_by_text(NAMES["read"]).first).to_be_visible()
    config = world.stream("front")["config"]
    url = config["source"]["url"] if isinstance(config["source"], dict) else config["source"]
    place = url.partition("://")[2].rpartition("@")[2].partition("/")[0]
    assert place.startswith("127.0.0.1:")  # the operator sees it
    answers = [page.context.request.get(url) for url in asked if "/api/" in url and not url.endswith("/v1/events")]
    documents = [answer.body().decode("latin-1") for answer in answers]
    assert len(documents) > 5
    for text in [*seen, *documents]:
        assert place.partition(":")[2] not in text
        assert "Streaming/Channels" not in text
        assert "s3cr3t" not in text


def test_a_change_needs_the_word_that_only_the_page_has(world: PageWorld, page: Page) -> None:
    world.enter(page, "control")
    tile_state(page, "front").wait_for()
    change: Any = """headers => fetch("/api/v1/streams/front", { method: "PATCH", body: '{"title": "Front door"}',
      headers: { "Content-Type": "application/json", ...headers } }).then(answer => answer.status)"""
    csrf = page.evaluate("fetch('/api/v1/login').then(answer => answer.json()).then(login => login.csrf)")
    assert page.evaluate(change, {}) == 403
    assert page.evaluate(change, {"X-CSRF-Token": csrf + "x"}) == 403
    assert page.evaluate(change, {"X-CSRF-Token": csrf}) == 200


def test_roles_see_their_own_controls(world: PageWorld, open_page: Callable[..., Page]) -> None:
    operator = world.enter(open_page(), "control", "/stream/front")
    expect(part(operator, "save-controls").first).to_be_attached()
    expect(operator.locator("nav a[href='#/add']")).to_be_visible()
    guard = world.enter(open_page(), "read", "/stream/front")
    part(guard, "stream-state").wait_for()
    expect(guard.locator("nav a[href='#/add']")).to_have_count(0)
