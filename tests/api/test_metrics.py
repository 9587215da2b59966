"""Metrics: bounded labels."""

from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from transcoder.api.metrics import MAX_KINDS, StreamCollector, bounded
from transcoder.control import ENCODE_BOUNDS_S, GatewayNumbers, LedgerEntryDocument, StreamNumbers
from transcoder.http_server.guard import HttpCounts
from transcoder.rejection import Code, Rejected


def entry(
    kind: str, count: int, first_seen: str = "2026-01-01T00:00:00Z", layer: str = "nal_in"
) -> LedgerEntryDocument:
    return LedgerEntryDocument(
        layer=layer, kind=kind, count=count, bytes=10 * count, rate=0, first_seen=first_seen, last_seen=first_seen
    )


def test_kinds_past_the_bound_are_one() -> None:
    entries = [
        entry(f"kind{number:03}", number + 1, f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z")
        for number in range(100)
    ]
    found = bounded(entries)
    assert len(found) == MAX_KINDS + 1
    assert found["nal_in", "kind000"] == (1, 10)
    rest = sum(range(MAX_KINDS + 1, 101))
    assert found["nal_in", "other"] == (rest, 10 * rest)


def test_a_kind_keeps_its_label_whatever_comes_later() -> None:
    early = [entry(f"z{number:02}", 1) for number in range(MAX_KINDS)]
    late = [entry(f"a{number:02}", 1000, "2026-01-02T00:00:00Z") for number in range(10)]
    found = bounded([*late, *early])
    assert {kind for _, kind in found} == {f"z{number:02}" for number in range(MAX_KINDS)} | {"other"}


def test_layers_are_bounded_apart() -> None:
    found = bounded([entry("SEI", 1), entry("SEI", 2, layer="nal_out")])
    assert found == {("nal_in", "SEI"): (1, 10), ("nal_out", "SEI"): (2, 20)}


def test_what_a_picture_takes_to_encode_is_a_histogram() -> None:
    numbers = StreamNumbers(
        encode_s=0.5,
        encode_counts=(3, *[0] * (len(ENCODE_BOUNDS_S) - 1), 2),
        concealed=7,
        changed_macroblocks=0.125,
        skipped_access_units=5,
        audio_units_in=20,
        audio_units_out=19,
        delays_s={"0.5": 0.02, "0.99": 0.3},
        delayed=40,
        delay_sum_s=1.5,
    )
    control: Any = SimpleNamespace(
        ids=lambda: ["gate"],
        info=lambda: SimpleNamespace(version="1", node="gw"),
        stats=lambda: SimpleNamespace(streams=1, rtsp_auth_failures=0, mqtt_connected=None),
        gateway_numbers=GatewayNumbers,
        state=lambda _: (_ for _ in ()).throw(Rejected(Code.UNKNOWN_STREAM, "it is about to start")),
        numbers=lambda _: numbers,
        ledger=lambda _: [],
    )
    registry = CollectorRegistry()
    registry.register(StreamCollector(control, HttpCounts()))
    families = {family.name: family for family in text_string_to_metric_families(generate_latest(registry).decode())}
    encode = families["transcoder_encode_seconds"]
    assert encode.type == "histogram"
    found = {
        (sample.name.removeprefix(encode.name), sample.labels.get("le")): sample.value for sample in encode.samples
    }
    assert found["_bucket", "0.001"] == found["_bucket", "0.1"] == 3
    assert found["_bucket", "+Inf"] == found["_count", None] == 5
    assert found["_sum", None] == 0.5
    latency = families["transcoder_glass_latency_seconds"]
    assert latency.type == "summary"  # the only type whose samples may have quantiles
    shown = {
        (sample.name.removeprefix(latency.name), sample.labels.get("quantile")): sample.value
        for sample in latency.samples
    }
    assert shown == {("", "0.5"): 0.02, ("", "0.99"): 0.3, ("_count", None): 40, ("_sum", None): 1.5}
    (concealed,) = families["transcoder_frames_concealed"].samples
    assert (concealed.name, concealed.value) == ("transcoder_frames_concealed_total", 7)
    (changed,) = families["transcoder_changed_macroblocks_ratio"].samples
    assert (changed.labels, changed.value) == ({"stream": "gate"}, 0.125)
    counters = {"source_skipped_access_units": 5, "source_audio_units": 20, "audio_units": 19}
    assert {name: families[f"transcoder_{name}"].samples[0].value for name in counters} == counters


def test_what_is_of_no_stream_in_particular() -> None:
    numbers = GatewayNumbers(
        rtsp_connections=12,
        rtsp_rejected={401: 3, 404: 1},
        sessions_ended={("gate", "silent"): 2, ("", "login_failures"): 5},
        mqtt_dropped=6,
        mqtt_ignored=7,
        state_writable=False,
        store_dropped=8,
        watch_faults=9,
    )
    control: Any = SimpleNamespace(
        ids=list,
        info=lambda: SimpleNamespace(version="1", node="gw"),
        stats=lambda: SimpleNamespace(streams=0, rtsp_auth_failures=0, mqtt_connected=None),
        gateway_numbers=lambda: numbers,
        state=lambda _: None,
        numbers=lambda _: None,
    )
    registry = CollectorRegistry()
    registry.register(StreamCollector(control, HttpCounts()))
    lines = generate_latest(registry).decode().splitlines()
    assert {line for line in lines if not line.startswith("#")} >= {
        "transcoder_rtsp_connections_total 12.0",
        'transcoder_rtsp_rejected_requests_total{status="401"} 3.0',
        'transcoder_rtsp_rejected_requests_total{status="404"} 1.0',
        'transcoder_reader_sessions_ended_total{reason="silent",stream="gate"} 2.0',
        'transcoder_reader_sessions_ended_total{reason="login_failures",stream=""} 5.0',
        "transcoder_mqtt_dropped_messages_total 6.0",
        "transcoder_mqtt_ignored_commands_total 7.0",
        "transcoder_state_writable 0.0",
        "transcoder_state_dropped_records_total 8.0",
        "transcoder_watch_faults_total 9.0",
    }
