"""Documents and numbers of one running stream are made here."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from transcoder import clock
from transcoder.assets.state import State
from transcoder.config import StreamConfig
from transcoder.control import (
    LEFT_OUT,
    FaultsDocument,
    LedgerEntryDocument,
    PushDocument,
    ServedDocument,
    ServedSpanDocument,
    SourceDocument,
    StreamNumbers,
    StreamStateDocument,
    VerdictDocument,
    WorkerDocument,
)
from transcoder.control.documents import Status
from transcoder.control.history import History
from transcoder.control.output_documents import OutputRates, main_rates, output_document, rendition_documents
from transcoder.control.page_documents import TileDocument
from transcoder.control.wall import tile_document
from transcoder.control.withheld import problem_of
from transcoder.ipc.messages import CONCEALED
from transcoder.ledger import Entry, Ledger
from transcoder.logs import redact
from transcoder.output.served_spans import ServedSpans
from transcoder.rejection import Code, Rejected
from transcoder.service.push_status import PushStatus
from transcoder.service.status import StreamState, StreamStatus
from transcoder.service.store import Store, StoreError, now_text, time_text
from transcoder.service.stream import Stream
from transcoder.service.verdicts import Verdict
from transcoder.source.problems import ProblemCode
from transcoder.text import printable
from transcoder.worker_options import Fallback

DEGRADED_S: Final = 30.0
"""Seconds for which a playing stream counts as degraded after a lost worker."""
RATE_SPAN_S: Final = 10.0
"""Seconds over which the rates of the ledger are measured."""
MAX_IN_STATE: Final = 32
"""The largest number of ledger entries in a stream's state, which is published over and over."""
MAX_TEXT: Final = 64
"""Characters of a kind, at most, and of a name that a camera chose."""
NAMED_LAYER: Final = "rtsp_media"
"""The layer whose examples are names that a camera chose."""
QUANTILES: Final = (0.5, 0.95, 0.99)
"""The quantiles of the delays of the last pictures that are told."""
MAX_PROBLEM: Final = 300
"""Characters of a reason, at most."""
SERVED_S: Final = 60.0
"""Seconds for which is told what was served, where nobody says since when."""


