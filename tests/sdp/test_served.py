"""The session description that is served."""

import base64
import tomllib
from pathlib import Path

from transcoder.codecs.nal import Codec
from transcoder.sdp import (
    ServedAudio,
    ServedVideo,
    announced,
    serialize_served,
)

TABLE = tomllib.loads((Path(__file__).parents[1] / "data/sdp.toml").read_text(encoding="utf-8"))
H264_SETS = tuple(bytes.fromhex(unit) for unit in TABLE["H264"])
H265_SETS = tuple(bytes.fromhex(unit) for unit in TABLE["H265"])


def test_served_description_of_h264() -> None:
    video = ServedVideo(
        codec=Codec.H264,
        payload_type=96,
        parameter_sets=H264_SETS,
        bitrate_kbps=4000,
        frame_rate=12.5,
        size=(1920, 1080),
    )
    body = serialize_served(video, session_id=77, address="192.0.2.9")
    sets = ",".join(base64.b64encode(unit).decode() for unit in H264_SETS)
    assert body.decode().split("\r\n") == [
        "v=0",
        "o=- 77 1 IN IP4 192.0.2.9",
        "s= ",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        "m=video 0 RTP/AVP 96",
        "b=AS:4000",
        "a=rtpmap:96 H264/90000",
        # profile-level-id: the three bytes after the header of the SPS (RFC 6184 section 8.1)
        f"a=fmtp:96 packetization-mode=1;profile-level-id=4D401F;sprop-parameter-sets={sets}",
        "a=x-dimensions:1920,1080",
        "a=framesize:96 1920-1080",  # RFC 6064 section 5.1
        "a=framerate:12.5",
        "a=control:trackID=0",
        "a=recvonly",
        "",
    ]


def test_served_description_of_h265_over_ipv6() -> None:
    video = ServedVideo(codec=Codec.H265, payload_type=97, parameter_sets=H265_SETS, bitrate_kbps=900)
    lines = serialize_served(video, session_id=1, address="2001:db8::9").decode().split("\r\n")
    assert "o=- 1 1 IN IP6 2001:db8::9" in lines
    assert "c=IN IP6 ::" in lines
    vps, sps, pps = (base64.b64encode(unit).decode() for unit in H265_SETS)
    assert f"a=fmtp:97 sprop-vps={vps};sprop-sps={sps};sprop-pps={pps}" in lines  # RFC 7798 section 7.1
    assert not any(line.startswith("a=framerate") for line in lines)


def test_what_is_announced_sends_and_has_no_range() -> None:
    video = ServedVideo(codec=Codec.H264, payload_type=96, parameter_sets=H264_SETS, bitrate_kbps=900)
    audio = ServedAudio(clock_rate=16000, config=b"\x14\x08")
    served = serialize_served(video, session_id=1, address="192.0.2.9", audio=audio)
    text, controls = announced(served)
    assert controls == {0: "trackID=0", 1: "trackID=1"}
    lines = text.decode().split("\r\n")
    assert lines.count("a=sendonly") == 2
    assert not [line for line in lines if line.startswith(("a=recvonly", "a=range"))]
    assert [line for line in lines if line.startswith("m=")] == ["m=video 0 RTP/AVP 96", "m=audio 0 RTP/AVP 97"]
    assert announced(serialize_served(video, session_id=1, address="192.0.2.9"))[1] == {0: "trackID=0"}
