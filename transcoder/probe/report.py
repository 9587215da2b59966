"""The report of a probe is one mapping, fit for JSON and for lines that people read."""

import re
from collections.abc import Callable
from itertools import pairwise
from statistics import median

from transcoder import clock
from transcoder.codecs.nal import Codec, is_allowed, nal_unit_name
from transcoder.codecs.parameter_sets import SequenceParameterSet
from transcoder.logs import redact
from transcoder.probe.observation import Observation
from transcoder.rtp.video import VideoReceiver
from transcoder.rtsp.fingerprint import firmware_traits, guess_family
from transcoder.sdp import Media, VideoSelection
from transcoder.text import printable

_MAX_TEXT = 160
_PLAIN_ATTRIBUTES = frozenset(
    {"control", "rtpmap", "fmtp", "range", "framerate", "recvonly", "sendonly", "sendrecv", "inactive", "framesize"}
)
"""Attributes of a description that tell nothing of who made it."""
_PLAIN_FIELDS = frozenset(
    {
        "cseq", "content-length", "content-type", "content-base", "transport", "public", "date", "rtp-info", "range",
        "cache-control", "www-authenticate", "session", "allow", "expires",
    }
)  # fmt: skip
_SEI_NAMES = {
    0: "buffering period", 1: "picture timing", 3: "filler payload", 4: "registered user data (T.35)",
    5: "unregistered user data", 6: "recovery point", 45: "frame packing", 47: "display orientation",
    128: "private, or structure of pictures", 129: "active parameter sets", 132: "decoded picture hash",
    136: "time code", 137: "mastering display", 144: "content light level",
}  # fmt: skip

_MIN_DRIFT_S, _MAX_DRIFT = 3.0, 0.05
"""Seconds and share of drift: over 3 s the jitter of a loaded network, 0.1 s, stays below 5 %."""
_MAX_CLOCK_ERROR_S = 10.0
"""Seconds: readers that trust sender reports allow such an error of the clock (Nx Witness)."""

Shown = Callable[[str], str]


def shown_text(password: str | None) -> Shown:
    """Return a function that makes a camera's text fit for a terminal, without control characters or credentials."""

    def shown(text: str) -> str:
        clean = redact(printable(text, 4 * _MAX_TEXT))
        clean = re.sub(r"(?i)(\b(?:pass(?:word|wd)?|pwd)=)[^&/;\s]*", r"\1***", clean)
        if password and len(password) >= 3:
            clean = clean.replace(password, "***")
        return printable(clean, _MAX_TEXT)

    return shown


def summary(observation: Observation, shown: Shown) -> dict[str, object]:
    """Return all findings of a probe.

    Args:
        observation: the observation of one session.
        shown: makes text fit to be shown, see shown_text.
    """
    marks = observation.marks()
    guess = guess_family(marks)
    findings: dict[str, object] = {
        "transport": observation.transport.lower.lower() if observation.transport is not None else None,
        "tls_key_sha256": observation.keys.latest or None,
        "vendor_guess": {
            "family": guess.family,
            "maker": guess.maker or None,
            "confidence": guess.confidence or None,
            "evidence": list(guess.because),
            "marks_of_others": list(guess.also),
        },
        "habits": [shown(trait) for trait in firmware_traits(marks)],
        "media": _media(observation, shown),
        "metadata": _metadata(observation, shown),
    }
    if observation.video is not None and observation.selection is not None:
        findings["video"] = _video(observation, observation.video, observation.selection)
    return findings


def _media(observation: Observation, shown: Shown) -> list[dict[str, object]]:
    if observation.description is None:
        return []
    chosen = observation.selection.index if observation.selection is not None else -1
    return [
        {
            "kind": shown(media.kind),
            "formats": _formats(media, shown),
            "direction": media.direction or None,
            "set_up": index == chosen,
        }
        for index, media in enumerate(observation.description.media)
    ]


def _formats(media: Media, shown: Shown) -> list[str]:
    named = [f"{item.payload_type} {item.encoding or '?'}/{item.clock_rate}" for item in media.formats]
    return [shown(text) for text in named or media.raw_formats]


# -- metadata ----------------------------------------------------------------------------------------------------


