"""This module lays out the demo's output: a live table, or plain lines where there is no terminal."""

from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from transcoder.lab.demo.stripped import describe
from transcoder.lab.demo.verdict import Verdict
from transcoder.ledger import Ledger
from transcoder.service.status import StreamState, StreamStatus

NARROW = 116
"""Columns of a terminal below which the table leaves out facts that stand elsewhere too."""
MAX_DETAILED = 6
"""Streams that are listed one by one outside the table; more streams are put together, to fit on a screen."""

_STATE_STYLES = {
    StreamState.PLAYING: "green",
    StreamState.CONNECTING: "yellow",
    StreamState.STARTING: "yellow",
    StreamState.AWAY: "red",
    StreamState.DISABLED: "dim",
}
_SHED_COUNTERS = ("shed_pictures", "shed_access_units")
_CODECS = {"h264": "H264", "hevc": "H265"}
_EXPLANATION = (
    "Every private field of a simulated camera carries a random mark, a canary. The same search looks for all of them "
    "in every byte that was served (canaries), and for a camera's own in what the camera itself sends (in camera)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Holds the data of one stream.

    Attributes:
        status: status of the gateway.
        ledger: counts of the data that the gateway did not let through.
        family: family of the camera.
        frames: frames read back so far.
    """

    status: StreamStatus
    ledger: Ledger
    family: str
    frames: int


def left_out(status: StreamStatus) -> int:
    """Return the number of pictures that were not encoded for want of time."""
    counters: dict[str, int] = status.worker.report.get("counters", {})
    return status.shed_access_units + sum(counters.get(name, 0) for name in _SHED_COUNTERS)


def plain_line(row: Row) -> str:
    """Describe the state of one stream on one line."""
    status, rates = row.status, row.status.rates
    problem = f" ({status.problem})" if status.problem else ""
    shed = _shed(status)
    return (
        f"{status.name} {row.family}: {status.state.value}{problem}, "
        f"{_picture(status.worker.source_format)} > {_picture(status.output.format)}, "
        f"{rates.fps_in:.0f} > {rates.fps_out:.0f} fps, {rates.kbps_in:.0f} > {rates.kbps_out:.0f} kbit/s, "
        f"CPU {rates.cpu * 100:.0f} %, delay {_delay(status)} ms, stripped {sum(row.ledger.totals().values())}, "
        f"read back {row.frames} frames" + (f", {shed}" if shed else "")
    )


def live(rows: list[Row], urls: dict[str, str], width: int, heading: str, note: str) -> RenderableType:
    """Lay out the whole screen.

    Args:
        rows: the streams.
        urls: the served URLs, by stream.
        width: width of the terminal, columns.
        heading: the text above, with the seconds that are left.
        note: the text below.
    """
    return Group(
        Text(heading, "bold"),
        Text("Open in VLC, ffplay or your VMS:"),
        Text("\n".join(f"  {url}" for url in listed(urls)), "cyan"),
        Text(),
        _live_table(rows, narrow=width < NARROW),
        *_problems(rows),
        stripped_table(rows),
        Text(f"\n{note}", "dim"),
    )


def listed(urls: dict[str, str]) -> list[str]:
    """List the URLs, or the first and the last of many."""
    shown = list(urls.values())
    return shown if len(shown) <= MAX_DETAILED else [f"{shown[0]} to {shown[-1].rpartition('/')[2]}"]


def _live_table(rows: list[Row], *, narrow: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1 if narrow else 2, 0, 0), header_style="bold dim")
    for name in ("stream", *(() if narrow else ("camera",)), "state", "in", "out"):
        table.add_column(name, no_wrap=True)
    for name in ("fps", "kbit/s", "CPU %", "delay ms", *(() if narrow else ("stripped",)), "read back"):
        table.add_column(name.replace(" ", "\n") if narrow else name, justify="right", no_wrap=True)
    for row in rows:
        status, rates = row.status, row.status.rates
        table.add_row(
            status.name,
            *(() if narrow else (row.family,)),
            Text(status.state.value, _STATE_STYLES[status.state]),
            _picture(status.worker.source_format),
            _picture(status.output.format),
            f"{rates.fps_in:.0f} > {rates.fps_out:.0f}",
            f"{rates.kbps_in:.0f} > {rates.kbps_out:.0f}",
            f"{rates.cpu * 100:.0f}",
            _delay(status),
            *(() if narrow else (str(sum(row.ledger.totals().values())),)),
            str(row.frames),
        )
    return table


def stripped_table(rows: list[Row]) -> RenderableType:
    """Describe in words the data that was stripped."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    if len(rows) <= MAX_DETAILED:
        for row in rows:
            table.add_row(row.status.name, row.family, describe([row.ledger]))
    else:
        table.add_row("all", "", describe(row.ledger for row in rows))
    return Group(Text("\nStripped from what the cameras sent:"), table)


def verdict_table(verdict: Verdict, rows: list[Row]) -> RenderableType:
    """Lay out the end of the demo."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=0, collapse_padding=True)
    for name in ("stream", "camera", "served"):
        table.add_column(name, no_wrap=True)
    for name in ("frames", "fps", "errors", "MB", "canaries", "in camera"):
        table.add_column(name, justify="right", no_wrap=True)
    for stream in verdict.streams:
        name = stream["name"]
        errors, leaked, frames = stream["decode_errors"], len(stream["canaries_found"]), stream["frames"]
        searched = stream["canaries_searched"]
        codec = _CODECS.get(stream["codec"], stream["codec"])
        table.add_row(
            name,
            verdict.families.get(name, "yours"),
            f"{codec} {stream['width']}x{stream['height']}" if frames else "-",
            _judged(str(frames), bad=not frames),
            f"{stream['fps']:.1f}",
            _judged(str(errors), bad=errors > 0),
            f"{stream['bytes'] / 1e6:.1f}",
            _judged(f"{leaked} of {searched}", bad=leaked > 0) if searched else "-",
            _in_camera(verdict, name),
        )
    parts = [Text("Read back by an independent client", "bold"), table, *_problems(rows), stripped_table(rows)]
    if verdict.cameras:
        parts.append(Text(f"\n{_EXPLANATION}", "dim"))
    return Group(*parts, Text())


def _in_camera(verdict: Verdict, name: str) -> Text:
    camera = verdict.cameras.get(name)
    if camera is None:
        return Text("not read" if name in verdict.families else "-", "yellow")
    found = camera["canaries"] - len(camera["missing"])
    return _judged(f"{found} of {camera['canaries']}", bad=found < camera["canaries"])


def _judged(text: str, *, bad: bool) -> Text:
    return Text(text, "bold red" if bad else "green")


def _picture(values: dict[str, object]) -> str:
    if not values:
        return "-"
    return f"{values.get('codec', '?')} {values.get('width', '?')}x{values.get('height', '?')}"


def _delay(status: StreamStatus) -> str:
    """Return the median of the delay in milliseconds as text."""
    middle = status.output.delay_s()
    return "-" if middle is None else f"{middle * 1000:.0f}"


def _problems(rows: list[Row]) -> list[RenderableType]:
    return [
        Text(f"{row.status.name}: {text}", "red")
        for row in rows
        for text in (row.status.problem, _shed(row.status))
        if text
    ]


def _shed(status: StreamStatus) -> str:
    number = left_out(status)
    return f"{number} pictures left out: this machine is too busy for all" if number else ""
