"""The verdict is reported as data, and as lines for people."""

from itertools import pairwise

from rich.console import Console
from rich.text import Text

from transcoder import product
from transcoder.verify.findings import group
from transcoder.verify.inspector import Inspector, Verdict
from transcoder.verify.media import Media
from transcoder.verify.nal_units import NalUnits

MAX_SHOWN = 5
"""Problems of a group that are shown to people."""
_CLOCK_RATE = 90_000
_COLOURS = {
    Verdict.CLEAN: "bold green",
    Verdict.UNCLEAN: "bold red",
    Verdict.NOTHING_TO_JUDGE: "bold yellow",
}
_CUT_SHORT = "bold yellow"


def verdict(inspector: Inspector) -> dict[str, object]:
    """Return everything that was found, fit for JSON."""
    return {
        "clean": inspector.clean,
        "problems": dict(inspector.problems.most_common()),
        "notes": dict(inspector.notes),
        "bytes_searched": inspector.searched,
        "text": dict(inspector.texts),
        "media": [_media(media) for media in inspector.media.values()],
    }


def _media(media: Media) -> dict[str, object]:
    found: dict[str, object] = {
        "name": media.name,
        "codec": media.codec.value if media.codec else None,
        "bytes": media.octets,
    }
    if media.packets or media.rtcp:
        found |= _packets(media)
    if media.units is not None:
        found |= _units(media.units) | _times(media, media.units)
    return found


def _packets(media: Media) -> dict[str, object]:
    return {
        "packets": media.packets,
        "payload_types": dict(media.payload_types),
        "ssrcs": len(media.ssrcs),
        "extensions": {
            f"0x{profile:04x}": {"packets": count, "first_bytes": media.first_extensions[profile].hex()}
            for profile, count in media.extensions.items()
        },
        "rtp_fields": dict(media.rtp_fields),
        "rtcp": dict(media.rtcp),
        "rtcp_fields": dict(media.rtcp_fields),
        "rtcp_text": dict(media.rtcp_texts),
        "missing": media.gaps,
        "late": media.late,
        "repeated": media.repeated,
    }


def _units(units: NalUnits) -> dict[str, object]:
    return {
        "pictures": units.pictures,
        "random_access_pictures": len(units.random_access),
        "nal_units": {units.codec.nal_unit_name(kind): count for kind, count in sorted(units.types.items())},
        "sei": {
            str(kind): {"messages": entry.count, "first_bytes": entry.first.hex()}
            for kind, entry in sorted(units.sei.items())
        },
        "nal_text": dict(units.texts),
        "sps": [
            f"{sps.width}x{sps.height}, {sps.profile}, level {sps.level}"
            + (f", {sps.frame_rate:g} fps" if sps.frame_rate else "")
            for sps in units.sets.values()
        ],
    }


def _times(media: Media, units: NalUnits) -> dict[str, object]:
    """Return rates and intervals.

    They need two pictures with timestamps; a byte stream has intervals in pictures only.
    """
    starts = units.random_access
    found: dict[str, object] = {
        "timestamps_advance": media.steps_back == 0 if media.span else None,
        "gop_pictures": [_rounded((starts[-1] - starts[0]) / (len(starts) - 1))] if len(starts) > 1 else [],
    }
    ticks = media.random_access_ticks
    if len(ticks) > 1:
        steps = [(after - before) / _CLOCK_RATE for before, after in pairwise(ticks)]
        found["gop_s"] = {"min": _rounded(min(steps)), "max": _rounded(max(steps))}
    if len(media.span) == 2 and units.pictures > 1 and media.span[1][1] > media.span[0][1]:
        seconds = (media.span[1][1] - media.span[0][1]) / _CLOCK_RATE
        found["fps_by_timestamp"] = _rounded((units.pictures - 1) / seconds)
        arrived = media.span[1][0] - media.span[0][0]
        if arrived > 0:
            found["fps_by_arrival"] = _rounded((units.pictures - 1) / arrived)
            found["kbps"] = round(media.octets * 8 / arrived / 1000)
    return found


def _rounded(value: float) -> float:
    return round(value, 3)


def render(inspector: Inspector, console: Console, sentence: str = "") -> None:
    """Write the verdict for people; a peer's text is never taken for markup.

    Args:
        inspector: everything that was found.
        console: prints the verdict.
        sentence: the verdict in words, which stands first and last; "": clean or not clean.
    """
    sentence = sentence or ("clean" if inspector.clean else "not clean")
    _sentence(inspector, console, sentence)
    for media in inspector.media.values():
        _heading(console, media.name)
        _lines(console, _media(media))
    if inspector.texts:
        _heading(console, "text in RTSP and SDP")
        for text, count in inspector.texts.items():
            _line(console, f"{text}" + (f"  ({count} times)" if count > 1 else ""))
    if inspector.notes:
        _heading(console, "notes")
        for text, count in inspector.notes.items():
            _line(console, f"{text}: {count}")
    _heading(console, "verdict")
    for found in group(inspector.problems):
        kinds = "1 kind" if len(found.problems) == 1 else f"{len(found.problems)} kinds"
        _line(console, f"{found.title}: {kinds}, {found.count} in all", "bold red")
        for text, count in found.problems[:MAX_SHOWN]:
            _line(console, f"  {text}: {count}", "red")
        if len(found.problems) > MAX_SHOWN:
            _line(console, f"  and {len(found.problems) - MAX_SHOWN} more, which --json and --page list", "red")
    _line(console, f"{inspector.searched} bytes searched")
    _sentence(inspector, console, sentence)


def _sentence(inspector: Inspector, console: Console, sentence: str) -> None:
    """Write the verdict, and before it whose words were read, if they are not ours."""
    if inspector.is_ours is False:
        names = ", ".join(sorted(f"Server: {name}" for name in inspector.servers - {"", product.NAME}))
        _line(console, f"not served by a transcoder ({names or 'no Server header'})", "bold red", indent="")
    style = _CUT_SHORT if "cut short" in sentence and inspector.clean else _COLOURS[inspector.verdict]
    console.print(Text(sentence, style), soft_wrap=True)


def _lines(console: Console, found: dict[str, object]) -> None:
    for name, value in found.items():
        if name == "name" or value is None or value in ({}, []):
            continue
        label = name.replace("_", " ")
        if isinstance(value, dict):
            _line(console, f"{label}: " + "; ".join(f"{key}: {_inline(item)}" for key, item in value.items()))
        elif isinstance(value, list):
            _line(console, f"{label}: " + "; ".join(str(item) for item in value))
        else:
            _line(console, f"{label}: {value}")


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{item} {key.replace('_', ' ')}" for key, item in value.items())
    return str(value)


def _heading(console: Console, text: str) -> None:
    console.print(Text(text, "bold"), soft_wrap=True)


def _line(console: Console, text: str, style: str = "", indent: str = "  ") -> None:
    console.print(Text(indent + text, style), soft_wrap=True)