def _metadata(observation: Observation, shown: Shown) -> list[dict[str, object]]:
    """Return every channel that carries something besides pixels."""
    rows: list[dict[str, object]] = []

    def row(channel: str, what: str, count: int | None = None, detail: str = "") -> None:
        rows.append({"channel": channel, "what": shown(what), "count": count, "detail": shown(detail)})

    if observation.description is not None:
        chosen = observation.selection.index if observation.selection is not None else -1
        for index, media in enumerate(observation.description.media):
            if index != chosen:
                row("media", f"{media.kind} {', '.join(_formats(media, shown))}", None, "offered, not set up")
    negotiated = observation.selection.payload_types if observation.selection is not None else frozenset()
    for number, (packets, size) in sorted(observation.payload_types.items()):
        if number not in negotiated:
            row("payload type", str(number), packets, f"{size} bytes on the video channel, declared nowhere")
    for (number, profile), count in sorted(observation.extensions.items()):
        row("header extension", f"profile 0x{profile:04x}", count, f"on packets of payload type {number}")
    if observation.csrcs:
        row("CSRC", "identifiers", observation.csrcs)
    if observation.padded:
        row("padding", "packets", observation.padded)
    if observation.unreadable:
        row("unreadable", "RTP and RTCP packets", observation.unreadable)
    for channel, (frames, size) in sorted(observation.unassigned.items()):
        row("interleaved channel", f"{channel}, never set up", frames, f"{size} bytes")
    _nal_rows(observation, row)
    for name, count in observation.rtcp.items():
        if name not in {"SR", "RR", "SDES"}:
            row("RTCP", name, count)
    for (name, text), count in observation.rtcp_texts.items():
        row("RTCP text", name, count, text.decode("latin-1"))
    _text_rows(observation, row)
    return rows


def _by_name(item: tuple[tuple[Codec, int], int]) -> tuple[str, int]:
    (codec, unit_type), _ = item
    return codec.value, unit_type


def _nal_rows(observation: Observation, row: Callable[..., None]) -> None:
    if observation.codec is None:
        for layer, kind, entry in observation.ledger:
            if not layer.startswith("rt"):  # what RTP and RTCP carry is listed from the packets
                row(layer, kind, entry.count)
        return
    for payload_type, count in sorted(observation.sei.items()):
        first = observation.sei_first[payload_type]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in first[:32])
        row("SEI", f"{payload_type} {_SEI_NAMES.get(payload_type, 'reserved or private')}", count, text)
    for (codec, unit_type), count in sorted(observation.nal_units.items(), key=_by_name):
        name = nal_unit_name(codec, unit_type)
        if not is_allowed(codec, unit_type) and "SEI" not in name:
            row("NAL unit", name, count)


def _text_rows(observation: Observation, row: Callable[..., None]) -> None:
    for realm in observation.marks().realms:
        row("realm", realm)
    for value in dict.fromkeys(item.partition(";")[0].strip() for item in observation.sessions):
        row("session id", value)
    for name, value in observation.fields:
        if name.lower() not in _PLAIN_FIELDS:
            row("header", f"{name}: {value}")
    if observation.description is None:
        return
    for key, value in observation.description.lines:
        if key in "osiuep":
            row("SDP line", f"{key}={value}")
    pairs = [
        *observation.description.attributes,
        *(pair for media in observation.description.media for pair in media.attributes),
    ]
    for name, value in dict.fromkeys(pairs):
        if name.lower() not in _PLAIN_ATTRIBUTES:
            row("SDP attribute", f"{name}:{value}" if value else name)


# -- video -------------------------------------------------------------------------------------------------------