class StreamDocuments:
    """Makes the documents of one stream, and remembers the facts for them that the stream's status does not hold.

    Args:
        examples: whether bytes of dropped things may be shown.

    Attributes:
        history: the rates and delays of the last half hour.
    """

    def __init__(self, *, examples: bool) -> None:
        self._examples = examples
        self._status: Status = "offline"
        self._since = now_text()
        self._trouble_until = 0.0
        self._pictures = 0
        self._last_picture = 0.0
        self._before: dict[tuple[str, str], int] = {}
        self._rates: dict[tuple[str, str], float] = {}
        self._sampled = clock.monotonic()
        self._output_rates = OutputRates()
        self.history = History()

    def note(self, event_type: str) -> None:
        """Note an event of the stream: a lost worker degrades it for a while."""
        if event_type == "worker_restarted":
            self._trouble_until = clock.monotonic() + DEGRADED_S

    def sample(self, stream: Stream, now: float) -> None:
        """Note when pictures come, the status, and the rates of the ledger; to be called about once a second."""
        self.status(stream)  # whoever asks for it later is told since when it holds, and not when somebody asked before
        self._output_rates.sample(stream.status.outputs, now)
        self.history.sample(stream.status, now, clock.wall_clock())
        ledger, output = stream.ledger, stream.status.output
        pictures = output.pictures - output.repeated
        if pictures != self._pictures:
            self._pictures, self._last_picture = pictures, clock.wall_clock()
        span = now - self._sampled
        if span < RATE_SPAN_S:
            return
        counts = {(layer, kind): entry.count for layer, kind, entry in ledger}
        self._rates = {key: (count - self._before.get(key, 0)) / span for key, count in counts.items()}
        self._before, self._sampled = counts, now

    def status(self, stream: Stream) -> Status:
        """Say how well the stream serves its readers now."""
        state = stream.status.state
        status: Status
        if state is StreamState.DISABLED:
            status = "disabled"
        elif state is not StreamState.PLAYING:
            status = "offline"
        else:
            troubled = stream.status.overloaded or clock.monotonic() < self._trouble_until
            status = "degraded" if troubled else "online"
        if status != self._status:
            self._status, self._since = status, now_text()
        return status

    def ledger(self, ledger: Ledger) -> list[LedgerEntryDocument]:
        """Return every kind that was dropped, the most frequent first."""
        entries = [self._entry(layer, kind, entry) for layer, kind, entry in ledger]
        return sorted(entries, key=lambda entry: -entry.count)

    def _entry(self, layer: str, kind: str, entry: Entry) -> LedgerEntryDocument:
        example = entry.example if self._examples else b""
        is_name = layer == NAMED_LAYER and example
        return LedgerEntryDocument(
            layer=layer,
            kind=printable(kind, MAX_TEXT),
            count=entry.count,
            bytes=entry.size,
            rate=round(self._rates.get((layer, kind), 0.0), 3),
            first_seen=_time(entry.first),
            last_seen=_time(entry.last),
            example=example.hex() if example else None,
            name=printable(example.decode("utf-8", "replace"), MAX_TEXT) if is_name else None,
        )

    def numbers(self, stream: Stream, sessions: Mapping[str, int]) -> StreamNumbers:
        """Return the numbers that only metrics tell."""
        output, report = stream.status.output, stream.status.worker.report
        reception = stream.reception
        repairs = reception.get("timestamp_repairs", {})
        packets = {f"{kind} packets": reception.get(kind, 0) for kind in ("late", "duplicate", "malformed")}
        faults = reception.get("faults", {}) | {kind: count for kind, count in packets.items() if count}
        errors = {kind: _number(count) or 0 for kind, count in report.get("decode_errors", {}).items()}
        concealed = errors.get(CONCEALED, 0)
        counters = report.get("counters", {})
        audio_errors = [*report.get("audio_errors", {}).values(), counters.get("audio_refused")]
        delays = {str(share): output.delay_s(share) for share in QUANTILES}
        return StreamNumbers(
            decoded=_number(counters.get("decoded_pictures")) or 0,
            decode_errors=sum(errors.values()) - concealed,
            concealed=concealed,
            changed_macroblocks=report.get("changed_macroblocks"),
            timestamp_repairs={printable(str(kind), MAX_TEXT): count for kind, count in repairs.items()},
            source_faults={printable(str(kind), MAX_TEXT): count for kind, count in faults.items()},
            encode_s=output.encode_s,
            encode_counts=tuple(output.encode_counts),
            delays_s={share: max(delay, 0.0) for share, delay in delays.items() if delay is not None},
            delayed=output.delayed,
            delay_sum_s=output.delay_sum_s,
            skipped_access_units=stream.status.source.skipped_access_units,
            audio_units_in=stream.status.source.audio_units,
            audio_units_out=sum(one.status.audio_units for one in stream.outputs.values()),
            silent_audio_units_out=sum(one.status.silent_audio_units for one in stream.outputs.values()),
            audio_errors=sum(_number(count) or 0 for count in audio_errors),
            left_out={reason: _number(counters.get(name)) or 0 for reason, name in LEFT_OUT.items()},
            fallbacks={reason.value: _number(counters.get(reason.counter)) or 0 for reason in Fallback},
            encoder_dropped=sum(_number(count) or 0 for count in report.get("encoder_dropped", {}).values()),
            start_failures=stream.status.worker.start_failures,
            source_restarts=stream.status.source.restarts,
            last_picture=self._last_picture,
            slow_reader_drops=sum(one.fanout.counters.dropped_access_units for one in stream.outputs.values()),
            sent_bytes=sum(one.fanout.counters.sent_bytes for one in stream.outputs.values()),
            sessions=sessions,
        )

    def state(
        self,
        stream: Stream,
        config: StreamConfig,
        verdict: Verdict | None = None,
        asset: tuple[str, State] | None = None,
    ) -> StreamStateDocument:
        """Make the document of the stream's present state, with the latest verdict on it and its asset."""
        status = stream.status
        problem, code, next_attempt_at = _problem(status)
        return StreamStateDocument(
            title=config.title,
            site=config.site,
            labels=dict(config.labels),
            status=self.status(stream),
            since=self._since,
            state=status.state.value,
            problem=problem,
            problem_code=code,
            next_attempt_at=next_attempt_at,
            source=_source(stream, status, config.source.aspect),
            output=output_document(status, config, self._output_rates),
            renditions=rendition_documents(status, config, self._output_rates),
            worker=WorkerDocument(pid=status.worker.pid, decoding_pid=status.worker.decoding_pid),
            faults=FaultsDocument(
                damaged_access_units=status.source.damaged_access_units,
                shed_access_units=status.shed_access_units,
                worker_starts=status.worker.starts,
                worker_deaths=status.worker.deaths,
                decoding_deaths=status.worker.decoding_deaths,
                rejected_from_worker=status.worker.rejected,
            ),
            cpu=round(status.rates.cpu, 3),
            rate_divisor=status.rate_divisor,
            motion=round(status.motion, 3),
            conditions=tuple(status.conditions),
            push={name: _push(push) for name, push in status.pushes.items()},
            verdict=None if verdict is None else verdict_document(verdict),
            asset=config.asset,
            asset_state=None if asset is None else asset[1],
            sanitized=sum(stream.ledger.totals().values()),
            ledger=tuple(self.ledger(stream.ledger)[:MAX_IN_STATE]),
        )

    def tile(self, stream: Stream, config: StreamConfig, *, addresses: bool) -> TileDocument:
        """Make the stream's tile of a wall; a problem is told in its own words where the address of a camera may be."""
        told = self.status(stream), self._since
        problem, code, _ = _problem(stream.status)
        rates = main_rates(stream.status, self._output_rates)
        return tile_document(stream.status, config, told, (problem if addresses else problem_of(code), code), rates)


