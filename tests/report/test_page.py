"""The page is HTML that everybody can read: headings in order, headers of tables, texts of charts."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from typing_extensions import override

from tests.report.test_dataset import PERIOD, report
from transcoder.report.dataset import make_report
from transcoder.report.leaks import Kept
from transcoder.report.page import page
from transcoder.report.texts import LANGUAGES, Texts

VOID = {"meta", "br", "hr", "img", "link"}


class Outline(HTMLParser):
    """Reads a page, and fails where a tag is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        assert self.open == []

    @override
    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    @override
    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    @override
    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    @override
    def handle_data(self, data):
        if self.open and self.open[-1] not in {"style", "title"}:
            self.text.append(data)

    def attributes(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(params=[(language, audience) for language in LANGUAGES for audience in ("public", "internal")])
def outline(request):
    language, audience = request.param
    return Outline(page(report(audience), Texts(language), "ab" * 16))


def test_the_page_has_a_language_a_title_and_one_first_heading_with_the_others_in_order(outline):
    assert outline.attributes("html")[0]["lang"] in LANGUAGES
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_tables_have_a_caption_and_headers_with_a_scope(outline):
    tags = [tag for tag, _ in outline.tags]
    assert tags.count("table") == tags.count("caption") > 5
    assert {each["scope"] for each in outline.attributes("th")} == {"row", "col"}


def test_charts_have_a_title_and_a_description(outline):
    ids = {attributes.get("id") for _, attributes in outline.tags}
    charts = outline.attributes("svg")
    assert len(charts) == 2
    for chart in charts:
        assert chart["role"] == "img"
        assert set(chart["aria-labelledby"].split()) <= ids


def test_ids_are_unique_and_every_link_leads_somewhere(outline):
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"].removeprefix("#") for link in outline.attributes("a")} <= set(ids)


def test_nothing_comes_from_outside_and_nothing_runs(outline):
    tags = {tag for tag, _ in outline.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "form", "b"}
    assert not [name for _, attributes in outline.tags for name in attributes if name.startswith("on")]
    assert not [name for _, attributes in outline.tags for name in attributes if name in {"src", "style"}]


def test_what_people_typed_stands_there_as_text(outline):
    assert "<b>Bridge</b> & co" in outline.text


def test_the_word_compliant_stands_nowhere():
    for language in LANGUAGES:
        text = page(report("public"), Texts(language), "ab" * 16)
        assert not re.search("(?i)complian|conforman", text)


def test_the_sentence_says_where_the_phase_out_stands():
    english = " ".join(Outline(page(report("public"), Texts("en"), "")).text)
    assert (
        "Of 6 cameras in scope, 2 are out of use, 1 is behind the gateway, 1 is exempt and 2 are none of these yet; "
        "the last one is planned to go in the second quarter of 2027."
    ) in english
    assert "For 2 of the cameras that are in use, no date is planned." in english
    dutch = " ".join(Outline(page(report("public"), Texts("nl"), "")).text)
    assert (
        "Van de 6 camera's die onder een regel vallen zijn er 2 buiten gebruik, staat er 1 achter de gateway, is er 1 "
        "vrijgesteld en is er voor 2 nog niets geregeld; volgens de planning verdwijnt de laatste in het tweede "
        "kwartaal van 2027."
    ) in dutch


def test_a_gateway_without_assets_has_a_report():
    from transcoder.assets.inventory import Inventory

    empty = make_report(Inventory(assets=(), at="2026-11-29T00:00:00Z"), Kept(), PERIOD, "public", {})
    text = page(empty, Texts("en"), "")
    assert "No camera that is known here falls under a rule." in text
    assert "was not measured for this report" in text
    Outline(text)


def test_the_page_has_room_for_its_list_and_says_where_the_rest_is():
    for audience in ("public", "internal"):
        text = page(report(audience), Texts("en"), "")
        listed = text[text.index('<section id="assets"') :]
        assert 5 <= listed.count("columnheader") <= 12
        assert "assets.csv" in listed
