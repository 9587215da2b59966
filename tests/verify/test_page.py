"""The page holds everything that was seen, nothing from outside, and no markup of a peer."""

import re
from html.parser import HTMLParser
from typing import Any

from typing_extensions import override

from tests.verify.test_hostile_input import ANSWER, FRAMES, SDP
from transcoder.verify.codec import Codec
from transcoder.verify.inspector import Inspector
from transcoder.verify.messages import Frame, Message, Splitter
from transcoder.verify.page import page
from transcoder.verify.statement import NOT_PROMISED, Reading, statement

EVIL = "<script>alert(1)</script>"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    @override
    def handle_data(self, data: str) -> None:
        self.text.append(data)


def made(**changes: Any) -> dict[str, Any]:
    inspector = Inspector([])
    answer = ANSWER.replace(b"CSeq: 2", b"CSeq: 2\r\nServer: " + EVIL.encode())
    for item in Splitter().feed(answer + SDP + FRAMES):
        if isinstance(item, Message):
            inspector.message(item)
        elif isinstance(item, Frame):
            inspector.add_media("video", codec=Codec.H264, declared=(96,)).rtp(item.data, 0.0)
    inspector.add_media("video").rtcp_packet(b"\x81\xca\x00\x02\x01\x02\x03\x04\x01\x02ab")
    inspector.finish()
    return statement(inspector, Reading(source=f"rtsp://h/{EVIL}", transport="tcp", started=0.0)) | changes


def test_every_field_and_line_stands_on_it() -> None:
    text = page(made(), "0123abcd")
    for part in (
        "version 2", "marker", "SDES: CNAME", "CNAME: ab", "m=video 0 RTP/AVP 96", "Content-Type", "0123abcd",
        "1 slice", "5 IDR slice", "7 SPS", "8 PPS", "What is not promised",
    ):  # fmt: skip
        assert part in text, part
    parsed = Tags()
    parsed.feed(text)
    words = "".join(parsed.text)
    assert all(line in words for line in NOT_PROMISED)


def test_nothing_from_outside_and_no_script() -> None:
    text = page(made())
    parsed = Tags()
    parsed.feed(text)
    structure = {"html", "head", "meta", "title", "style", "body"}
    assert parsed.tags <= structure | {"h1", "h2", "h3", "p", "table", "tr", "td", "ul", "li"}
    assert parsed.attributes <= {"lang", "charset", "http-equiv", "content", "class"}
    assert "default-src 'none'" in text
    assert EVIL not in text
    assert "url(" not in text
    assert "@import" not in text


def test_the_verdict_stands_first_and_last() -> None:
    text = page(made(verdict="nothing to judge", sentence="nothing to judge: only the slate was served", problems={}))
    verdicts = [match.start() for match in re.finditer('<p class="verdict nothing">nothing to judge', text)]
    assert len(verdicts) == 2
    assert text.index("<h1>") < verdicts[0] < text.index("<h2>")
    assert text.index("Readable text in RTSP") < verdicts[1]


def test_cut_short_is_not_green() -> None:
    text = page(made(verdict="clean", complete=False, sentence="clean so far (cut short)"))
    assert '<p class="verdict nothing">clean so far' in text
