"""The verdict of a verification is written as one page to read: HTML without scripts or anything outside it."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

from transcoder.verify.findings import group

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .4rem; border-bottom: 1px solid #ccd2da; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .15rem .6rem .15rem 0;
vertical-align: top; border-bottom: 1px solid #e8ebef; overflow-wrap: anywhere; } td.n { text-align: right; }
.verdict { padding: .7rem 1rem; border-radius: .3rem; font-weight: 600; color: #fff; overflow-wrap: anywhere; }
.clean { background: #1c7a3d; } .unclean { background: #b3261e; } .nothing { background: #7a5c00; }
.none { color: #5a6572; }
"""
_CLASSES: Final = {"clean": "clean", "unclean": "unclean", "nothing to judge": "nothing"}
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_PARTS: Final = (
    ("nal_units", "NAL units by type"),
    ("sei", "SEI messages by payload type"),
    ("nal_text", "Readable text in NAL units"),
    ("payload_types", "RTP payload types"),
    ("rtp_fields", "Fields of RTP headers that were set"),
    ("extensions", "RTP header extensions by profile"),
    ("rtcp", "RTCP packets"),
    ("rtcp_fields", "Fields of RTCP packets"),
    ("rtcp_text", "Readable text in RTCP"),
)
_FACTS: Final = (
    "codec", "sps", "pictures", "random_access_pictures", "packets", "ssrcs", "bytes", "kbps", "missing", "late",
    "repeated", "fps_by_timestamp", "fps_by_arrival", "timestamps_advance", "gop_s",
)  # fmt: skip


def page(statement: Mapping[str, Any], fingerprint: str = "") -> str:
    """Return the page of a statement.

    Args:
        statement: the statement, from `transcoder.verify.statement`.
        fingerprint: the fingerprint of the key that signed the same statement; "" where it is not signed.
    """
    body = "".join(_body(statement, fingerprint))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape('Verification of ' + str(statement['source']))}</title>"
        f"<style>{_STYLE}</style></head>\n<body>\n{body}</body></html>\n"
    )


def _body(statement: Mapping[str, Any], fingerprint: str) -> Iterable[str]:
    yield f"<h1>Verification of {escape(str(statement['source']))}</h1>\n"
    yield _verdict(statement)
    if statement.get("served_by_transcoder") is False:
        yield "<p>This is not served by a transcoder.</p>\n"
    yield _table("What was read", _read(statement, fingerprint))
    groups = group(statement["problems"])
    if not groups:
        yield _table("Reasons", {}, "None: everything that was seen is of the kinds that may be served.")
    for found in groups:
        yield _table(f"Reasons: {found.title}, {found.count} in all", dict(found.problems))
    yield _table("Notes", statement["notes"])
    yield _list("What is not promised", statement["not_promised"])
    for media in statement["media"]:
        yield f"<h2>Media: {escape(str(media['name']))}</h2>\n"
        yield _rows({name.replace("_", " "): media.get(name) for name in _FACTS if media.get(name) is not None})
        for name, title in _PARTS:
            if name in media:
                yield f"<h3>{title}</h3>\n" + _rows(media[name])
    yield _table("Lines of session descriptions", statement["sdp_lines"])
    yield _table("Header fields of RTSP messages", statement["rtsp_headers"])
    yield _table("Readable text in RTSP messages and session descriptions", statement["text"])
    yield "<h2>Verdict</h2>\n" + _verdict(statement)


def _verdict(statement: Mapping[str, Any]) -> str:
    kind = _CLASSES[statement["verdict"]]
    if kind == "clean" and not statement["complete"]:
        kind = "nothing"
    return f'<p class="verdict {kind}">{escape(str(statement["sentence"]))}</p>\n'


def _read(statement: Mapping[str, Any], fingerprint: str) -> Mapping[str, object]:
    marks = statement["marks"]
    return {
        "source": statement["source"],
        "transport": statement["transport"],
        "started (UTC)": statement["started"],
        "seconds asked for": statement["seconds_asked"],
        "seconds read": statement["seconds_read"],
        "pictures": statement["pictures"],
        "bytes searched": statement["bytes_searched"],
        "canaries looked for": statement["canaries"],
        "marks of vendors looked for": f"{marks['number']}, as of {marks['date']}",
        "version of the checker": statement["product_version"],
        "signed by the key": fingerprint or "not signed",
    }


def _table(title: str, entries: Mapping[str, Any], nothing: str = "None.") -> str:
    return f"<h2>{title}</h2>\n" + _rows(entries, nothing)


def _rows(entries: Mapping[str, Any], nothing: str = "None.") -> str:
    if not entries:
        return f'<p class="none">{nothing}</p>\n'
    rows = "".join(
        f'<tr><td>{escape(str(name))}</td><td class="n">{_value(value)}</td></tr>\n' for name, value in entries.items()
    )
    return f"<table>\n{rows}</table>\n"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return escape(", ".join(f"{name.replace('_', ' ')}: {item}" for name, item in value.items()))
    if isinstance(value, list):
        return escape("; ".join(map(str, value)))
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape(str(value))


def _list(title: str, items: Iterable[str]) -> str:
    return f"<h2>{title}</h2>\n<ul>" + "".join(f"<li>{escape(item)}</li>\n" for item in items) + "</ul>\n"
