"""Numbers of a report are those that anybody counts from the list of assets."""

import json
from datetime import date

import pytest

from tests.report.fleet import city, small
from transcoder.report.dataset import Period, make_report
from transcoder.report.leaks import Channel, Kept, read_network

PERIOD = Period(since=date(2024, 1, 1), until=date(2026, 11, 29))
ADDRESSES = {"a-new": ["192.168.10.2"], "c-clean": ["192.168.10.3"], "": ["192.168.10.4"]}
KEPT = Kept(
    channels=(
        Channel(stream="quay", layer="rtsp_media", kind="vnd.onvif.metadata"),
        Channel(stream="gate", layer="rtsp_media", kind="vnd.onvif.metadata"),
        Channel(stream="quay", layer="nal_in", kind="6"),
    ),
    counts={"rtsp_media": 2, "nal_in": 40, "unheard_of": 1},
    network={"calls_home": 17},
)


def report(audience="internal", period=PERIOD, kept=KEPT):
    _, inventory = small()
    return make_report(inventory, kept, period, audience, ADDRESSES)


def value(name):
    return report().figure("totals", name).value


def rows(section, name, made=None):
    return [list(row) for row in (made or report()).figure(section, name).rows]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("in_scope", 6),
        ("out", 2),
        ("behind", 1),
        ("exempt", 1),
        ("neither", 2),
        ("last", "2027-Q2"),
        ("unplanned", 2),
        ("unknown", 1),
        ("all", 8),
    ],
)
def test_totals(name, wanted):
    assert value(name) == wanted


def test_years_show_the_first_plan_the_plan_and_the_facts():
    assert rows("progress", "years") == [
        ["2024", 0, 0, 1, 0, 5],
        ["2025", 1, 1, 2, 0, 4],
        ["2026", 3, 2, 2, 1, 2],
        ["2027", 3, 3, None, None, None],
    ]


def test_a_report_about_an_earlier_day_tells_what_was_true_then():
    made = report(period=Period(since=date(2024, 1, 1), until=date(2025, 12, 31)))
    assert made.figure("totals", "out").value == 2
    assert made.figure("totals", "behind").value == 0
    assert rows("money", "quarters", made) == [["2024-Q1", 0, 1], ["2025-Q2", 1, 0]]


def test_what_slipped_and_what_is_late_stands_with_its_reason():
    assert rows("progress", "slips") == [
        [
            "c-clean",
            "Quay (192.168.10.3)",
            "Quay",
            "2026-Q2",
            "2027-Q2",
            "no lift at pole 52.3702 N",
            "2026-05-01",
            "Jansen",
        ]
    ]
    assert [row[0] for row in rows("progress", "overdue")] == ["d-legacy"]


def test_makers_and_rules():
    assert rows("makers", "makers") == [
        ["Hikvision", 3, 1, 0, 0, 0, 2],
        ["Dahua", 2, 0, 1, 1, 0, 0],
        ["Uniview", 1, 0, 0, 0, 1, 0],
        ["unknown", 1, 0, 0, 0, 0, 1],
    ]
    assert {row[0]: row[1] for row in rows("makers", "rules")}["ndaa-889"] == 5
    assert rows("makers", "outside") == [["Axis", 1]]


def test_sites_contracts_and_quarters():
    assert [(row[0], row[1]) for row in rows("sites", "sites")] == [("", 3), ("Quay", 2), ("Gate", 1)]
    assert rows("money", "contracts") == [["C1", "2026-12-31", 2, 1]]


def test_what_was_kept_in():
    assert rows("leaks", "stripped") == [["metadata", 2, 1, 2], ["in_video", 1, 1, 40], ["other", 0, 0, 1]]
    assert rows("leaks", "network") == [["calls_home", 17]]
    assert rows("leaks", "stripped", report(kept=Kept(channels=KEPT.channels)))[0] == ["metadata", 2, 1, None]


def test_the_counters_of_the_camera_network_are_read():
    text = (
        '# HELP x\ntranscoder_camera_network_dropped_packets_total{reason="calls_home"} 12\n'
        'transcoder_camera_network_dropped_packets_total{reason="spoofed"} 0\nother{reason="x"} 3\n'
    )
    assert read_network(text) == {"calls_home": 12, "spoofed": 0}


def test_incidents_of_the_period_and_vulnerabilities_of_what_is_in_use():
    assert rows("risks", "incidents") == [["unclean", 1]]
    assert {row[0] for row in rows("risks", "vulnerabilities")} == {"c-clean", "d-legacy", "h-late"}
    answers = {row[2]: row[5] for row in rows("risks", "vulnerabilities") if row[0] == "c-clean"}
    assert set(answers.values()) <= {"yes", "no", "unknown"}
    assert rows("risks", "firmware") == [["2019", 1], [None, 5]]


def test_every_figure_carries_where_it_comes_from():
    data = report().to_dict("en")
    figures = [figure for section in data["sections"] for figure in section["figures"]]
    assert len(figures) > 20
    for figure in figures:
        assert figure["query"]
        assert figure["audit_head"] == "ab" * 32
        assert figure["product_version"] == "1.2.3"
        assert figure["at"].startswith("2026-11-29T12")
    assert [section["name"] for section in data["sections"]] == [
        "totals", "progress", "makers", "sites", "leaks", "risks", "money", "method", "assets",
    ]  # fmt: skip


def test_a_citys_report_with_five_years_of_history_is_whole():
    made = make_report(city(1300), Kept(), PERIOD, "public", {})
    assert made.figure("totals", "all").value == 1300
    assert len(made.figure("assets", "assets").rows) == 1300
    json.dumps(made.to_dict("en"))