def served_document(spans: ServedSpans, since: float | None) -> ServedDocument:
    """Make the document of when pictures of the camera were shown.

    Args:
        spans: the spans of an output.
        since: UTC seconds from which on they are told; None: the last SERVED_S.
    """
    now, wall = clock.monotonic(), clock.wall_clock()
    told = spans.told(now - SERVED_S if since is None else min(now - wall + since, now), now, wall)
    return ServedDocument(
        now=time_text(told["now"]),
        since=time_text(told["since"]),
        camera_s=told["camera_s"],
        slate_s=told["slate_s"],
        spans=tuple(
            ServedSpanDocument(**span | {"begin": time_text(span["begin"]), "end": time_text(span["end"])})
            for span in told["spans"]
        ),
    )


async def signed_verdict(store: Store | None, stream: str, number: int) -> dict[str, Any]:
    """Return the signed statement of a verdict on a stream.

    Raises:
        Rejected: there is none, or the store can't be read.
    """
    try:
        found = await store.signed_verdict(stream, number) if store is not None else None
    except StoreError as error:
        raise Rejected(Code.UNAVAILABLE, str(error)) from None
    if found is None:
        raise Rejected(Code.UNKNOWN_VERDICT, f"no signed statement {number} of this stream is kept")
    return found


def verdict_document(verdict: Verdict) -> VerdictDocument:
    """Make the document of a verdict."""
    return VerdictDocument(
        number=verdict.number,
        rendition=verdict.rendition,
        verdict=verdict.kind,
        at=verdict.at,
        reason=verdict.reason or None,
        pictures=verdict.pictures,
        seconds=verdict.seconds,
        by=verdict.by,
        signed=verdict.is_signed,
    )


def _problem(status: StreamStatus) -> tuple[str | None, ProblemCode | None, str | None]:
    """Return why a stream does not play, the code of that, and when its camera is tried again.

    A stream that is not pulled has a problem only where the gateway is the cause: it has no time, or lost changes.
    """
    if status.state is StreamState.PLAYING:
        return None, None, None
    problem, code, place = status.problem, status.problem_code, status.source.place()
    if place:
        before = f"; before: {problem}" if problem else ""
        problem, code = f"waits its turn to connect to its host, place {place}{before}", "waiting"
    at = status.source.next_attempt
    return printable(redact(problem), MAX_PROBLEM) or None, code, time_text(at) if at is not None else None


def _source(stream: Stream, status: StreamStatus, shown_as: tuple[int, int] | None) -> SourceDocument:
    camera, counted, reception = status.worker.source_format, status.source, stream.reception
    connected = status.state is StreamState.PLAYING
    return SourceDocument(
        connected=connected,
        codec=_text(camera.get("codec")),
        width=_number(camera.get("width")),
        height=_number(camera.get("height")),
        aspect=shown_aspect(camera, shown_as),
        fps=round(status.rates.fps_in, 2),
        kbps=round(status.rates.kbps_in, 1),
        vendor=_text(counted.vendor),
        packets=_number(reception.get("packets")) or 0,
        packets_lost=_number(reception.get("lost")) or 0,
        bytes=counted.bytes,
        connects=counted.connects,
        losses=counted.losses,
    )


def shown_aspect(camera: Mapping[str, Any], shown_as: tuple[int, int] | None) -> float | None:
    """Return the width of the camera's picture by its height, by the operator's word or else by the stream's."""
    width, height = _number(camera.get("width")), _number(camera.get("height"))
    if shown_as is not None:
        return round(shown_as[0] / shown_as[1], 4)
    return round(width * camera.get("sample_aspect", 1.0) / height, 4) if width and height else None


def _push(status: PushStatus) -> PushDocument:
    at = status.next_attempt if status.state == "waiting" else None
    return PushDocument(
        target=status.target,
        rendition=status.rendition,
        state=status.state,
        since=time_text(status.since),
        problem=printable(redact(status.problem), MAX_PROBLEM) or None,
        next_attempt_at=time_text(at) if at is not None else None,
        starts=status.starts,
        losses=status.losses,
        bytes=status.sent_bytes,
        dropped=status.dropped,
    )


def _text(value: Any) -> str | None:
    return printable(value, MAX_TEXT) if isinstance(value, str) and value else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _time(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
