"""Everything that can be lost counts: each counter of the product is a metric, or is said here to be no loss."""

import dataclasses
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from transcoder.api.metrics import StreamCollector
from transcoder.api.metrics_reference import metrics_page
from transcoder.config import StreamConfig
from transcoder.control import gateway_documents
from transcoder.control.events import MAX_WAITING, Events
from transcoder.control.stream_documents import StreamDocuments
from transcoder.http_server.guard import HttpCounts
from transcoder.ledger import Ledger
from transcoder.mqtt.outbox import MAX_QUEUED, Outbox, Outgoing
from transcoder.output.fanout import FanoutCounters
from transcoder.output.status import OutputStatus
from transcoder.rtsp.client_events import ClientCounters
from transcoder.rtsp.server_events import ServerCounters
from transcoder.service.status import StreamStatus, WorkerStatus
from transcoder.service.worker_words import COUNTERS
from transcoder.source.status import SourceStatus

NO_METRIC = "-"
"""Stands for a number that is no loss and that another metric tells already."""
SOURCE = {
    "connects": "transcoder_source_reconnects_total",
    "losses": "transcoder_source_losses_total",
    "restarts": "transcoder_source_restarts_total",
    "access_units": NO_METRIC,
    "bytes": "transcoder_source_bytes_total",
    "damaged_access_units": "transcoder_damaged_access_units_total",
    "shed_access_units": "transcoder_shed_access_units_total",
    "skipped_access_units": "transcoder_source_skipped_access_units_total",
    "audio_units": "transcoder_source_audio_units_total",
}
WORKER = {
    "starts": "transcoder_worker_starts_total",
    "start_failures": "transcoder_worker_start_failures_total",
    "deaths": "transcoder_worker_deaths_total",
    "decoding_deaths": "transcoder_decoding_deaths_total",
    "rejected": "transcoder_worker_rejected_pictures_total",
    "shed_access_units": "transcoder_shed_access_units_total",
}
OUTPUT = {
    "pictures": "transcoder_frames_encoded_total",
    "repeated": "transcoder_frames_repeated_total",
    "idr": "transcoder_keyframes_total",
    "bytes": "transcoder_output_bytes_total",
    "audio_units": "transcoder_audio_units_total",
    "silent_audio_units": "transcoder_silent_audio_units_total",
    "delayed": "transcoder_glass_latency_seconds_count",
    "readers": NO_METRIC,
}
FANOUT = {
    "sent_bytes": "transcoder_rtsp_sent_bytes_total",
    "dropped_access_units": "transcoder_rtsp_slow_reader_drops_total",
}
REPORTED = {
    "decoded_pictures": "transcoder_frames_decoded_total",
    "capped_pictures": 'transcoder_pictures_left_out_total{reason="frame_rate"}',
    "shed_pictures": 'transcoder_pictures_left_out_total{reason="no_time"}',
    "shed_access_units": 'transcoder_pictures_left_out_total{reason="late"}',
    "skipped_access_units": 'transcoder_pictures_left_out_total{reason="after_lost"}',
    "unordered_pictures": 'transcoder_pictures_left_out_total{reason="order"}',
    "pictures_without_mask": 'transcoder_pictures_left_out_total{reason="not_prepared"}',
    "pictures_without_output": 'transcoder_pictures_left_out_total{reason="not_encoded"}',
    "audio_refused": "transcoder_audio_errors_total",
    "fallback_not_found": 'transcoder_encoder_fallbacks_total{reason="not_found"}',
    "fallback_build": 'transcoder_encoder_fallbacks_total{reason="build"}',
    "fallback_layout": 'transcoder_encoder_fallbacks_total{reason="layout"}',
    "fallback_reconstruction": 'transcoder_encoder_fallbacks_total{reason="reconstruction"}',
    "fallback_difference": 'transcoder_encoder_fallbacks_total{reason="difference"}',
    **dict.fromkeys(("decode_us", "source_format_changes", "encoded_pictures", "audio_out"), NO_METRIC),
}
SERVER = {
    "connections": "transcoder_rtsp_connections_total",
    "auth_failures": "transcoder_rtsp_auth_failures_total",
    "rejected": 'transcoder_rtsp_rejected_requests_total{status="404"}',
    "ignored_reports": "transcoder_rtsp_ignored_reports_total",
    "moved_readers": "transcoder_rtsp_moved_readers_total",
}
HTTP = {
    "rejected": 'transcoder_http_rejected_requests_total{status="503"}',
    "aborted": "transcoder_http_aborted_connections_total",
}


