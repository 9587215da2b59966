"""What a probe says: one mapping, fit for JSON, and its lines for people."""

import re
from collections.abc import Callable
from itertools import pairwise
from statistics import median

from transcoder import clock
from transcoder.codecs.nal import is_allowed, nal_unit_name
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
"""Attributes of a description that say nothing of who made it."""
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
"""Over 3 s the jitter of a loaded network, 0.1 s, stays below 5 %."""
_MAX_CLOCK_ERROR_S = 10.0
"""Readers that trust sender reports allow so much (Nx Witness)."""

Shown = Callable[[str], str]


def shown_text(password: str | None) -> Shown:
    """A function that makes a camera's text fit for a terminal, without control characters or credentials."""

    def shown(text: str) -> str:
        clean = redact(printable(text, 4 * _MAX_TEXT))
        clean = re.sub(r"(?i)(\b(?:pass(?:word|wd)?|pwd)=)[^&/;\s]*", r"\1***", clean)
        if password and len(password) >= 3:
            clean = clean.replace(password, "***")
        return printable(clean, _MAX_TEXT)

    return shown


def summary(seen: Observation, shown: Shown) -> dict[str, object]:
    """Everything a probe found out.

    Args:
        seen: of one session.
        shown: makes text fit to be shown, see shown_text.
    """
    marks = seen.marks()
    guess = guess_family(marks)
    found: dict[str, object] = {
        "transport": seen.transport.lower.lower() if seen.transport is not None else None,
        "vendor_guess": {
            "family": guess.family,
            "evidence": list(guess.evidence),
            "marks_of_others": list(guess.also),
        },
        "firmware": [shown(trait) for trait in firmware_traits(marks)],
        "media": _media(seen, shown),
        "metadata": _metadata(seen, shown),
    }
    if seen.video is not None and seen.selection is not None:
        found["video"] = _video(seen, seen.video, seen.selection)
    return found


def _media(seen: Observation, shown: Shown) -> list[dict[str, object]]:
    if seen.description is None:
        return []
    chosen = seen.selection.index if seen.selection is not None else -1
    return [
        {
            "kind": shown(media.kind),
            "formats": _formats(media, shown),
            "direction": media.direction or None,
            "set_up": index == chosen,
        }
        for index, media in enumerate(seen.description.media)
    ]


def _formats(media: Media, shown: Shown) -> list[str]:
    named = [f"{item.payload_type} {item.encoding or '?'}/{item.clock_rate}" for item in media.formats]
    return [shown(text) for text in named or media.raw_formats]


# -- metadata ----------------------------------------------------------------------------------------------------


def _metadata(seen: Observation, shown: Shown) -> list[dict[str, object]]:
    """Every channel that carries something besides pixels."""
    rows: list[dict[str, object]] = []

    def row(channel: str, what: str, count: int | None = None, detail: str = "") -> None:
        rows.append({"channel": channel, "what": shown(what), "count": count, "detail": shown(detail)})

    if seen.description is not None:
        chosen = seen.selection.index if seen.selection is not None else -1
        for index, media in enumerate(seen.description.media):
            if index != chosen:
                row("media", f"{media.kind} {', '.join(_formats(media, shown))}", None, "offered, not set up")
    negotiated = seen.selection.payload_types if seen.selection is not None else frozenset()
    for number, (packets, size) in sorted(seen.payload_types.items()):
        if number not in negotiated:
            row("payload type", str(number), packets, f"{size} bytes on the video channel, declared nowhere")
    for (number, profile), count in sorted(seen.extensions.items()):
        row("header extension", f"profile 0x{profile:04x}", count, f"on packets of payload type {number}")
    if seen.csrcs:
        row("CSRC", "identifiers", seen.csrcs)
    if seen.padded:
        row("padding", "packets", seen.padded)
    for channel, (frames, size) in sorted(seen.unassigned.items()):
        row("interleaved channel", f"{channel}, never set up", frames, f"{size} bytes")
    _nal_rows(seen, row)
    for name, count in seen.rtcp.items():
        if name not in {"SR", "RR", "SDES"}:
            row("RTCP", name, count)
    for (name, text), count in seen.rtcp_texts.items():
        row("RTCP text", name, count, text.decode("latin-1"))
    _text_rows(seen, row)
    return rows


