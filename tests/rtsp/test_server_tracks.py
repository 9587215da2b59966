"""Tracks in any order and number, other names of a stream, URLs as the reader wrote them: transcripts of the core."""

import pytest

from tests.support.reader_dialog import ID, TCP, UDP, URL, Dialog, Directory
from transcoder.rtsp.server_events import DescribeRequested, SetupRequested, TeardownRequested
from transcoder.rtsp.session import SessionState

# -- picture and sound -------------------------------------------------------------------------------------------------

SOUND = f"{URL}/trackID=1"


def test_audio_is_the_second_track() -> None:
    dialog = Dialog(Directory(tracks=2)).set_up()
    answer = dialog.ask("SETUP", SOUND, Transport="RTP/AVP/TCP;unicast", Session=ID)
    assert answer.headers["Transport"] == "RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=0000ABCD"
    assert [event.track for event in dialog.events if isinstance(event, SetupRequested)] == [0, 1]
    assert Dialog().set_up().ask("SETUP", SOUND, Transport=TCP, Session=ID).status == 404  # there is none


@pytest.mark.parametrize(
    ("uri", "audio"),
    [
        (f"{URL}?audio=0", False), (f"{URL}/?audio=0", False), (f"{URL}?unicast=true&Audio=0&proto=Onvif", False),
        (f"{URL}?audio=0/", False), (URL, True), (f"{URL}?audio=1", True), (f"{URL}?noaudio=0", True),
        (f"{URL}?audio=01", True),
    ],
)  # fmt: skip
def test_a_reader_that_takes_no_sound_says_so_in_the_query(uri: str, *, audio: bool) -> None:
    dialog = Dialog(Directory(tracks=2))
    dialog.ask("DESCRIBE", uri)
    event = dialog.events[0]
    assert isinstance(event, DescribeRequested)
    assert (event.path, event.audio) == ("front", audio)


@pytest.mark.parametrize("sound", [f"{URL}?audio=0/trackID=1", f"{URL}/trackID=1?audio=0"])
def test_without_sound_there_is_one_track(sound: str) -> None:
    """ffmpeg puts the track behind the query, GStreamer before it."""
    dialog = Dialog(Directory(tracks=2))
    assert dialog.ask("SETUP", sound, Transport=TCP).status == 404
    assert dialog.ask("SETUP", sound.replace("ID=1", "ID=0"), Transport=TCP).status == 200
    assert dialog.ask("PLAY", f"{URL}/?audio=0", Session=ID).status == 200


def test_another_name_of_a_stream_has_a_url_without_sound_too() -> None:
    directory = Directory(tracks=2)
    directory.aliases["/cam/realmonitor?channel=1&audio=0"] = "front"
    dialog = Dialog(directory)
    dialog.ask("DESCRIBE", "rtsp://h/cam/realmonitor?channel=1&audio=0")
    event = dialog.events[0]
    assert isinstance(event, DescribeRequested)
    assert (event.path, event.audio) == ("front", False)


def test_tracks_may_be_set_up_in_any_order_and_number() -> None:
    """openRTSP -a and ffmpeg -allowed_media_types audio want the sound alone."""
    dialog = Dialog(Directory(tracks=2))
    assert dialog.ask("SETUP", SOUND, Transport=TCP.replace("0-1", "2-3")).status == 200
    assert set(dialog.session.tracks) == {1}
    assert dialog.ask("PLAY", Session=ID).status == 200
    assert dialog.ask("PAUSE", Session=ID).status == 200
    assert dialog.ask("SETUP", f"{URL}/trackID=0", Transport=TCP, Session=ID).status == 200
    assert dialog.session.tracks[0].interleaved == (0, 1)
    assert dialog.session.tracks[1].interleaved == (2, 3)


@pytest.mark.parametrize("uri", [f"{URL}/trackID=0", URL, f"{URL}/"])
def test_a_track_that_is_set_up_again_leaves_the_other(uri: str) -> None:
    dialog = Dialog(Directory(tracks=2)).set_up()
    dialog.ask("SETUP", SOUND, Transport=TCP.replace("0-1", "2-3"), Session=ID)
    again = dialog.ask("SETUP", uri, Transport=TCP.replace("0-1", "4-5"), Session=ID)
    assert again.headers["Transport"].split(";")[2] == "interleaved=4-5"
    assert {number: track.interleaved for number, track in dialog.session.tracks.items()} == {0: (4, 5), 1: (2, 3)}
    assert dialog.ask("SETUP", uri, Transport=UDP, Session=ID).status == 200
    assert {number: track.lower for number, track in dialog.session.tracks.items()} == {0: "UDP", 1: "TCP"}