def counters_of(kind: Any) -> set[str]:
    """The numbers among the fields of a dataclass that are counts."""
    fields = dataclasses.fields(kind)
    return {item.name for item in fields if item.default == 0 and type(item.default) is int}


def fill(status: Any, names: dict[str, str], first: int) -> dict[str, int]:
    """Give each counter a number of its own; return which metric has to show which number."""
    shown = {}
    for number, (name, metric) in enumerate(names.items(), first):
        setattr(status, name, number)
        if metric != NO_METRIC:
            shown[metric] = number
    return shown


class Scrape:
    """A gateway with one stream, whose counters all have numbers of their own."""

    def __init__(self) -> None:
        status = StreamStatus(name="gate")
        fanout, server = FanoutCounters(), ServerCounters()
        self.expected = (
            fill(status.source, SOURCE, 1001) | fill(status.output, OUTPUT, 3001) | fill(fanout, FANOUT, 4001)
        )
        self.expected |= fill(status.worker, WORKER, 2001)
        self.expected["transcoder_source_reconnects_total"] -= 1  # the first connection is none
        self.expected["transcoder_shed_access_units_total"] = (
            status.source.shed_access_units + status.worker.shed_access_units
        )
        counters = {name: 5001 + index for index, name in enumerate(sorted(COUNTERS))}
        self.expected |= {REPORTED[name]: number for name, number in counters.items() if REPORTED[name] != NO_METRIC}
        status.worker.report = {
            "counters": counters,
            "decode_errors": {"InvalidDataError": 6001},
            "encoder_dropped": {"h264 type 6": 6002},
            "audio_errors": {"skew": 6003},
        }
        self.expected |= {
            "transcoder_decode_errors_total": 6001,
            "transcoder_encoder_dropped_units_total": 6002,
            "transcoder_audio_errors_total": 6003 + counters["audio_refused"],
        }
        fill(server, {name: metric for name, metric in SERVER.items() if name != "rejected"}, 7001)
        server.rejected = {404: 7009}
        self.expected |= {
            metric: 7009 if name == "rejected" else getattr(server, name) for name, metric in SERVER.items()
        }
        http = HttpCounts(rejected=Counter({503: 8001}), aborted=8002)
        self.expected |= {HTTP["rejected"]: 8001, HTTP["aborted"]: 8002}
        reception = {"packets": 1, "lost": 9001, "late": 9002, "duplicate": 9003, "malformed": 9004}
        self.expected["transcoder_source_rtp_packets_lost_total"] = 9001
        for kind in ("late", "duplicate", "malformed"):
            self.expected[f'transcoder_source_faults_total{{kind="{kind} packets"}}'] = reception[kind]
        ledger = Ledger()
        ledger.count("nal_in", "SEI", size=10)
        stream: Any = SimpleNamespace(
            status=status,
            reception=reception,
            ledger=ledger,
            outputs={"main": SimpleNamespace(status=status.output, fanout=SimpleNamespace(counters=fanout))},
        )
        view, config = StreamDocuments(examples=False), StreamConfig.model_validate({"source": "rtsp://192.0.2.1/x"})
        brakes = {
            "rtsp": SimpleNamespace(counts=SimpleNamespace(delayed=1, failed=0)),
            "http": SimpleNamespace(counts=SimpleNamespace(delayed=1, failed=0)),
        }
        gateway: Any = SimpleNamespace(
            server=SimpleNamespace(counters=server, connections=0),
            readers=SimpleNamespace(brakes=brakes, ended={}),
            fork_server=SimpleNamespace(losses=31),
            watch_faults=32,
        )
        store: Any = SimpleNamespace(dropped=33, refusal="", trouble="")
        broker: Any = SimpleNamespace(dropped=34, ignored=35, refused_topics=36)
        publisher: Any = SimpleNamespace(dropped=37, refused=38)
        self.expected |= {
            "transcoder_fork_server_losses_total": 31,
            "transcoder_watch_faults_total": 32,
            "transcoder_state_dropped_records_total": 33,
            "transcoder_mqtt_dropped_messages_total": 34,
            "transcoder_mqtt_ignored_commands_total": 35,
            "transcoder_mqtt_refused_response_topics_total": 36,
            "transcoder_events_dropped_total": 37,
            "transcoder_changes_refused_total": 38,
            'transcoder_sanitized_units_total{kind="SEI",layer="nal_in"}': 1,
        }
        stats = SimpleNamespace(streams=1, rtsp_auth_failures=server.auth_failures, mqtt_connected=True)
        control: Any = SimpleNamespace(
            ids=lambda: ["gate"],
            info=lambda: SimpleNamespace(version="1", node="gw"),
            stats=lambda: stats,
            gateway_numbers=lambda: gateway_documents.numbers(gateway, store, broker, publisher),
            state=lambda _: view.state(stream, config),
            numbers=lambda _: view.numbers(stream, {"tcp": 1}),
            ledger=lambda _: view.ledger(stream.ledger),
        )
        registry = CollectorRegistry()
        registry.register(StreamCollector(control, http))
        self.shown: dict[str, float] = {}
        for family in text_string_to_metric_families(generate_latest(registry).decode()):
            for sample in family.samples:
                labels = ",".join(f'{key}="{value}"' for key, value in sample.labels.items() if key != "stream")
                self.shown[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value


@pytest.mark.parametrize(
    ("kind", "table"),
    [(SourceStatus, SOURCE), (WorkerStatus, WORKER), (OutputStatus, OUTPUT), (FanoutCounters, FANOUT)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_no_counter_of_a_stream_is_left_out(kind: Any, table: dict[str, str]) -> None:
    assert counters_of(kind) == set(table)


def test_no_counter_of_a_server_or_worker_is_left_out() -> None:
    assert {item.name for item in dataclasses.fields(ServerCounters)} == set(SERVER)
    assert {item.name for item in dataclasses.fields(HttpCounts)} == set(HTTP)
    assert set(REPORTED) == COUNTERS
    kept = counters_of(ClientCounters) - {"unassigned_channel", "unassigned_bytes"}  # those are in the ledger
    assert len(ClientCounters().faults()) == len(kept)


def test_each_counter_shows_its_own_number() -> None:
    scrape = Scrape()
    assert {name: scrape.shown.get(name) for name in scrape.expected} == scrape.expected


def test_each_of_them_is_explained() -> None:
    page = metrics_page()
    names = {name.partition("{")[0] for name in Scrape().expected} - {"transcoder_glass_latency_seconds_count"}
    assert {name for name in names if f"| `{name}` |" not in page} == set()


def test_labels_of_a_stream_have_words_of_ours_alone() -> None:
    status = StreamStatus(name="gate")
    status.worker.report = {"counters": {"rtsp://192.0.2.1": 7, "shed_pictures": "text"}}
    stream: Any = SimpleNamespace(status=status, reception={}, ledger=Ledger(), outputs={})
    numbers = StreamDocuments(examples=False).numbers(stream, {})
    assert set(numbers.left_out) == {
        "frame_rate", "no_time", "late", "after_lost", "order", "not_prepared", "not_encoded"
    }  # fmt: skip
    assert set(numbers.left_out.values()) == {0}


# -- what is lost on the way to a client -------------------------------------------------------------------------------


async def test_events_for_a_slow_listener_are_counted() -> None:
    events = Events()
    quick, slow = events.listen(), events.listen()
    for _ in range(MAX_WAITING + 3):
        events.publish("updated", "gate")
        await anext(aiter(quick))
    assert events.dropped == 3
    slow.close()


def test_a_message_that_finds_its_place_taken_is_counted() -> None:
    outbox = Outbox()
    message = Outgoing(topic="gw/event", payload=b"{}", retain=False)
    outbox.put(message)
    taken = outbox.take()
    assert taken is not None
    for _ in range(MAX_QUEUED):
        outbox.put(message)
    outbox.put_back(taken)
    assert (outbox.dropped, len(outbox)) == (1, MAX_QUEUED)
