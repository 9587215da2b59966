"""The statement of a verification: what was read, for how long, what was seen in it, and the verdict, as data."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Final

from transcoder.verify.inspector import NO_PICTURE, Inspector, Verdict
from transcoder.verify.marks import MARKS
from transcoder.verify.repetition import Shown
from transcoder.verify.report import verdict

FORMAT: Final = "transcoder verify statement 1"

MIN_TOLD_S: Final = 0.5
"""Seconds of a slate from which on a verdict on other pictures tells of it."""

_NOTHING: Final = {
    Shown.SLATE: "only the slate was served",
    Shown.EITHER: "one picture was shown over and over, once a second: the slate, or a camera that sends one picture a "
    "second; --api tells which",
    Shown.RELAYED: "relayed: pixels were not decoded",
    Shown.STILL: "all pictures are alike and have no times: the slate, or a still picture of a camera; record packets "
    "(pcap), or read the stream",
}
"""What was shown where there is nothing to judge."""

NOT_PROMISED: Final = tuple(
    """\
Text that is burnt into the picture (time, place, the camera's name, a maker's logo) consists of pixels, and is passed \
on with them; a mask covers it, if one is configured.
Marks that are hidden in the brightness of pixels (in-picture watermarks) can survive any encoding. Nothing here looks \
for them, and nothing is said about them.
What the picture shows is not judged: nobody looked at it, and it was not decoded.
Bytes that are encrypted or written in a way that nobody has described are found only where the standard leaves no \
room for them; inside coded slices a canary or a mark is found, a secret of another kind is not.
The verdict holds for the time that was read and for nothing before or after it.""".splitlines()
)
"""What no verdict says, in plain words."""


class ProofError(Exception):
    """A key or a signed statement can't be used; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Says what was read and when.

    Attributes:
        source: the URL without user and password, or the name of the file.
        transport: "tcp" or "udp"; "file" for a recording.
        started: UTC seconds when reading began.
        asked_s: for how long a stream was to be read, seconds; None for a recording.
        read_s: for how long it was read; None for a recording.
        is_complete: False where reading was cut short.
    """

    source: str
    transport: str
    started: float
    asked_s: float | None = None
    read_s: float | None = None
    is_complete: bool = True


@cache
def product_version() -> str:
    """Return the version of the product; files are read at the first call alone."""
    return version("transcoder")


def statement(inspector: Inspector, reading: Reading) -> dict[str, object]:
    """Return everything that a verdict is made of, after the inspector has finished; fit for JSON."""
    made = {
        "format": FORMAT,
        "product_version": product_version(),
        "source": reading.source,
        "transport": reading.transport,
        "started": datetime.fromtimestamp(reading.started, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "seconds_asked": reading.asked_s,
        "seconds_read": None if reading.read_s is None else round(reading.read_s, 1),
        "verdict": inspector.verdict.value,
        "complete": reading.is_complete,
        "sentence": sentence(inspector, reading),
        "served_by_transcoder": inspector.is_ours,
        "shown": {
            "origin": inspector.shown.value,
            "slate_s": round(inspector.slate_s, 1),
            "told_by": "pictures" if inspector.origin is None else "gateway",
        },
        "pictures": inspector.pictures,
        "marks": {"date": MARKS.date.isoformat(), "number": len(MARKS.items)},
        "canaries": inspector.canaries,
        "rtsp_headers": dict(inspector.headers),
        "sdp_lines": dict(inspector.lines),
        "not_promised": list(NOT_PROMISED),
        **verdict(inspector),
        "clean": inspector.clean and reading.is_complete,
    }
    found: dict[str, object] = json.loads(json.dumps(made))  # numbers that are names of members become text
    return found


def sentence(inspector: Inspector, reading: Reading) -> str:
    """Return the verdict as people read it."""
    text = _verdict(inspector, reading)
    if reading.is_complete:
        return text
    if inspector.verdict is Verdict.CLEAN:
        text = text.replace("clean", "clean so far", 1)
    if reading.read_s is None or reading.asked_s is None:
        return f"{text} (cut short)"
    return f"{text} (cut short after {reading.read_s:.1f} of {reading.asked_s:g} s)"


def _verdict(inspector: Inspector, reading: Reading) -> str:
    if inspector.verdict is Verdict.UNCLEAN:
        return "not clean"
    if inspector.verdict is Verdict.NOTHING_TO_JUDGE:
        return f"nothing to judge: {_NOTHING[inspector.shown] if inspector.pictures else NO_PICTURE}"
    if inspector.slate_s < MIN_TOLD_S:
        return "clean"
    whole_s = reading.read_s or max((media.span_s for media in inspector.media.values()), default=0.0)
    share = f"{inspector.slate_s:.1f} of {whole_s:.1f} s ({inspector.slate_s / max(whole_s, inspector.slate_s):.0%})"
    if inspector.origin is not None:
        return f"clean; for {share} only the slate was served"
    return f"clean; for {share} a picture a second came, most likely the slate"
