"""What our own server writes passes, what anybody else writes is named."""

from pathlib import Path

import pytest

from transcoder.codecs import nal
from transcoder.codecs.audio_codec import AudioCodec
from transcoder.sdp import ServedAudio, ServedVideo, serialize_served
from transcoder.verify.codec import Codec
from transcoder.verify.own_text import foreign_fields, read_description, shown

SPS = bytes.fromhex("674d401fda0586e840000003004000000783c60ca8")
SETS = {
    Codec.H264: (SPS, bytes.fromhex("68ef0f2c80")),
    Codec.H265: (b"\x40\x01\x0c", b"\x42\x01\x01", b"\x44\x01\xc1"),
}


def served(codec: Codec = Codec.H264, address: str = "192.0.2.1") -> bytes:
    video = ServedVideo(
        codec=nal.Codec[codec.name], payload_type=96, parameter_sets=SETS[codec], bitrate_kbps=4000, frame_rate=12.5
    )
    return serialize_served(video, session_id=1700000000, address=address)


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_our_own(codec: Codec, address: str) -> None:
    description = read_description(served(codec, address))
    assert description.problems == []
    assert description.media[0].codec is codec
    assert description.media[0].payload_types == (96,)
    assert description.media[0].parameter_sets == list(SETS[codec])
    assert (description.control, description.media[0].control) == ("*", "trackID=0")


@pytest.mark.parametrize(
    "audio",
    [
        ServedAudio(clock_rate=16_000, config=b"\x14\x08"),
        ServedAudio(codec=AudioCodec.PCMA, clock_rate=8000),
        ServedAudio(codec=AudioCodec.PCMU, clock_rate=8000),
    ],
    ids=lambda audio: audio.codec.name,
)
def test_our_own_with_audio(audio: ServedAudio) -> None:
    video = ServedVideo(codec=nal.Codec.H264, payload_type=96, parameter_sets=SETS[Codec.H264], bitrate_kbps=4000)
    description = read_description(serialize_served(video, session_id=1, address="192.0.2.1", audio=audio))
    assert description.problems == []
    assert [media.kind for media in description.media] == ["video", "audio"]


CHANGES = [
    (b"s= ", b"s=Media Presentation", "s=Media Presentation"),
    (b"o=- ", b"o=DH ", "o=DH"),
    (b"t=0 0", b"t=0 0\r\ni=serial", "i=serial"),
    (b"a=recvonly", b"a=recvonly\r\na=Media_header:MEDIAINFO=49;", "Media_header"),
    (b"trackID=0", b"trackID=0?x=1", "trackID=0?x=1"),
    (b"packetization-mode=1", b"packetization-mode=1;vendor=7", "vendor=7"),
    (b"profile-level-id=4D401F", b"profile-level-id=420029", "contradicts"),
    (b"\r\n", b"\n", "CRLF"),
    (b"a=recvonly\r\n", b"a=recvonly\r\nm=application 0 RTP/AVP 107\r\n", "video, application"),
    (b"m=video", b"m=audio", "other media than one video"),
]


@pytest.mark.parametrize(("ours", "theirs", "words"), CHANGES)
def test_one_change_is_named(ours: bytes, theirs: bytes, words: str) -> None:
    body = served()
    assert ours in body
    assert words in "\n".join(read_description(body.replace(ours, theirs)).problems)


def test_recorded_descriptions(vectors: Path) -> None:
    paths = sorted(vectors.rglob("*.sdp"))
    assert len(paths) > 20
    for path in paths:
        assert read_description(path.read_bytes()).problems, path.name


def test_fields() -> None:
    ours = (
        ("CSeq", "4"),
        ("Server", "transcoder"),
        ("Session", "4S4GJQ2T;timeout=60"),
        ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=0A0B0C0D"),
        ("RTP-Info", "url=rtsp://192.0.2.1:8554/front/trackID=0;seq=7;rtptime=90"),
        ("WWW-Authenticate", 'Digest realm="transcoder", nonce="a1"'),
    )
    assert foreign_fields(ours) == []
    theirs = (
        ("Server", "Rtsp Server/3.0"),
        ("server", "transcoder"),
        ("WWW-Authenticate", 'Digest realm="IP Camera(C1)", nonce="a1"'),
        ("X-Model", "1"),
        ("Transport", 'RTP/AVP/TCP;unicast;interleaved=0-1;mode="play"'),
    )
    assert len(foreign_fields(theirs)) == len(theirs)


def test_text_of_a_peer_is_made_harmless() -> None:
    assert shown("a\x1b[2Jb\nc") == "a?[2Jb?c"
    assert len(shown("x" * 10_000)) < 300
