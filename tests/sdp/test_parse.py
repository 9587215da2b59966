"""Session descriptions read: lines, static payload types, addresses, limits."""

import pytest

from transcoder.errors import LimitExceeded
from transcoder.sdp import (
    MAX_MEDIA,
    MAX_SDP_SIZE,
    parse_sdp,
)


def test_attributes_and_lines_are_kept_for_fingerprints() -> None:
    body = (
        b"v=0\r\ns=Media\r\na=tool:x\r\nm=video 0 RTP/AVP 96\r\na=Media_header:MEDIAINFO=4949;\r\na=appversion:1.0\r\n"
    )
    description = parse_sdp(body)
    assert description.lines == (("v", "0"), ("s", "Media"))
    assert description.attributes == (("tool", "x"),)
    assert dict(description.media[0].attributes) == {"Media_header": "MEDIAINFO=4949;", "appversion": "1.0"}


def test_unreadable_lines_are_counted() -> None:
    assert parse_sdp(b"hello\r\nm=video 0 RTP/AVP 96\r\n??\r\nm=x\r\n").skipped == 3


def test_static_payload_types_need_no_rtpmap() -> None:  # RFC 3551 tables 4 and 5
    description = parse_sdp(b"m=audio 0 RTP/AVP 0 3 8 9 10 11 14\r\nm=video 0 RTP/AVP 26 32 33\r\n")
    audio, video = ([(item.encoding, item.clock_rate) for item in media.formats] for media in description.media)
    assert audio == [
        ("PCMU", 8000), ("GSM", 8000), ("PCMA", 8000), ("G722", 8000), ("L16", 44100), ("L16", 44100), ("MPA", 90000),
    ]  # fmt: skip
    assert [item.channels for item in description.media[0].formats] == [1, 1, 1, 1, 2, 1, 1]
    assert video == [("JPEG", 90000), ("MPV", 90000), ("MP2T", 90000)]


@pytest.mark.parametrize(
    ("line", "rate"),
    [
        ("H264", 90_000),  # RFC 6184 section 8.2.1
        ("jpeg", 90_000),
        ("PCMU", 8000),  # RFC 3551 table 4
        ("PCMA/", 8000),
        ("G726-32", 8000),
        ("opus", 48_000),  # RFC 7587 section 4.1
        ("G722", 8000),
        ("L16", 0),
        ("PCMU/16000", 16_000),
    ],
)
def test_rtpmap_without_clock_rate(line: str, rate: int) -> None:
    media = parse_sdp(f"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 {line}\r\n".encode()).media[0]
    assert [(item.encoding, item.clock_rate) for item in media.formats] == [(line.partition("/")[0].upper(), rate)]


@pytest.mark.parametrize(
    ("session", "media", "address"),
    [
        ("IN IP4 224.1.1.1/16", None, "224.1.1.1"),
        ("IN IP4 224.1.1.1/127/3", None, "224.1.1.1"),
        ("IN IP6 ff15::101/3", None, "ff15::101"),
        ("IN IP4 224.1.1.1/16", "IN IP4 239.7.7.7/2", "239.7.7.7"),
        ("IN IP4 224.1.1.1/16", "IN", "224.1.1.1"),  # Uniview cuts lines off
        ("IN", None, ""),
        ("", None, ""),
        ("IN c=IN IP4 0.0.0.0", None, "0.0.0.0"),  # HIK Media Server
        (None, None, ""),
    ],
)
def test_the_address_of_a_media_or_of_the_session(session: str | None, media: str | None, address: str) -> None:
    lines = ["v=0"] if session is None else ["v=0", f"c={session}"]
    lines += ["m=video 5000 RTP/AVP 96", "a=rtpmap:96 H264/90000"]
    lines += [] if media is None else [f"c={media}"]
    assert parse_sdp("\r\n".join(lines).encode()).media[0].connection == address


@pytest.mark.parametrize("number", ["128", "999", "01270000", "9" * 5000, "-1", "٣"])
def test_numbers_that_are_no_payload_type(number: str) -> None:
    media = parse_sdp(f"m=video 0 RTP/AVP {number} 96\r\na=rtpmap:{number} H264/90000\r\n".encode()).media[0]
    assert [item.payload_type for item in media.formats] == [96]


def test_limits() -> None:
    line = b"a=x:y\r\n"
    body = b"m=video 0 RTP/AVP 96\r\n"
    assert len(parse_sdp(body * (MAX_MEDIA + 5)).media) == MAX_MEDIA
    padded = body + line * ((MAX_SDP_SIZE - len(body)) // len(line))
    assert parse_sdp(padded).media
    with pytest.raises(LimitExceeded):
        parse_sdp(padded + line * 2)
