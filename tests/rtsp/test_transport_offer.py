"""Multicast in dialogs with the server core."""

import ipaddress

import pytest

from tests.support.reader_dialog import ID, TCP, UDP, URL, Dialog, Directory
from transcoder.rtsp.multicast_groups import MulticastGroups
from transcoder.rtsp.server import ServerProtocol
from transcoder.rtsp.server_events import DescribeRequested, SetupRequested

FFMPEG = "RTP/AVP/UDP;multicast"
GSTREAMER = "RTP/AVP;multicast"
VLC = "RTP/AVP;multicast;port=20000-20001"
ANSWER = "RTP/AVP;multicast;destination=239.192.246.175;port=20000-20001;ttl=1;ssrc=0000ABCD"


def served(directory: Directory | None = None, *, is_secure: bool = False, address: str = "192.0.2.7") -> Dialog:
    dialog = Dialog(directory)
    dialog.context.groups = MulticastGroups([ipaddress.ip_network("239.192.0.0/16")], 20000, 1)
    dialog.core = ServerProtocol(
        dialog.context, base="rtsp://192.0.2.1:8554", nonce="4e6f", now=0.0, address=address, is_secure=is_secure
    )
    return dialog


@pytest.mark.parametrize(
    "offered", [FFMPEG, GSTREAMER, VLC, f"{FFMPEG},{TCP}", "RTP/AVP;multicast;destination=239.9.9.9"]
)
def test_setup_is_answered_with_the_group_ports_and_ttl(offered: str) -> None:
    """RFC 2326 section 12.39."""
    answer = served().ask("SETUP", f"{URL}/trackID=0", Transport=offered)
    assert (answer.status, answer.headers["Transport"]) == (200, ANSWER)


def test_sound_has_ports_of_its_own() -> None:
    dialog = served(Directory(tracks=2))
    dialog.set_up(GSTREAMER)
    answer = dialog.ask("SETUP", f"{URL}/trackID=1", Transport=GSTREAMER, Session=ID)
    assert ";port=20002-20003;" in answer.headers["Transport"]


@pytest.mark.parametrize("offered", [FFMPEG, GSTREAMER, "RTP/AVP/TCP;multicast", "RTP/SAVP;multicast"])
def test_where_there_are_no_groups_it_is_refused(offered: str) -> None:
    assert Dialog().ask("SETUP", f"{URL}/trackID=0", Transport=offered).status == 461
    assert served(is_secure=True).ask("SETUP", f"{URL}/trackID=0", Transport=offered).status == 461
    assert served(address="2001:db8::7").ask("SETUP", f"{URL}/trackID=0", Transport=offered).status == 461


@pytest.mark.parametrize("offered", ["RTP/AVP/TCP;multicast", "RTP/SAVP;multicast"])
def test_what_multicast_cannot_be(offered: str) -> None:
    assert served().ask("SETUP", f"{URL}/trackID=0", Transport=offered).status == 461


def test_the_first_transport_that_is_served_is_answered() -> None:
    dialog = served()
    assert (
        dialog.ask("SETUP", f"{URL}/trackID=0", Transport=f"{UDP},{GSTREAMER}")
        .headers["Transport"]
        .startswith("RTP/AVP;unicast;client_port=5000-5001")
    )


@pytest.mark.parametrize(("first", "second"), [(TCP, GSTREAMER), (GSTREAMER, TCP), (UDP, GSTREAMER), (GSTREAMER, UDP)])
def test_a_session_is_multicast_with_all_its_tracks_or_not_at_all(first: str, second: str) -> None:
    dialog = served(Directory(tracks=2))
    dialog.set_up(first)
    assert dialog.ask("SETUP", f"{URL}/trackID=1", Transport=second, Session=ID).status == 461
    assert dialog.ask("SETUP", f"{URL}/trackID=0", Transport=second, Session=ID).status == 200


def test_sessions_outlive_their_connection_and_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    dialog = served()
    monkeypatch.setattr(dialog.context.sessions, "has_room_over_udp", lambda *_: False)
    assert dialog.ask("SETUP", f"{URL}/trackID=0", Transport=GSTREAMER).status == 503


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        (f"{URL}?multicast", "239.192.246.175"),
        (f"{URL}?a=b&Multicast", "239.192.246.175"),
        (URL, None),  # VLC joins whatever a description names
        (f"{URL}?multicaster", None),
    ],
)
def test_a_description_names_the_group_for_those_who_ask(uri: str, address: str | None) -> None:
    dialog = served()
    assert dialog.ask("DESCRIBE", uri).status == 200
    [event] = dialog.events
    assert isinstance(event, DescribeRequested)
    assert (event.group.address if event.group is not None else None) == address
    assert dialog.ask("SETUP", f"{uri}/trackID=0", Transport=GSTREAMER).status == 200
    assert isinstance(dialog.events[-1], SetupRequested)
