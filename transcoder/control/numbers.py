"""These counters and quantiles are told in metrics alone; no document needs them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from transcoder.assets.state import State

LEFT_OUT: Final = {
    "frame_rate": "capped_pictures",
    "no_time": "shed_pictures",
    "late": "shed_access_units",
    "after_lost": "skipped_access_units",
    "order": "unordered_pictures",
    "not_prepared": "pictures_without_mask",
    "not_encoded": "pictures_without_output",
}
"""Why a worker leaves a picture out: the words that are told, and the worker's counter of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamNumbers:
    """Holds the numbers of one stream.

    Counters go back to 0 with a worker or a connection, as Prometheus expects of a restart.

    Attributes:
        decoded: pictures that the present worker decoded.
        decode_errors: errors of the present worker's decoder, all kinds but concealed pictures.
        concealed: pictures of the present worker in which the decoder made up missing parts.
        changed_macroblocks: the share of macroblocks in which a picture of the first output differs from the one
            before, a mean of half a second; None where nobody compares them.
        timestamp_repairs: repaired timestamps of the present connection, by kind.
        source_faults: tolerated faults of the camera in the present connection, by kind.
        encode_s: processor time of encoding, seconds.
        encode_counts: pictures by their time of encoding, at ENCODE_BOUNDS_S, and pictures over the last bound.
        delays_s: the delay of each quantile, from a picture's last packet to the readers, seconds.
        delayed: pictures whose delay was noted.
        delay_sum_s: the sum of their delays, seconds.
        skipped_access_units: access units of the camera that refer to one that was dropped.
        audio_units_in: audio units that were taken in.
        audio_units_out: frames of sound that were given to readers, of all outputs.
        silent_audio_units_out: frames of silence that were given to readers where no sound came.
        audio_errors: sound of the present worker that could not be decoded or encoded, or not at all.
        left_out: pictures that the present worker left out, by LEFT_OUT.
        fallbacks: encoders of the present worker that call x264 over FFmpeg's interface, by the reason.
        encoder_dropped: NAL units of the present worker's encoder that were not let out.
        start_failures: times that no worker could be started.
        source_restarts: times that the camera began anew within a connection.
        last_picture: wall clock of the last picture of the camera that readers got, UTC seconds, 0 for none.
        slow_reader_drops: access units that a reader was too slow for.
        sent_bytes: bytes of RTP packets that were sent to readers.
        sessions: readers by transport.
    """

    decoded: int = 0
    decode_errors: int = 0
    concealed: int = 0
    changed_macroblocks: float | None = None
    timestamp_repairs: Mapping[str, int] = field(default_factory=dict)
    source_faults: Mapping[str, int] = field(default_factory=dict)
    encode_s: float = 0.0
    encode_counts: Sequence[int] = ()
    delays_s: Mapping[str, float] = field(default_factory=dict)
    delayed: int = 0
    delay_sum_s: float = 0.0
    skipped_access_units: int = 0
    audio_units_in: int = 0
    audio_units_out: int = 0
    silent_audio_units_out: int = 0
    audio_errors: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    fallbacks: Mapping[str, int] = field(default_factory=dict)
    encoder_dropped: int = 0
    start_failures: int = 0
    source_restarts: int = 0
    last_picture: float = 0.0
    slow_reader_drops: int = 0
    sent_bytes: int = 0
    sessions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnvifNumbers:
    """Holds the numbers of the ONVIF devices since the start of the gateway.

    Attributes:
        requests: requests by operation.
        faults: refused requests by the last code of their faults.
        refused_logins: logins by WS-Security that were refused, by reason.
        subscriptions: subscriptions that there are now.
        dropped_messages: messages that a client was too slow for.
        aborted: connections that were closed because they were too slow, or too many.
        questions: questions of WS-Discovery that were answered, or that no device was meant by.
        refused_questions: questions that were repeated, came too often, or are none.
    """

    requests: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)
    refused_logins: Mapping[str, int] = field(default_factory=dict)
    subscriptions: int = 0
    dropped_messages: int = 0
    aborted: int = 0
    questions: int = 0
    refused_questions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayNumbers:
    """Holds the numbers since the start of the gateway that belong to no stream in particular.

    Attributes:
        rtsp_open: connections of readers that there are now.
        tasks: tasks of the event loop that there are now.
        rtsp_connections: connections of readers that were taken in.
        rtsp_rejected: answers to readers that were errors, by status.
        rtsp_delayed_logins: logins of readers that had to wait because of wrong ones before them.
        http_auth_failures: tokens that were refused.
        http_delayed_logins: tokens that had to wait because of wrong ones before them.
        sessions_ended: ends of readers' sessions, by stream ("" for a connection without a session) and reason.
        mqtt_dropped: messages that were dropped because too many waited for the broker.
        mqtt_ignored: commands that were ignored because the broker had kept them.
        mqtt_refused_topics: response topics that no answer was sent to.
        rtsp_ignored_reports: datagrams at the RTCP port that are no report of a reader.
        rtsp_moved_readers: tracks over UDP that followed their reader through a NAT to other ports.
        events_dropped: events that a listener was too slow for.
        changes_refused: changes that were refused, and files that were loaded again.
        fork_server_losses: fork servers that ended without having been asked to, or hung.
        state_writable: whether changes of streams can be kept, as far as is known; None where none are to be kept.
        store_dropped: records of first seen channels that could not be kept.
        watch_faults: how often a stream could not be looked after.
        onvif: the numbers of the ONVIF devices, None without any.
        assets: how many assets there are, by state and maker.
    """

    rtsp_open: int = 0
    tasks: int = 0
    rtsp_connections: int = 0
    rtsp_rejected: Mapping[int, int] = field(default_factory=dict)
    rtsp_delayed_logins: int = 0
    http_auth_failures: int = 0
    http_delayed_logins: int = 0
    sessions_ended: Mapping[tuple[str, str], int] = field(default_factory=dict)
    mqtt_dropped: int = 0
    mqtt_ignored: int = 0
    mqtt_refused_topics: int = 0
    rtsp_ignored_reports: int = 0
    rtsp_moved_readers: int = 0
    events_dropped: int = 0
    changes_refused: int = 0
    fork_server_losses: int = 0
    state_writable: bool | None = True
    store_dropped: int = 0
    watch_faults: int = 0
    onvif: OnvifNumbers | None = None
    assets: Mapping[tuple[State, str], int] = field(default_factory=dict)