def _nal_rows(seen: Observation, row: Callable[..., None]) -> None:
    codec = seen.codec
    if codec is None:
        for layer, kind, entry in seen.ledger:
            if not layer.startswith("rt"):  # what RTP and RTCP carry is listed from the packets
                row(layer, kind, entry.count)
        return
    for payload_type, count in sorted(seen.sei.items()):
        first = seen.sei_first[payload_type]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in first[:32])
        row("SEI", f"{payload_type} {_SEI_NAMES.get(payload_type, 'reserved or private')}", count, text)
    for unit_type, count in sorted(seen.nal_units.items()):
        name = nal_unit_name(codec, unit_type)
        if not is_allowed(codec, unit_type) and "SEI" not in name:
            row("NAL unit", name, count)


def _text_rows(seen: Observation, row: Callable[..., None]) -> None:
    for realm in seen.marks().realms:
        row("realm", realm)
    for value in dict.fromkeys(item.partition(";")[0].strip() for item in seen.sessions):
        row("session id", value)
    for name, value in seen.fields:
        if name.lower() not in _PLAIN_FIELDS:
            row("header", f"{name}: {value}")
    if seen.description is None:
        return
    for key, value in seen.description.lines:
        if key in "osiuep":
            row("SDP line", f"{key}={value}")
    pairs = [*seen.description.attributes, *(pair for media in seen.description.media for pair in media.attributes)]
    for name, value in dict.fromkeys(pairs):
        if name.lower() not in _PLAIN_ATTRIBUTES:
            row("SDP attribute", f"{name}:{value}" if value else name)


# -- video -------------------------------------------------------------------------------------------------------


def _video(seen: Observation, video: VideoReceiver, selection: VideoSelection) -> dict[str, object]:
    found: dict[str, object] = {"codec": selection.codec.value}
    if selection.picture_size is not None:
        found["size"] = f"{selection.picture_size[0]}x{selection.picture_size[1]}"
    slices = seen.slices
    if slices is not None and slices.sps is not None:
        found |= _parameter_sets(slices.sps)
    found["pictures"] = seen.pictures
    seconds = seen.span[1] - seen.span[0] if seen.span else 0.0
    rates = seen.timing.rates()
    if rates is not None:
        pictures, arrived, by_timestamp = rates
        found["fps"] = round(pictures / arrived, 2) if arrived > 0 else None
        found["fps_by_timestamp"] = round(pictures / by_timestamp, 2) if by_timestamp > 0 else None
    if seconds > 0:
        octets = sum(size for number, (_, size) in seen.payload_types.items() if number in selection.payload_types)
        found["kbps"] = round(octets * 8 / seconds / 1000)
    found["gop"] = _gop(seen, seconds)
    if slices is not None and slices.checked:
        found["encrypted"] = slices.encrypted
    receiver = video.receiver
    found["packets"] = {
        "received": receiver.received,
        "lost": receiver.lost,
        "late": receiver.late,
        "duplicates": receiver.duplicates,
        "malformed": receiver.malformed,
        "restarts": receiver.restarts,
        "jitter_ms": round(receiver.jitter / 90, 1),
    }
    found["damaged_pictures"] = seen.damaged
    found["tolerated"] = dict(video.faults)
    found["timestamps"] = _timestamps(seen)
    return found


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


def _gop(seen: Observation, seconds: float) -> str:
    starts = seen.random_access
    if not starts:
        return f"no IDR in {seconds:.1f} s"
    if len(starts) == 1:
        return f"no second IDR in {seconds:.1f} s, {seen.pictures - starts[0][0]} pictures since the first"
    pictures = [after[0] - before[0] for before, after in pairwise(starts)]
    times = [after[1] - before[1] for before, after in pairwise(starts)]
    text = f"{median(times):.2f} s, {median(pictures):g} pictures"
    return text if len(set(pictures)) == 1 else f"{text} (from {min(pictures)} to {max(pictures)} pictures)"


def _timestamps(seen: Observation) -> list[str]:
    """Oddities, one line each; none where timestamps are as they should be."""
    timing = seen.timing
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
    if not seen.rtcp["SR"]:
        odd.append("no sender report came")
    elif seen.sender_report is not None:
        off_s = clock.unix_from_ntp(seen.sender_report.ntp) - clock.wall_clock()
        if abs(off_s) > _MAX_CLOCK_ERROR_S:
            odd.append(f"the clock in sender reports is off by about {off_s:.0f} s")
    if len(seen.ssrcs) > 1:
        odd.append(f"{len(seen.ssrcs)} SSRCs on the video channel")
    return odd
