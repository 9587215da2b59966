"""Conversations with each vendor's way of writing: made ones always, recorded ones where they are found."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from transcoder.errors import ResponseError
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.client_events import Closed, Described, Playing, SetUp
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.states import ClientState
from transcoder.sdp import parse_sdp, select_video

DIALOGS = tomllib.loads((Path(__file__).parents[1] / "data" / "dialogs.toml").read_text())["dialog"]
TCP = Transport(lower="TCP", interleaved=(0, 1))
UDP = Transport(lower="UDP", client_port=(54060, 54061))
SDP = "v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=control:trackID=1\n"


@pytest.mark.parametrize("dialog", DIALOGS, ids=[dialog["name"] for dialog in DIALOGS])
def test_dialog(dialog: dict, new_transcript: Any) -> None:
    transcript = new_transcript(url=dialog["url"])
    transcript.reply(transcript.request("OPTIONS"), "200 OK", *dialog.get("options", []))
    (described,) = transcript.reply(transcript.request("DESCRIBE"), "200 OK", *dialog["describe"], body=SDP)
    assert isinstance(described, Described)
    transcript.client.setup(dialog["control"], TCP, transcript.now)
    setup = transcript.request("SETUP")
    assert setup.uri == dialog["setup_uri"]
    (set_up,) = transcript.reply(setup, "200 OK", *dialog["setup"])
    assert isinstance(set_up, SetUp)
    assert set_up.transport is not None
    assert set_up.transport.interleaved == tuple(dialog.get("channels", [0, 1]))
    play = transcript.request("PLAY")
    assert play.uri == dialog["play_uri"]
    assert play.fields["Session"] == dialog["session"]
    assert transcript.reply(play, "200 OK", *dialog["play"]) == [Playing()]
    transcript.client.teardown(transcript.now)
    teardown = transcript.request("TEARDOWN")
    assert teardown.fields["Session"] == dialog["session"]
    assert transcript.reply(teardown, "200 OK") == [Closed()]


# path of the configured URL and the recorded DESCRIBE, SETUP and PLAY; "" is answered as a plain server would
RECORDED = [
    ("/Streaming/Channels/101", "hikvision/describe_h264_onvif.txt", "hikvision/setup.txt", "hikvision/play.txt"),
    ("", "hikvision/dialog_describe_play_2018.txt", "", "hikvision/play_two_tracks.txt"),
    ("/cam/realmonitor?channel=1", "dahua/describe_h264_aac_onvif.txt", "dahua/setup.txt", "dahua/play.txt"),
    ("/cam/realmonitor?channel=1", "dahua/describe_h265_pcma.txt", "", ""),
    ("/H264", "gw_security/main_describe.txt", "gw_security/main_setup_video.txt", "gw_security/main_play.txt"),
    ("/H264", "gw_security/main_describe.txt", "gw_security/sub_setup.txt", ""),
    ("/main", "reolink/describe.txt", "reolink/setup.txt", ""),
    ("/main", "reolink/describe_control_first.txt", "reolink/setup.txt", ""),
    ("/videoMain", "foscam/describe.txt", "", ""),
    ("/live", "xiongmai_h264dvr/describe.txt", "", "xiongmai_h264dvr/play.txt"),
    ("/live", "unknown_ipcam/describe.txt", "tiandy/setup.txt", ""),
    ("/", "unknown_no_content_type/describe.txt", "", ""),
    ("/1/1", "macrovideo/describe.txt", "", ""),
    ("/av0", "vstarcam/describe.txt", "", ""),
    ("/vod", "wowza_baseline/describe.txt", "wowza_baseline/setup.txt", "wowza_baseline/play.txt"),
]
PLAIN_SETUP = b"RTSP/1.0 200 OK\r\nCSeq: 0\r\nSession: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
PLAIN = b"RTSP/1.0 200 OK\r\nCSeq: 0\r\n\r\n"


def without_origin(url: str) -> str:
    return re.sub(r"^rtsp://[^/]+", "", url)


def targets(path: str, describe: bytes) -> tuple[str, str]:
    """Path and query of SETUP and of PLAY, by the rule that live555 and FFmpeg follow: append, one slash between."""
    text = describe.decode("latin-1")
    content_base = re.search(r"(?im)^Content-Base: *(\S+)", text)
    base = without_origin(content_base.group(1)) if content_base else path
    control = re.search(r"(?ms)^m=video.*?^a=control:(\S+)", text)
    assert control
    if control.group(1).startswith("rtsp://"):
        return without_origin(control.group(1)), base
    return base.rstrip("/") + "/" + control.group(1), base


@pytest.mark.parametrize("row", RECORDED, ids=[" ".join(filter(None, row[1:3])) for row in RECORDED])
def test_recorded_dialog(row: tuple[str, ...], vectors: Path, new_transcript: Any) -> None:
    path, *names = row
    describe, setup, play = (
        (vectors / name).read_bytes() if name else plain
        for name, plain in zip(names, (b"", PLAIN_SETUP, PLAIN), strict=True)
    )
    setup_target, play_target = targets(path, describe)
    session = re.search(rb"(?im)^Session: *([^;\s]+)", setup)
    assert session
    transcript = new_transcript(url=f"rtsp://192.0.2.7:8554{path}")
    transcript.replay(transcript.request("OPTIONS"), (vectors / "dahua/options.txt").read_bytes())
    (described,) = transcript.replay(transcript.request("DESCRIBE"), describe)
    assert isinstance(described, Described)
    video = select_video(parse_sdp(described.body))
    transcript.client.setup(video.media.control, TCP, transcript.now)
    sent = transcript.request("SETUP")
    assert sent.uri == "rtsp://192.0.2.7:8554" + setup_target
    (set_up,) = transcript.replay(sent, setup)
    assert isinstance(set_up, SetUp)
    assert set_up.transport is not None
    assert set_up.transport.interleaved == (0, 1)
    sent = transcript.request("PLAY")
    assert sent.uri == "rtsp://192.0.2.7:8554" + play_target
    assert sent.fields["Session"] == session.group(1).decode()
    assert transcript.replay(sent, play) == [Playing()]
    assert "stray bytes" not in transcript.client.faults
    transcript.client.teardown(transcript.now)
    teardown = (vectors / "reolink/teardown.txt").read_bytes()
    assert transcript.replay(transcript.request("TEARDOWN"), teardown) == [Closed()]


@pytest.mark.parametrize("name", ["interleaved_single.txt", "no_interleaved_ids.txt"])
def test_recorded_setup_answers(name: str, vectors: Path, transcript: Any) -> None:
    transcript.describe()
    transcript.client.setup("trackID=1", TCP, transcript.now)
    recorded = (vectors / "synthetic/wire" / name).read_bytes()
    (event,) = transcript.replay(transcript.request("SETUP"), recorded)
    assert event.transport.interleaved == (0, 1)
    assert transcript.request("PLAY").fields["Session"] == "1"


def test_recorded_udp_setup(vectors: Path, transcript: Any) -> None:
    transcript.describe()
    transcript.client.setup("trackID=1", UDP, transcript.now)
    (event,) = transcript.replay(transcript.request("SETUP"), (vectors / "luckfox/rkipc_setup_udp.txt").read_bytes())
    assert event.transport.server_port == (49152, 49153)


@pytest.mark.parametrize("name", ["dahua/unauthorized.txt", "uniview/unauthorized.txt"])
def test_recorded_challenges(name: str, vectors: Path, new_transcript: Any) -> None:
    recorded = (vectors / name).read_bytes()
    transcript = new_transcript(credentials=Credentials(username="viewer", password="Test-1234"))
    transcript.replay(transcript.request("OPTIONS"), recorded)
    again = transcript.request("OPTIONS")
    nonce = recorded.decode().split('nonce="')[1].split('"')[0]
    assert f'nonce="{nonce}"' in again.fields["Authorization"]
    with pytest.raises(ResponseError):
        transcript.replay(again, recorded)


def test_recorded_wire(vectors: Path, transcript: Any) -> None:
    play = transcript.set_up()
    folder = vectors / "synthetic/wire"
    events = transcript.replay(play, (folder / "crlf_before_dollar.bin").read_bytes())
    assert [type(event).__name__ for event in events] == ["Playing"] + ["InterleavedFrames"] * 3
    events = transcript.feed((folder / "unassigned_channel.bin").read_bytes())
    assert [(event.channel, len(event.spans)) for event in events] == [(0, 1)] * 3
    assert transcript.client.counters.unassigned_channel == 2
    transcript.client.teardown(transcript.now)
    transcript.request("TEARDOWN")
    # its number is another one than ours: the answer is not matched, the close comes with the timeout or the number
    recorded = (folder / "teardown_with_data.bin").read_bytes()
    cseq = recorded.index(b"CSeq: 7")
    mine = str(transcript.client._cseq).encode()
    events = transcript.feed(recorded[:cseq] + b"CSeq: " + mine + recorded[cseq + 7 :])
    assert [type(event).__name__ for event in events] == ["InterleavedFrames", "Closed"]
    assert transcript.client.state is ClientState.CLOSED
