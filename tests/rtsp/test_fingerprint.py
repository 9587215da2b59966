"""Families by their marks, in recorded and made descriptions."""

from pathlib import Path

import pytest

from tests.support.recorded_marks import recorded_marks
from transcoder.rtsp.fingerprint import UNKNOWN, CameraMarks, firmware_traits, guess_family
from transcoder.rtsp.vendor_marks import MARKS
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
    assert any("IMKH" in text for text in guess.because)


def test_nothing_seen() -> None:
    assert guess_family(CameraMarks()).family == UNKNOWN
    assert firmware_traits(CameraMarks()) == ()


def test_marks_of_others_are_told() -> None:
    guess = guess_family(CameraMarks(description=parse_sdp(HIKVISION), servers=("Rtsp Server/3.0",)))
    assert guess.family == "hikvision"
    assert any("dahua" in text for text in guess.also)


RECORDED = {
    "hikvision": (
        "hikvision/describe_2014_onvif_metadata.sdp", "hikvision/describe_h264_onvif.txt",
        "hikvision/dialog_describe_play_2018.txt", "hikvision/sdp_aac_0103.sdp", "hikvision/sdp_h265_pcma_0102.sdp",
        "hikvision/sdp_hik_media_server.sdp", "hikvision/sdp_hik_media_server_v34103.sdp",
        "hikvision/sdp_hik_media_server_v34106_g7221.sdp", "hikvision/sdp_livemedia_ch1_aac.sdp",
    ),
    "dahua": (
        "dahua/describe_h264_aac_onvif.txt", "dahua/describe_h265_pcma.txt", "dahua/options.txt",
        "dahua/sdp_2013_zhejiang.sdp", "dahua/sdp_dual_aac.sdp", "dahua/sdp_h264_aac.sdp", "dahua/sdp_h265_25fps.sdp",
        "dahua/unauthorized.txt",
    ),
    "uniview": (
        "uniview/sdp_5008.sdp", "uniview/sdp_ipc2a3l_3media.sdp", "uniview/sdp_lal_case5.sdp",
        "uniview/sdp_vcp_1080p.sdp", "geovision/sdp.txt",  # the same software
    ),
    "xiongmai": ("xiongmai_h264dvr/describe.txt", "xiongmai_h264dvr/play.txt"),
    "tp-link": ("tplink/sdp.txt", "tplink/sdp_990.sdp", "mercury/sdp_go2rtc.sdp"),
    "vstarcam": ("vstarcam/describe.txt", "vstarcam/sdp_720p.sdp"),
    "reolink": ("reolink/describe.txt", "reolink/describe_control_first.txt"),
    "foscam": ("foscam/describe.txt",),
    "anjvision": ("anpviz/sdp.txt",),  # it copies the marks of Hikvision
    "macro-video": ("macrovideo/describe.txt",),
    UNKNOWN: (
        "gw_security/main_describe.txt",  # a mark of Dahua and one of Hikvision, neither of which is enough
        "vurix_nvr/sdp_2128.sdp",  # s=Media Presentation alone
        "unknown_misc/sdp_puid_amr_same_pt.sdp",  # the same
        "unknown_ipcam/describe.txt",  # IMKH alone
        "uniview/unauthorized.txt",  # its realm is a MAC address, which the table of prefixes knows
        "tiandy/setup.txt", "avigilon/sdp_501.sdp", "sony/sdp_wr630.sdp", "flir/sdp_t_now.sdp",
        "verint/sdp_5292.sdp", "udp_technology/sdp_474.sdp",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "family"), [(name, family) for family, names in RECORDED.items() for name in names])
def test_recorded(name: str, family: str, vectors: Path) -> None:
    guess = guess_family(recorded_marks((vectors / name).read_bytes()))
    assert guess.family == family
    assert guess.maker == MARKS.makers.get(family, "")
    assert guess.confidence in ({""} if family == UNKNOWN else {"high", "medium"})
    assert bool(guess.because) == (family != UNKNOWN)


def test_a_copy_of_marks_is_told() -> None:
    description = parse_sdp(
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=RTSP/RTP stream from anjvision ipcamera\r\nt=0 0\r\n"
        b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=Media_header:MEDIAINFO=494D4B48;\r\na=appversion:1.0\r\n"
    )
    guess = guess_family(CameraMarks(description=description))
    assert (guess.family, guess.maker, guess.confidence) == ("anjvision", "Anjvision", "medium")
    assert any("hikvision" in text for text in guess.also)


def test_two_families_of_the_same_weight_are_unknown() -> None:
    guess = guess_family(CameraMarks(realms=("Login to X", "IP Camera(C1234)")))
    assert guess.family == UNKNOWN
    assert len(guess.also) == 2


def test_the_configured_path_is_a_mark_and_no_verdict() -> None:
    url = "/Streaming/Channels/101"
    alone = CameraMarks(url=url)
    assert guess_family(alone).family == UNKNOWN
    assert guess_family(alone).also == ("path of Hikvision (hikvision)",)
    # a camera that repeats the path that it was asked for has given no second mark
    assert guess_family(CameraMarks(url=url, content_base=f"rtsp://192.0.2.7{url}/")).family == UNKNOWN
    description = parse_sdp(
        b"v=0\r\ns=Media Presentation\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    )
    assert guess_family(CameraMarks(description=description)).family == UNKNOWN
    assert guess_family(CameraMarks(description=description, url=url)).family == "hikvision"


@pytest.mark.parametrize(
    ("server", "maker"),
    [
        ("Dahua Rtsp Server", "Dahua"),
        ("Indigo-Security/1.0", "IndigoVision"),
        ("AvigilonOnvifNvt/2.2", "Avigilon"),
        ("Linux/2.6.35.14_nl-xarina+ Ze-PRO", "Sony"),
        ("H264DVR 1.0", "Xiongmai"),
        ("GStreamer RTSP server", ""),  # many build it in
    ],
)
def test_servers(server: str, maker: str) -> None:
    guess = guess_family(CameraMarks(servers=(server,)))
    assert guess.maker == maker
    assert guess.family != UNKNOWN


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
