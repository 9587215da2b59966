"""What the demo shows: a live table, or plain lines where there is no terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from transcoder.ledger import Ledger
from transcoder.service.demo.verdict import Verdict, count
from transcoder.service.status import StreamState, StreamStatus

STATE_STYLES = {
    StreamState.PLAYING: "green",
    StreamState.CONNECTING: "yellow",
    StreamState.STARTING: "yellow",
    StreamState.AWAY: "red",
    StreamState.DISABLED: "dim",
}
MAX_KINDS = 6
"""Kinds of dropped things that are named for a stream; the most frequent of each layer come first."""


def picture(values: dict[str, object]) -> str:
    """`H264 1280x720`, or nothing yet."""
    if not values:
        return "-"
    return f"{values.get('codec', '?')} {values.get('width', '?')}x{values.get('height', '?')}"


def dropped(ledger: Ledger, most: int = MAX_KINDS) -> str:
    """The most telling kinds of a ledger: of every layer the most frequent, then whatever else is frequent."""
    entries = sorted(((layer, kind, entry.count) for layer, kind, entry in ledger), key=lambda entry: -entry[2])
    firsts: dict[str, tuple[str, str, int]] = {}
    for entry in entries:
        firsts.setdefault(entry[0], entry)
    chosen = [*firsts.values(), *(entry for entry in entries if entry not in firsts.values())]
    text = ", ".join(f"{layer} {kind} {number}" for layer, kind, number in chosen[:most])
    more = len(chosen) - most
    return (f"{text} and {count(more, 'other kind')}" if more > 0 else text) or "nothing yet"


def delay(status: StreamStatus) -> str:
    """Median and 95th percentile, milliseconds."""
    middle, high = status.delay_s(0.5), status.delay_s(0.95)
    return "-" if middle is None or high is None else f"{middle * 1000:.0f}/{high * 1000:.0f}"


def plain_line(status: StreamStatus, ledger: Ledger, family: str, frames: int) -> str:
    """One stream on one line."""
    rates = status.rates
    problem = f" ({status.problem})" if status.problem else ""
    return (
        f"{status.name} {family}: {status.state.value}{problem}, {picture(status.source)} -> {picture(status.output)}, "
        f"fps {rates.fps_in:.0f} -> {rates.fps_out:.0f}, kbit/s {rates.kbps_in:.0f} -> {rates.kbps_out:.0f}, "
        f"CPU {rates.cpu * 100:.0f} %, delay {delay(status)} ms, stripped {sum(ledger.totals().values())}, "
        f"read back {frames}"
    )


def live(
    rows: list[tuple[StreamStatus, Ledger, str, int]], urls: dict[str, str], heading: str, note: str
) -> RenderableType:
    """The whole picture.

    Args:
        rows: status, ledger, vendor family and frames read back of each stream.
        urls: served, by stream.
        heading: what runs and for how long yet.
        note: below it all.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in ("stream", "camera", "state"):
        table.add_column(name, no_wrap=True)
    table.add_column("in", no_wrap=True)
    table.add_column("out", no_wrap=True)
    for name in ("fps", "kbit/s", "CPU %", "delay ms", "stripped", "read back"):
        table.add_column(name, justify="right", no_wrap=True)
    stripped = Table(box=None, pad_edge=False, padding=(0, 1), show_header=False)
    stripped.add_column(no_wrap=True)
    stripped.add_column(overflow="fold")
    for status, ledger, family, frames in rows:
        rates = status.rates
        table.add_row(
            status.name,
            family,
            Text(status.state.value, STATE_STYLES[status.state]),
            picture(status.source),
            picture(status.output),
            f"{rates.fps_in:.0f} > {rates.fps_out:.0f}",
            f"{rates.kbps_in:.0f} > {rates.kbps_out:.0f}",
            f"{rates.cpu * 100:.0f}",
            delay(status),
            str(sum(ledger.totals().values())),
            str(frames),
        )
        text = Text(dropped(ledger), "dim")
        if status.problem:
            text = Text(f"{status.problem}\n", "red") + text
        stripped.add_row(status.name, text)
    addresses = Text("\n".join(f"  {url}" for url in urls.values()), "cyan")
    return Group(
        Text(heading, "bold"),
        Text("Open in VLC, ffplay or your VMS:"),
        addresses,
        table,
        Text("Stripped from the cameras' streams:"),
        stripped,
        Text(note, "dim"),
    )


def verdict_table(verdict: Verdict) -> Table:
    """One line for each stream."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), title="Read back by an independent client")
    table.add_column("stream", no_wrap=True)
    table.add_column("camera", no_wrap=True)
    table.add_column("served", no_wrap=True)
    for name in ("frames", "fps", "errors", "MB", "canaries", "in camera"):
        table.add_column(name, justify="right", no_wrap=True)
    for stream in verdict.streams:
        name = stream["name"]
        camera = verdict.cameras.get(name)
        leaked = len(stream["canaries_found"])
        own = "-"
        if camera is not None:
            own = f"{camera['canaries'] - len(camera['missing'])} of {camera['canaries']}"
        good = stream["frames"] and not stream["decode_errors"]
        codec = {"h264": "H264", "hevc": "H265"}.get(stream["codec"], stream["codec"])
        table.add_row(
            name,
            verdict.families.get(name, "yours"),
            f"{codec} {stream['width']}x{stream['height']}" if stream["frames"] else "-",
            Text(str(stream["frames"]), "" if good else "red"),
            f"{stream['fps']:.1f}",
            Text(str(stream["decode_errors"]), "red" if stream["decode_errors"] else "green"),
            f"{stream['bytes'] / 1e6:.1f}",
            Text(f"{leaked} of {stream['canaries_searched']}", "red" if leaked else "green"),
            Text(own, "green" if camera is not None and not camera["missing"] else "yellow"),
        )
    return table