@pytest.mark.parametrize(
    ("asked", "answered"),
    [("0-1", "2-3"), ("1-2", "2-3"), ("1-0", "2-3"), ("2-3", "2-3"), ("7-8", "7-8"), ("1", "2-3")],
)
def test_a_pair_of_channels_that_is_taken_is_answered_with_another(asked: str, answered: str) -> None:
    dialog = Dialog(Directory(tracks=2)).set_up()
    answer = dialog.ask("SETUP", SOUND, Transport=TCP.replace("0-1", asked), Session=ID)
    assert f"interleaved={answered}" in answer.headers["Transport"].split(";")


def test_a_track_keeps_its_channels_when_it_is_set_up_again() -> None:
    dialog = Dialog(Directory(tracks=2)).set_up()
    answer = dialog.ask("SETUP", f"{URL}/trackID=0", Transport=TCP, Session=ID)
    assert "interleaved=0-1" in answer.headers["Transport"].split(";")


def test_one_track_is_torn_down_and_the_other_goes_on() -> None:
    dialog = Dialog(Directory(tracks=2)).set_up()
    dialog.ask("SETUP", SOUND, Transport=TCP.replace("0-1", "2-3"), Session=ID)
    dialog.play()
    assert dialog.ask("TEARDOWN", SOUND, Session=ID).status == 200
    assert (set(dialog.session.tracks), dialog.session.state) == ({0}, SessionState.PLAYING)
    ended = [event.track for event in dialog.events if isinstance(event, TeardownRequested)]
    assert ended == [1]
    assert dialog.ask("TEARDOWN", f"{URL}/trackID=0", Session=ID).status == 200  # the last one: the session ends
    assert len(dialog.sessions) == 0


def test_a_track_that_was_not_set_up_can_not_be_torn_down() -> None:
    dialog = Dialog(Directory(tracks=3)).set_up()
    dialog.ask("SETUP", SOUND, Transport=TCP.replace("0-1", "2-3"), Session=ID)
    assert dialog.ask("TEARDOWN", f"{URL}/trackID=2", Session=ID).status == 404
    assert set(dialog.session.tracks) == {0, 1}


def test_a_stream_has_other_names() -> None:
    """A VMS keeps its driver for the old camera, and only the address changes."""
    dialog = Dialog()
    dialog.context.directory.aliases = {  # type: ignore[attr-defined]
        "/Streaming/Channels/101": "front", "/cam/realmonitor?channel=1&subtype=0": "front"
    }  # fmt: skip
    root = "rtsp://192.0.2.1:8554"
    for uri in (f"{root}/Streaming/Channels/101", f"{root}/cam/realmonitor?channel=1&subtype=0"):
        assert dialog.ask("DESCRIBE", uri).headers["Content-Base"] == f"{root}/front/"
        assert dialog.ask("SETUP", f"{uri}/trackID=0", Transport=TCP).status == 200  # not all take Content-Base
        assert dialog.ask("PLAY", uri).status == 200
        assert dialog.ask("TEARDOWN", uri).status == 200
    assert dialog.ask("DESCRIBE", f"{root}/Streaming/Channels/102").status == 404


# -- where the reader came from ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "base"),
    [
        ("rtsp://gateway.example/front", "rtsp://gateway.example"),
        ("rtsp://gateway.example:1554/front?token=1", "rtsp://gateway.example:1554"),
        ("RTSPS://[2001:db8::1]:322/front", "rtsps://[2001:db8::1]:322"),  # behind whatever ended TLS
        ("rtspt://gateway.example:8554/front", "rtsp://gateway.example:8554"),  # a transport, in the scheme of some
        ("rtsp://vms:secret@gateway.example/front", "rtsp://gateway.example"),
        ("rtsp://a\x7fb/front", "rtsp://192.0.2.1:8554"),
        ("rtsp://x:1:2/front", "rtsp://192.0.2.1:8554"),
        ("/front", "rtsp://192.0.2.1:8554"),
    ],
)
def test_urls_are_told_as_the_reader_wrote_them(uri: str, base: str) -> None:
    dialog = Dialog()
    described = dialog.ask("DESCRIBE", uri)
    assert described.headers["Content-Base"] == f"{base}/front/"
    assert dialog.ask("SETUP", uri, Transport=TCP).status == 200
    assert dialog.ask("PLAY", uri).headers["RTP-Info"].startswith(f"url={base}/front/trackID=0;")