def _video(observation: Observation, video: VideoReceiver, selection: VideoSelection) -> dict[str, object]:
    findings: dict[str, object] = {"codec": selection.codec.value}
    if observation.described_as:
        findings["described_as"] = observation.described_as
    if observation.codec_switches:
        findings["codec_switches"] = [
            f"from {before} to {after} after {pictures} pictures"
            for before, after, pictures in observation.codec_switches
        ]
    if selection.picture_size is not None:
        findings["size"] = f"{selection.picture_size[0]}x{selection.picture_size[1]}"
    slices = observation.slices
    if slices is not None and slices.sps is not None:
        findings |= _parameter_sets(slices.sps)
    findings["pictures"] = observation.pictures
    seconds = observation.span[1] - observation.span[0] if observation.span else 0.0
    rates = observation.timing.rates()
    if rates is not None:
        pictures, arrived, by_timestamp = rates
        findings["fps"] = round(pictures / arrived, 2) if arrived > 0 else None
        findings["fps_by_timestamp"] = round(pictures / by_timestamp, 2) if by_timestamp > 0 else None
    if seconds > 0:
        octets = sum(
            size for number, (_, size) in observation.payload_types.items() if number in video.receiver.payload_types
        )
        findings["kbps"] = round(octets * 8 / seconds / 1000)
    findings["gop"] = _gop(observation, seconds)
    if slices is not None and slices.checked:
        findings["encrypted"] = slices.encrypted
    receiver = video.receiver
    findings["packets"] = {
        "received": receiver.received,
        "lost": receiver.lost,
        "late": receiver.late,
        "duplicates": receiver.duplicates,
        "malformed": receiver.malformed,
        "restarts": receiver.restarts,
        "jitter_ms": round(receiver.jitter / receiver.clock_rate * 1000, 1),
    }
    findings["damaged_pictures"] = observation.damaged
    findings["tolerated"] = dict(video.faults)
    findings["timestamps"] = _timestamps(observation)
    return findings


def _parameter_sets(sps: SequenceParameterSet) -> dict[str, object]:
    return {
        "size": f"{sps.width}x{sps.height}",
        "sar": f"{sps.sar[0]}:{sps.sar[1]}" if sps.sar is not None else None,
        "profile": sps.profile,
        "level": sps.level,
        "bit_depth": sps.bit_depth,
        "chroma": ("4:0:0", "4:2:0", "4:2:2", "4:4:4")[sps.chroma_format],
        "interlaced": sps.interlaced,
        "declared_fps": round(sps.frame_rate, 3) if sps.frame_rate is not None else None,
        "reference_pictures": sps.max_reference_pictures,
        "reordered_pictures": sps.num_reorder,
    }


def _gop(observation: Observation, seconds: float) -> str:
    starts = observation.random_access
    if not starts:
        return f"no IDR in {seconds:.1f} s"
    if len(starts) == 1:
        return f"no second IDR in {seconds:.1f} s, {observation.pictures - starts[0][0]} pictures since the first"
    pictures = [after[0] - before[0] for before, after in pairwise(starts)]
    times = [after[1] - before[1] for before, after in pairwise(starts)]
    text = f"{median(times):.2f} s, {median(pictures):g} pictures"
    return text if len(set(pictures)) == 1 else f"{text} (from {min(pictures)} to {max(pictures)} pictures)"


def _timestamps(observation: Observation) -> list[str]:
    """Return oddities, one line each; none where timestamps are as they should be."""
    timing = observation.timing
    odd = []
    if timing.repeats:
        odd.append(f"{timing.repeats} pictures repeat the timestamp before them")
    if timing.backwards:
        odd.append(f"{timing.backwards} pictures step back")
    if timing.jumps:
        odd.append(f"{timing.jumps} jumps of over a second")
    rates = timing.rates()
    if rates is not None and rates[1] > _MIN_DRIFT_S and not timing.jumps and abs(rates[2] / rates[1] - 1) > _MAX_DRIFT:
        odd.append(f"they run at {rates[2] / rates[1]:.2f} times real time")
    if timing.steps and max(timing.steps) - min(timing.steps) > 1:
        steps = ", ".join(f"{step} ms {count} times" for step, count in timing.steps.most_common(4))
        odd.append(f"steps vary: {steps}")
    if not observation.rtcp["SR"]:
        odd.append("no sender report came")
    elif observation.sender_report is not None:
        off_s = clock.unix_from_ntp(observation.sender_report.ntp) - clock.wall_clock()
        if abs(off_s) > _MAX_CLOCK_ERROR_S:
            odd.append(f"the clock in sender reports is off by about {off_s:.0f} s")
    if len(observation.ssrcs) > 1:
        odd.append(f"{len(observation.ssrcs)} SSRCs on the video channel")
    return odd
