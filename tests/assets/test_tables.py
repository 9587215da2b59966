"""The data files of brands, makers, prefixes, vulnerabilities and rules say what their sources say."""

import re
from datetime import date

import pytest

from transcoder.assets.tables import (
    FOLDER,
    brand_rows,
    brands,
    holder_of,
    mac_address,
    mac_prefixes,
    maker_named,
    maker_of_brand,
    makers,
    onvif_marks,
    scope_rules,
    table_date,
    vulnerabilities,
)

NAMES = ("brands", "mac_prefixes", "makers", "onvif_marks", "scope_rules", "url_templates", "vulnerabilities")


def test_all_files_are_known() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.csv")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_its_date_and_its_sources(name: str) -> None:
    assert table_date(name) >= date(2026, 11, 28)
    head = [line for line in (FOLDER / f"{name}.csv").read_text().splitlines() if line.startswith("#")]
    assert any("source" in line for line in head)


def test_brands() -> None:
    assert len(brands()) == 130
    assert len({(row.name, row.maker) for row in brands()}) == 130
    head = (FOLDER / "brands.csv").read_text()
    for row in brands():
        assert row.maker in makers(), row
        assert row.confidence in {"high", "medium", "low"}
        assert row.sources
        for source in row.sources:
            assert re.search(rf"^# source {source}: \w", head, re.MULTILINE), source


def test_prefixes() -> None:
    text = (FOLDER / "mac_prefixes.csv").read_text()
    written = re.findall(r"^([0-9A-F]{6}),", text, re.MULTILINE)
    assert len(written) == len(set(written)) == len(mac_prefixes()) == 156
    for row in mac_prefixes().values():
        assert re.fullmatch(r"[0-9A-F]{6}", row.prefix)
        assert not row.maker or row.maker in makers()
        assert row.maker or row.brand
        assert row.registered


def test_vulnerabilities() -> None:
    rows = {row.id: row for row in vulnerabilities()}
    assert len(rows) == len(vulnerabilities()) == 17
    assert rows["CVE-2017-7921"].kev_added == date(2026, 3, 5)
    assert rows["CVE-2021-33044"].kev_due == date(2024, 9, 11)
    assert rows["CVE-2022-30563"].kev_added is None
    for row in rows.values():
        assert row.maker in makers() or (not row.maker and brand_rows(row.brand))
        assert row.summary
        assert row.reached_by
        assert "RTSP" not in row.reached_by


def test_marks_and_rules_name_known_makers() -> None:
    assert {row.maker for row in onvif_marks() if row.maker} <= set(makers())
    assert {row.brand for row in onvif_marks() if row.brand} <= {row.name for row in brands()} | set(makers())
    assert {maker for rule in scope_rules() for maker in rule.makers} <= set(makers())
    assert all(re.fullmatch(r"[A-Z]{2}", maker.country or "XX") for maker in makers().values())


@pytest.mark.parametrize(
    ("text", "maker"),
    [
        ("HIKVISION", "Hikvision"),
        ("Hangzhou Hikvision Digital Technology Co.,Ltd.", "Hikvision"),
        ("unv", "Uniview"),
        ("TP-LINK", "TP-Link"),
        ("Axis Communications AB", "Axis"),
        ("HiLook", None),  # a brand is no maker
        ("", None),
        ("...", None),
    ],
)
def test_a_maker_has_several_names(text: str, maker: str | None) -> None:
    found = maker_named(text)
    assert (found.name if found is not None else None) == maker


@pytest.mark.parametrize(
    ("brand", "maker"),
    [
        ("hilook", "Hikvision"),
        ("EZVIZ", "Hikvision"),
        ("Lorex", "Dahua"),
        ("Kasa", "TP-Link"),  # one of "Tapo, Kasa, VIGI"
        ("Anpviz", "Anjvision"),
        ("Bosch", None),  # a few recorders are Dahua's, the cameras are its own
        ("LTS", None),  # two makers
        ("Q-See", None),
        ("FLIR", None),  # earlier products
        ("TRENDnet", None),  # one list without evidence
        ("Nobody", None),
        ("", None),
    ],
)
def test_a_brand_tells_its_maker_where_there_is_one_and_it_is_known(brand: str, maker: str | None) -> None:
    row = maker_of_brand(brand)
    assert (row.maker if row is not None else None) == maker


def test_a_brand_of_low_confidence_is_there_as_a_question() -> None:
    assert [row.maker for row in brand_rows("trendnet")] == ["Hikvision"]


@pytest.mark.parametrize("text", ["44:19:B6:3f:5e:51", "44-19-b6-3f-5e-51", "4419.b63f.5e51", "4419b63f5e51"])
def test_mac_addresses_are_written_in_several_ways(text: str) -> None:
    assert mac_address(text) == "4419B63F5E51"
    holder = holder_of(text)
    assert holder is not None
    assert (holder.maker, holder.brand) == ("Hikvision", "")


@pytest.mark.parametrize("text", ["", "4419b63f5e5", "4419b63f5e51f", "00:00", "IP Camera(AB705)", "d03bf4000000"])
def test_what_is_no_known_address(text: str) -> None:
    assert holder_of(text) is None


def test_a_prefix_of_a_brand_names_the_brand() -> None:
    amcrest, swann = holder_of("9c8ecd000001"), holder_of("bc51fe000001")
    assert amcrest is not None
    assert (amcrest.brand, amcrest.maker) == ("Amcrest", "Dahua")
    assert swann is not None
    assert (swann.brand, swann.maker) == ("Swann", "")  # Hikvision, Dahua or others make its devices
