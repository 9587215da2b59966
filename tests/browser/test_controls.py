"""What an operator changes on a stream's page, and what the page says to a wrong value and to two writers at once."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.page_parts import part
from tests.support.page_world import PageWorld

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]


def test_a_bitrate_is_changed_and_seen_in_the_numbers(world: PageWorld, page: Page) -> None:
    world.enter(page, "control", "/stream/yard")
    before = float(part(page, "fact-kbps-main").inner_text().replace(",", ""))
    part(page, "control-bitrate_kbps").fill("64")
    part(page, "save-controls").first.click()
    expect(part(page, "fact-cap-main")).to_have_text("64")
    page.wait_for_function(
        "([cell, most]) => parseFloat(cell.textContent.replaceAll(',', '')) < most",
        arg=[part(page, "fact-kbps-main").element_handle(), before * 0.75],
    )
    assert world.stream("yard")["config"]["video"]["bitrate_kbps"] == 64
    page.reload()
    expect(part(page, "control-bitrate_kbps")).to_have_value("64")
    world.api("PATCH", "/api/v1/streams/yard", {"video": {"bitrate_kbps": 500}})


def test_a_wrong_value_is_told_at_its_field(world: PageWorld, page: Page) -> None:
    world.enter(page, "control", "/stream/yard")
    field = part(page, "control-bitrate_kbps")
    before = world.stream("yard")["config"]["video"]["bitrate_kbps"]
    field.fill("1")
    part(page, "save-controls").first.click()
    error = part(page, "field-error").first
    expect(error).to_be_visible()
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    described = (field.get_attribute("aria-describedby") or "").split()
    text = error.inner_text()
    assert any(text in page.locator(f"[id='{name}']").inner_text() for name in described)
    assert world.stream("yard")["config"]["video"]["bitrate_kbps"] == before


def test_a_conflict_shows_both_values(world: PageWorld, page: Page) -> None:
    world.enter(page, "control", "/stream/yard")
    field = part(page, "control-bitrate_kbps")
    field.fill("777")
    world.api("PATCH", "/api/v1/streams/yard", {"video": {"bitrate_kbps": 666}})
    part(page, "save-controls").first.click()
    conflict = part(page, "conflict").first
    expect(conflict).to_contain_text("777")
    expect(conflict).to_contain_text("666")
    assert world.stream("yard")["config"]["video"]["bitrate_kbps"] == 666
