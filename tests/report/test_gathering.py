"""The audit log, the verdicts and the metrics tell what was kept in and what happened."""

import json

from tests.report.fleet import config
from transcoder.assets.inventory import Incident
from transcoder.report.gathering import addresses_of, channels_of, incidents_of, removed_assets, sanitized_by_layer
from transcoder.report.leaks import Channel
from transcoder.service.audit import GENESIS, Entry, link
from transcoder.service.verdicts import Verdict

CONFIG = config(
    {"pole": {"maker": "Dahua"}, "box": {"extra": {"address": "cam.example:88"}}, "odd": {"extra": {"address": "a b"}}},
    {
        "main": {"source": "rtsp://u:p@10.0.0.1/x", "asset": "pole"},
        "sub": {"source": "rtsp://10.0.0.1:8554/y", "asset": "pole"},
        "other": {"source": "rtsp://10.0.0.2/x"},
    },
)


def record(what, stream="", **detail):
    entry = Entry(who="http:ops", what=what, stream=stream, detail=detail)
    return link(entry, sequence=1, at="2026-01-02T03:04:05Z", previous=GENESIS)


def test_channels_are_those_of_the_audit_log():
    records = [record("channel_seen", "main", layer="nal_in", kind="6"), record("add", "main")]
    assert channels_of(records) == (
        Channel(stream="main", layer="nal_in", kind="6", first_seen="2026-01-02T03:04:05Z"),
    )


def test_incidents_are_unclean_verdicts_and_keys_that_were_accepted():
    verdicts = [
        Verdict(number=1, stream="main", at="2026-03-01T00:00:00Z", kind="unclean", reason="SEI"),
        Verdict(number=2, stream="main", at="2026-03-02T00:00:00Z", kind="clean"),
        Verdict(number=3, stream="main", at="2026-03-03T00:00:00Z", kind="unclean", reason="SEI", asset="before"),
    ]
    assert incidents_of([record("accept_key", "other"), record("restart", "main")], verdicts, CONFIG) == (
        Incident(at="2026-01-02T03:04:05Z", stream="other", kind="key_accepted", detail="by http:ops"),
        Incident(at="2026-03-01T00:00:00Z", stream="main", asset="pole", kind="unclean", detail="SEI"),
        Incident(at="2026-03-03T00:00:00Z", stream="main", asset="before", kind="unclean", detail="SEI"),
    )


def test_ids_of_removed_assets_are_remembered():
    assert removed_assets([record("asset_remove", asset="gone"), record("asset_add", asset="new")]) == {"gone"}


def test_addresses_are_those_of_streams_and_of_assets_without_one():
    assert addresses_of(CONFIG) == {"pole": ["10.0.0.1"], "": ["10.0.0.2"], "box": ["cam.example"], "odd": ["a b"]}


def test_metrics_tell_what_was_not_let_through():
    text = (
        "# TYPE transcoder_sanitized_units counter\n"
        'transcoder_sanitized_units_total{stream="a",layer="nal_in",kind="6"} 40.0\n'
        'transcoder_sanitized_units_total{stream="b",layer="nal_in",kind="39"} 2.0\n'
        'transcoder_sanitized_units_total{kind="107",layer="rtp_payload_type",stream="b"} 1e+06\n'
        'transcoder_sanitized_bytes_total{stream="b",layer="nal_in",kind="39"} 9.0\n'
    )
    assert sanitized_by_layer(text) == {"nal_in": 42, "rtp_payload_type": 1_000_000}
    assert json.dumps(sanitized_by_layer("")) == "{}"
