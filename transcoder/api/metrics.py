"""This module makes the metrics for Prometheus.

No label is chosen by a camera without a bound, and none names a camera's address.
Source: prometheus.io/docs/practices/naming.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from typing_extensions import override

from transcoder.api.asset_metrics import asset_metrics
from transcoder.api.name_metrics import name_metrics
from transcoder.api.onvif_metrics import onvif_metrics
from transcoder.api.push_metrics import push_metrics
from transcoder.api.rendition_metrics import rendition_metrics
from transcoder.control import (
    ENCODE_BOUNDS_S,
    Control,
    GatewayNumbers,
    LedgerEntryDocument,
    OnvifNumbers,
    StreamNumbers,
    StreamStateDocument,
)
from transcoder.http_server.guard import HttpCounts
from transcoder.rejection import Rejected

T = TypeVar("T")

MAX_KINDS: Final = 32
"""The number of kinds of dropped things of one stream and layer that get a label of their own; the rest is `other`."""

STREAM: Final = ("stream",)
VERDICTS: Final = ("clean", "unclean", "nothing to judge")

# name, kind, help, value of a stream's state
_OF_STATE: Final[tuple[tuple[str, str, str, Callable[[StreamStateDocument], float]], ...]] = (
    ("stream_up", "gauge", "Whether readers get the camera's pictures", lambda s: s.status in {"online", "degraded"}),
    ("stream_enabled", "gauge", "Whether the stream is switched on", lambda s: s.status != "disabled"),
    ("stream_degraded", "gauge", "Whether pictures are lost for want of time", lambda s: s.status == "degraded"),
    ("source_connected", "gauge", "Whether the camera sends", lambda s: s.source.connected),
    ("source_reconnects", "counter", "Connections after the first", lambda s: max(s.source.connects - 1, 0)),
    ("source_losses", "counter", "Connections that were lost while playing", lambda s: s.source.losses),
    ("source_rtp_packets", "counter", "RTP packets of the present connection", lambda s: s.source.packets),
    (
        "source_rtp_packets_lost",
        "counter",
        "Missing RTP packets of the present connection",
        lambda s: s.source.packets_lost,
    ),
    ("source_bytes", "counter", "Coded video taken in, bytes", lambda s: s.source.bytes),
    ("source_fps", "gauge", "Pictures a second from the camera", lambda s: s.source.fps),
    ("damaged_access_units", "counter", "Pictures with missing packets", lambda s: s.faults.damaged_access_units),
    ("shed_access_units", "counter", "Pictures dropped for want of time", lambda s: s.faults.shed_access_units),
    ("worker_starts", "counter", "Workers started", lambda s: s.faults.worker_starts),
    ("worker_deaths", "counter", "Processes of workers lost", lambda s: s.faults.worker_deaths),
    ("decoding_deaths", "counter", "Decoding processes lost, among those", lambda s: s.faults.decoding_deaths),
    (
        "worker_rejected_pictures",
        "counter",
        "Pictures of workers that no encoder of ours makes",
        lambda s: s.faults.rejected_from_worker,
    ),
    ("worker_cpu_ratio", "gauge", "Share of a core that the worker takes", lambda s: s.cpu),
    ("frames_encoded", "counter", "Pictures to readers, repeated ones too", lambda s: s.output.pictures),
    ("frames_repeated", "counter", "Pictures shown again during an outage", lambda s: s.output.repeated),
    ("keyframes", "counter", "IDR pictures to readers", lambda s: s.output.idr),
    ("output_bytes", "counter", "Coded video made, bytes", lambda s: s.output.bytes),
    ("output_fps", "gauge", "Pictures a second to readers", lambda s: s.output.fps),
    ("output_bitrate_cap_bps", "gauge", "Configured cap, bit/s", lambda s: s.output.bitrate_kbps * 1000),
)
_OF_NUMBERS: Final[tuple[tuple[str, str, str, Callable[[StreamNumbers], float]], ...]] = (
    ("frames_decoded", "counter", "Pictures decoded by the present worker", lambda n: n.decoded),
    ("decode_errors", "counter", "Errors of the present worker's decoder", lambda n: n.decode_errors),
    ("frames_concealed", "counter", "Pictures in which missing parts were made up", lambda n: n.concealed),
    ("source_skipped_access_units", "counter", "Pictures left out after a lost one", lambda n: n.skipped_access_units),
    ("source_audio_units", "counter", "Audio units taken in", lambda n: n.audio_units_in),
    ("audio_units", "counter", "Frames of sound to readers", lambda n: n.audio_units_out),
    ("silent_audio_units", "counter", "Frames of silence to readers", lambda n: n.silent_audio_units_out),
    ("audio_errors", "counter", "Sound of the present worker that was lost", lambda n: n.audio_errors),
    ("worker_start_failures", "counter", "Times that no worker could be started", lambda n: n.start_failures),
    ("source_restarts", "counter", "Times that the camera began anew within a connection", lambda n: n.source_restarts),
    (
        "encoder_dropped_units",
        "counter",
        "NAL units of the present worker's encoder that were not let out",
        lambda n: n.encoder_dropped,
    ),
    ("rtsp_slow_reader_drops", "counter", "Pictures that a reader was too slow for", lambda n: n.slow_reader_drops),
    ("rtsp_sent_bytes", "counter", "RTP packets to readers, bytes", lambda n: n.sent_bytes),
    ("last_frame_timestamp_seconds", "gauge", "When readers got the last picture", lambda n: n.last_picture),
)


# name, help, value: counters of no stream in particular
_OF_GATEWAY: Final[tuple[tuple[str, str, Callable[[GatewayNumbers], float]], ...]] = (
    ("rtsp_connections", "Connections of readers that were taken in", lambda n: n.rtsp_connections),
    ("rtsp_delayed_logins", "Logins of readers that waited because of wrong ones", lambda n: n.rtsp_delayed_logins),
    ("http_auth_failures", "Tokens that were refused", lambda n: n.http_auth_failures),
    ("http_delayed_logins", "Tokens that waited because of wrong ones", lambda n: n.http_delayed_logins),
    ("mqtt_dropped_messages", "Messages dropped because too many waited for the broker", lambda n: n.mqtt_dropped),
    ("mqtt_ignored_commands", "Commands ignored because the broker had kept them", lambda n: n.mqtt_ignored),
    ("mqtt_refused_response_topics", "Response topics that no answer is sent to", lambda n: n.mqtt_refused_topics),
    ("state_dropped_records", "Records of first seen channels that could not be kept", lambda n: n.store_dropped),
    (
        "rtsp_ignored_reports",
        "Datagrams at the RTCP port that are no report of a reader",
        lambda n: n.rtsp_ignored_reports,
    ),
    (
        "rtsp_moved_readers",
        "Tracks over UDP that followed their reader through a NAT to other ports",
        lambda n: n.rtsp_moved_readers,
    ),
    ("events_dropped", "Events that a listener over HTTP or MQTT was too slow for", lambda n: n.events_dropped),
    ("changes_refused", "Changes that were refused, and files that could not be used", lambda n: n.changes_refused),
    ("fork_server_losses", "Fork servers that ended by themselves or hung", lambda n: n.fork_server_losses),
    ("watch_faults", "Times that a stream could not be looked after", lambda n: n.watch_faults),
)


class StreamCollector(Collector):
    """Makes the families of all streams when Prometheus asks.

    Args:
        control: tells the numbers.
        counts: the numbers of the HTTP server itself.
    """

    def __init__(self, control: Control, counts: HttpCounts) -> None:
        self._control = control
        self._counts = counts

    @override
    def collect(self) -> Iterable[Metric]:
        yield from self._of_gateway()
        states = dict(self._each(self._control.state))
        numbers = dict(self._each(self._control.numbers))
        for name, kind, text, value in _OF_STATE:
            yield _family(name, kind, text, {stream: value(state) for stream, state in states.items()})
        for name, kind, text, number in _OF_NUMBERS:
            yield _family(name, kind, text, {stream: number(found) for stream, found in numbers.items()})
        yield from name_metrics(states)
        yield from rendition_metrics(states)
        yield from push_metrics(states)
        yield from self._labelled(numbers)
        yield from self._sanitized(states)
        yield from self._verdicts(states)

    def _of_gateway(self) -> Iterable[Metric]:
        info, stats = self._control.info(), self._control.stats()
        build = InfoMetricFamily("transcoder_build", "The gateway")
        build.add_metric([], {"version": info.version, "node": info.node})
        yield build
        yield GaugeMetricFamily("transcoder_streams", "Streams that are configured", value=stats.streams)
        yield CounterMetricFamily(
            "transcoder_rtsp_auth_failures", "Logins of readers that were refused", value=stats.rtsp_auth_failures
        )
        numbers = self._control.gateway_numbers()
        yield from self._counted(numbers)
        yield from onvif_metrics(numbers.onvif or OnvifNumbers())
        yield from asset_metrics(numbers.assets)
        if stats.mqtt_connected is not None:
            yield GaugeMetricFamily(
                "transcoder_mqtt_connected", "Whether the broker is there", value=stats.mqtt_connected
            )

    def _counted(self, numbers: GatewayNumbers) -> Iterable[Metric]:
        yield GaugeMetricFamily("transcoder_rtsp_open_connections", "Connections of readers", value=numbers.rtsp_open)
        yield GaugeMetricFamily("transcoder_tasks", "Tasks of the event loop", value=numbers.tasks)
        if numbers.state_writable is not None:
            yield GaugeMetricFamily(
                "transcoder_state_writable", "Whether changes of streams can be kept", value=numbers.state_writable
            )
        for name, text, value in _OF_GATEWAY:
            yield CounterMetricFamily(f"transcoder_{name}", text, value=value(numbers))
        rejected = CounterMetricFamily(
            "transcoder_rtsp_rejected_requests", "Requests of readers answered with an error", labels=("status",)
        )
        for status, count in numbers.rtsp_rejected.items():
            rejected.add_metric([str(status)], count)
        ended = CounterMetricFamily(
            "transcoder_reader_sessions_ended",
            "Sessions of readers that ended; without a stream: connections that had none",
            labels=("stream", "reason"),
        )
        for (stream, reason), count in numbers.sessions_ended.items():
            ended.add_metric([stream, reason], count)
        http = CounterMetricFamily(
            "transcoder_http_rejected_requests", "HTTP requests answered with an error", labels=("status",)
        )
        for status, count in self._counts.rejected.items():
            http.add_metric([str(status)], count)
        aborted = CounterMetricFamily(
            "transcoder_http_aborted_connections",
            "HTTP connections closed because they were too slow, too many or a flood of small pieces",
            value=self._counts.aborted,
        )
        yield from (rejected, ended, http, aborted)

    def _labelled(self, numbers: Mapping[str, StreamNumbers]) -> Iterable[Metric]:
        encode = HistogramMetricFamily(
            "transcoder_encode_seconds", "Processor time of encoding a picture", labels=STREAM
        )
        delay = SummaryMetricFamily(
            "transcoder_glass_latency_seconds",
            "From a picture's last packet to the readers; quantiles (0.5, 0.95, 0.99) of the last ten seconds",
            labels=STREAM,
        )
        repairs = CounterMetricFamily(
            "transcoder_timestamp_repairs", "Timestamps of the present connection put right", labels=("stream", "kind")
        )
        faults = CounterMetricFamily(
            "transcoder_source_faults",
            "Deviations of the camera that were tolerated in the present connection",
            labels=("stream", "kind"),
        )
        sessions = GaugeMetricFamily("transcoder_rtsp_sessions", "Readers", labels=("stream", "transport"))
        left_out = CounterMetricFamily(
            "transcoder_pictures_left_out",
            "Pictures that the present worker left out; frame_rate: more than video.fps, as wanted; no_time, late: for "
            "want of time; after_lost: they need one that was lost",
            labels=("stream", "reason"),
        )
        fallbacks = CounterMetricFamily(
            "transcoder_encoder_fallbacks",
            "Encoders of the present worker that call x264 over FFmpeg's interface instead of its own; reconstruction: "
            "the library's differed from what FFmpeg decodes; difference: the profile motion's did, and x264 encodes",
            labels=("stream", "reason"),
        )
        changed = GaugeMetricFamily(
            "transcoder_changed_macroblocks_ratio",
            "Share of macroblocks in which a picture of the first output differs from the one before, a mean of half a "
            "second; not there for pictures that are scaled or converted, unless the encoder needs to know",
            labels=STREAM,
        )
        for stream, found in numbers.items():
            if found.changed_macroblocks is not None:
                changed.add_metric([stream], found.changed_macroblocks)
            bounds = [*map(floatToGoString, ENCODE_BOUNDS_S), "+Inf"]
            counts = itertools.accumulate(found.encode_counts)
            encode.add_metric([stream], list(zip(bounds, counts, strict=False)), found.encode_s)
            for quantile, delay_s in found.delays_s.items():
                delay.add_sample(delay.name, {"stream": stream, "quantile": quantile}, delay_s)
            delay.add_metric([stream], found.delayed, found.delay_sum_s)
            for kind, count in list(found.timestamp_repairs.items())[:MAX_KINDS]:
                repairs.add_metric([stream, kind], count)
            for kind, count in list(found.source_faults.items())[:MAX_KINDS]:
                faults.add_metric([stream, kind], count)
            for reason, count in found.left_out.items():
                left_out.add_metric([stream, reason], count)
            for reason, count in found.fallbacks.items():
                fallbacks.add_metric([stream, reason], count)
            for transport in ("tcp", "udp", "multicast", "web"):
                sessions.add_metric([stream, transport], found.sessions.get(transport, 0))
        yield from (encode, delay, repairs, faults, left_out, changed, fallbacks, sessions)

    def _verdicts(self, states: Mapping[str, StreamStateDocument]) -> Iterable[Metric]:
        latest = GaugeMetricFamily(
            "transcoder_verdict",
            "The gateway's latest verdict on the stream that it serves: 1 for the verdict that it gave",
            labels=("stream", "verdict"),
        )
        when = GaugeMetricFamily("transcoder_verdict_timestamp_seconds", "When it was given", labels=STREAM)
        for stream, state in states.items():
            if state.verdict is not None:
                for kind in VERDICTS:
                    latest.add_metric([stream, kind], state.verdict.verdict == kind)
                when.add_metric([stream], datetime.fromisoformat(state.verdict.at).timestamp())
        yield from (latest, when)

    def _each(self, ask: Callable[[str], T]) -> Iterable[tuple[str, T]]:
        for stream in self._control.ids():
            try:
                yield stream, ask(stream)
            except Rejected:  # the stream is about to be started or ended
                continue

    def _sanitized(self, states: Iterable[str]) -> Iterable[Metric]:
        labels = ("stream", "layer", "kind")
        units = CounterMetricFamily("transcoder_sanitized_units", "Things that were not let through", labels=labels)
        sizes = CounterMetricFamily("transcoder_sanitized_bytes", "Bytes of them", labels=labels)
        for stream in states:
            try:
                entries = self._control.ledger(stream)
            except Rejected:
                continue
            for (layer, kind), (count, size) in bounded(entries).items():
                units.add_metric([stream, layer, kind], count)
                sizes.add_metric([stream, layer, kind], size)
        yield units
        yield sizes


def _family(name: str, kind: str, text: str, values: Mapping[str, float]) -> Metric:
    make = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
    family = make(f"transcoder_{name}", text, labels=STREAM)
    for stream, value in values.items():
        family.add_metric([stream], float(value))
    return family


def bounded(entries: Iterable[LedgerEntryDocument]) -> dict[tuple[str, str], tuple[int, int]]:
    """Return counts and bytes by layer and kind, with at most MAX_KINDS kinds and `other` of a layer.

    Kinds keep their label for good: the kinds seen first have one, however many come later.
    """
    result: dict[tuple[str, str], tuple[int, int]] = {}
    taken: dict[str, int] = {}
    for entry in sorted(entries, key=lambda entry: (entry.first_seen, entry.kind)):
        kind = entry.kind
        if (entry.layer, kind) not in result:
            if taken.get(entry.layer, 0) >= MAX_KINDS:
                kind = "other"
            else:
                taken[entry.layer] = taken.get(entry.layer, 0) + 1
        count, size = result.get((entry.layer, kind), (0, 0))
        result[entry.layer, kind] = (count + entry.count, size + entry.bytes)
    return result


def registry(control: Control, counts: HttpCounts) -> CollectorRegistry:
    """Return a registry of everything that /metrics shows."""
    found = CollectorRegistry(auto_describe=False)
    found.register(StreamCollector(control, counts))
    ProcessCollector(registry=found)
    PlatformCollector(registry=found)
    GCCollector(registry=found)
    return found
