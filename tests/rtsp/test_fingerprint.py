"""Families by their marks, in recorded and made descriptions."""

from pathlib import Path

import pytest

from transcoder.rtsp.fingerprint import FAMILIES, UNKNOWN, CameraMarks, firmware_traits, guess_family
from transcoder.sdp import parse_sdp

HIKVISION = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=Media Presentation\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
    b"a=control:rtsp://192.0.2.7:554/Streaming/Channels/101/trackID=1\r\na=rtpmap:96 H264/90000\r\n"
    b"a=x-dimensions:2048,1536\r\na=fmtp:96 profile-level-id=420029; packetization-mode=1\r\n"
    b"m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n"
    b"a=Media_header:MEDIAINFO=494D4B4801;\r\na=appversion:1.0\r\n"
)


def test_hikvision() -> None:
    guess = guess_family(CameraMarks(description=parse_sdp(HIKVISION), realms=("IP Camera(C1234)",)))
    assert guess.family == "hikvision"
    assert any("IMKH" in text for text in guess.evidence)


def test_nothing_seen() -> None:
    assert guess_family(CameraMarks()).family == UNKNOWN
    assert firmware_traits(CameraMarks()) == ()


def test_marks_of_others_are_told() -> None:
    guess = guess_family(CameraMarks(description=parse_sdp(HIKVISION), servers=("Rtsp Server/3.0",)))
    assert guess.family == "hikvision"
    assert any("dahua" in text for text in guess.also)


RECORDED = [
    ("hikvision/describe_h264_onvif.txt", "hikvision"),
    ("hikvision/sdp_hik_media_server.sdp", "hikvision"),
    ("dahua/describe_h265_pcma.txt", "dahua"),
    ("dahua/sdp_2013_zhejiang.sdp", "dahua"),
    ("uniview/sdp_5008.sdp", "uniview"),
    ("geovision/sdp.txt", "uniview"),  # the same stack
    ("tplink/sdp.txt", "tp-link"),
    ("mercury/sdp_go2rtc.sdp", "tp-link"),
    ("vstarcam/sdp_720p.sdp", "vstarcam"),
    ("reolink/describe.txt", "reolink"),
    ("foscam/describe.txt", "foscam"),
]


@pytest.mark.parametrize(("name", "family"), RECORDED)
def test_recorded(name: str, family: str, vectors: Path) -> None:
    data = (vectors / name).read_bytes()
    body = data.partition(b"\r\n\r\n")[2] if data.startswith(b"RTSP/") else data
    assert family in FAMILIES
    assert guess_family(CameraMarks(description=parse_sdp(body))).family == family


def test_traits() -> None:
    traits = "\n".join(
        firmware_traits(
            CameraMarks(
                description=parse_sdp(HIKVISION),
                sessions=("77;timeout=60", "78"),
                content_base="rtsp://192.0.2.7/cam?x=1/",
                rtp_info="",
                header_names=frozenset({"Cseq"}),
                payload_types=frozenset({112}),
                extension_profiles=frozenset({0x4000}),
                profile_level_id="4d0029",
                size=(1280, 720),
            )
        )
    )
    for words in (
        "session id changes",
        "slash behind its query",
        "without RTP-Info",
        "CSeq is written in another case",
        "112",
        "0x4000",
        "420029 contradicts the SPS",
        "2048,1536 contradicts the SPS (1280x720)",
        "ONVIF metadata",
        "no sprop-parameter-sets",
    ):
        assert words in traits
