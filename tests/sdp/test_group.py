"""A description that names a multicast group (RFC 4566 sections 5.7 and 5.14)."""

import pytest

from transcoder.codecs.nal import Codec
from transcoder.sdp import ServedAudio, ServedVideo, parse_sdp, serialize_served, with_group


@pytest.mark.parametrize(
    ("address", "line"), [("239.192.1.2", b"c=IN IP4 239.192.1.2/4"), ("ff15::1:2", b"c=IN IP6 ff15::1:2")]
)
def test_group_and_ports(address: str, line: bytes) -> None:
    sets = (bytes.fromhex("674d0028"), b"\x68")
    video = ServedVideo(
        codec=Codec.H264,
        payload_type=96,
        parameter_sets=sets,
        bitrate_kbps=100,
        frame_rate=None,
        size=None,
    )
    audio = ServedAudio(clock_rate=16000, config=b"\x14\x08")
    plain = serialize_served(video, session_id=1, address="192.0.2.1", audio=audio)
    lines = with_group(plain, address, 4, (20000, 20002)).split(b"\r\n")
    assert [found for found in lines if found[:2] in {b"c=", b"m="}] == [
        line,
        b"m=video 20000 RTP/AVP 96",
        b"m=audio 20002 RTP/AVP 97",
    ]
    assert [found for found in lines if found[:2] not in {b"c=", b"m="}] == [
        found for found in plain.split(b"\r\n") if found[:2] not in {b"c=", b"m="}
    ]
    assert len(parse_sdp(b"\r\n".join(lines)).media) == 2
