"""A probe's findings are shown to people: tables on a terminal, lines elsewhere; a camera's text is never markup."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text


def render(findings: Mapping[str, object], console: Console) -> None:
    """Write the findings, see report.summary."""
    guess = findings["vendor_guess"]
    if isinstance(guess, Mapping):
        _line(console, "vendor family", f"{guess['family']} (a guess; the operator's word stands above it)")
        if guess["maker"]:
            _line(console, "maker of its software", f"{guess['maker']} ({guess['confidence']} confidence)")
        for name in ("evidence", "marks_of_others"):
            if guess[name]:
                _line(console, name.replace("_", " "), "; ".join(guess[name]))
    if findings.get("tls_key_sha256"):
        _line(console, "TLS key", f"SHA-256 {findings['tls_key_sha256']}")
    _list(console, "habits", findings["habits"])
    video = findings.get("video")
    if isinstance(video, Mapping):
        _video(console, video)
    _table(console, "media offered", findings["media"])
    _table(console, "metadata channels", findings["metadata"])


def render_cut_short(text: str, console: Console) -> None:
    """Say that the findings are those of a part of the time."""
    console.print(Text(text, "bold yellow"), soft_wrap=True)


def render_snippet(text: str, console: Console) -> None:
    """Write the lines for the configuration file as they are: they are pasted."""
    console.print(Text("for the configuration file:", "bold"), soft_wrap=True)
    console.out(text, highlight=False)


def _video(console: Console, video: Mapping[str, object]) -> None:
    sps = [video[name] for name in ("codec", "size", "profile") if video.get(name)]
    level = [f"level {video['level']}"] if video.get("level") else []
    sar = [f"SAR {video['sar']}"] if video.get("sar") else []
    _line(console, "video", ", ".join(map(str, [*sps, *level, *sar])))
    if video.get("described_as"):
        words = f"the camera describes {video['described_as']} and sends {video['codec']}"
        _line(console, "codec", words, "bold red")
    _list(console, "codec switched while streaming", video.get("codec_switches", []))
    if video.get("encrypted"):
        _line(console, "encrypted", "the camera encrypts its pictures: turn stream encryption off there", "bold red")
    rate = f"{video.get('fps', '?')} a second ({video.get('fps_by_timestamp', '?')} by their timestamps)"
    _line(console, "pictures", f"{video['pictures']}, {rate}, {video.get('kbps', '?')} kbit/s")
    _line(console, "GOP", str(video["gop"]))
    packets = video["packets"]
    if isinstance(packets, Mapping):
        _line(console, "packets", ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in packets.items()))
    if video["damaged_pictures"]:
        _line(console, "damaged pictures", str(video["damaged_pictures"]))
    tolerated = video["tolerated"]
    if isinstance(tolerated, Mapping) and tolerated:
        _line(console, "tolerated", ", ".join(f"{name}: {count}" for name, count in tolerated.items()))
    _list(console, "timestamps", video["timestamps"] or ["as they should be"])


def _list(console: Console, name: str, values: object) -> None:
    if isinstance(values, Sequence):
        for value in values:
            _line(console, name, str(value))


def _line(console: Console, name: str, value: str, style: str = "") -> None:
    console.print(Text(f"{name}: ", "bold") + Text(value, style), soft_wrap=True)


def _table(console: Console, title: str, rows: object) -> None:
    if not isinstance(rows, Sequence) or not rows:
        return
    names = list(rows[0])
    if not console.is_terminal:
        for row in rows:
            values = [_cell(row[name]) for name in names]
            _line(console, title, " | ".join(value for value in values if value))
        return
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row[name])) for name in names))
    console.print(table)


def _cell(value: object) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "set up"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
