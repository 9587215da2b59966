"""The description's defects: what of it changed, line by line."""

import pytest

from transcoder.codecs.nal import Codec
from transcoder.lab.cameras.behaviour import override
from transcoder.lab.cameras.camera import Camera
from transcoder.lab.cameras.families import FAMILIES


def described(contents, *settings: str, family: str = "longse") -> list[str]:
    behaviour = override(FAMILIES[family].behaviour, settings)
    body = Camera(behaviour, contents[Codec.H264], "1").describe("rtsp://192.0.2.7/live", "192.0.2.7").decode()
    return body.split("\r\n")[:-1]


def test_fmtp_stands_under_the_last_media(contents) -> None:
    """WebRTC#419."""
    plain, changed = described(contents), described(contents, "fmtp_elsewhere=true")
    assert sorted(plain) == sorted(changed)
    assert changed[-1].startswith("a=fmtp:96 ")
    assert [line for line in changed if line.startswith("m=")][-1].startswith("m=application")


def test_fmtp_stands_before_the_only_media(contents) -> None:
    changed = described(contents, "fmtp_elsewhere=true", "metadata=false")
    at = next(index for index, line in enumerate(changed) if line.startswith("a=fmtp:96 "))
    assert changed[at + 1].startswith("m=video")


def test_clock_rates_are_left_out(contents) -> None:
    lines = [line for line in described(contents, "clock_rate_left_out=true") if line.startswith("a=rtpmap")]
    assert lines == ["a=rtpmap:96 H264", "a=rtpmap:107 vnd.onvif.metadata"]


def test_the_video_is_called_something_else(contents) -> None:
    """EZVIZ C6N, go2rtc#264."""
    lines = [line for line in described(contents, "encoding=H265") if line.startswith("a=rtpmap")]
    assert lines == ["a=rtpmap:96 H265/90000", "a=rtpmap:107 vnd.onvif.metadata/90000"]


@pytest.mark.parametrize("family", ["longse", "h264dvr", "hikvision"])
def test_the_session_alone_names_the_group(contents, family: str) -> None:
    lines = described(contents, "multicast=239.255.77.9", family=family)
    connections = [index for index, line in enumerate(lines) if line.startswith("c=")]
    media = [index for index, line in enumerate(lines) if line.startswith("m=")]
    assert [lines[index] for index in connections] == ["c=IN IP4 239.255.77.9/16"]
    assert connections[0] < media[0]
    assert lines[media[0]].split()[1] == "5004"
