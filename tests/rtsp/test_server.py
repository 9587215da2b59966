"""The server core as transcripts: requests of real clients in, answers and events out. No sockets, no clock."""

import pytest

from tests.support.reader_dialog import ID, OPTIONS, SDP, TCP, UDP, URL, Answer, Dialog, Directory
from transcoder.rtsp.server_events import (
    PauseRequested,
    PlayRequested,
    ReaderFrame,
    SetupRequested,
    TeardownRequested,
)
from transcoder.rtsp.session import (
    TRANSITIONS,
    EndReason,
    Method,
    ServerOptions,
    SessionState,
    SessionTable,
)
from transcoder.rtsp.target import parse_target

IN_STATE = {
    "new": Dialog,
    "ready": lambda: Dialog().set_up(),
    "ready over UDP": lambda: Dialog().set_up(UDP),
    "playing": lambda: Dialog().set_up().play(),
}
EXPECTED = {
    "new": {"PLAY": 454, "PAUSE": 454, "TEARDOWN": 454, "SETUP": 200, "DESCRIBE": 200},
    "ready": {"PLAY": 200, "PAUSE": 200, "TEARDOWN": 200, "SETUP": 200, "DESCRIBE": 200},
    "ready over UDP": {"PLAY": 200, "PAUSE": 200, "TEARDOWN": 200, "SETUP": 200, "DESCRIBE": 200},
    "playing": {"PLAY": 200, "PAUSE": 200, "TEARDOWN": 200, "SETUP": 455, "DESCRIBE": 200},
}
ALWAYS = {
    "OPTIONS": 200,
    "GET_PARAMETER": 200,
    "SET_PARAMETER": 200,
    "ANNOUNCE": 405,
    "RECORD": 405,
    "REDIRECT": 405,
    "FROBNICATE": 501,
}


@pytest.mark.parametrize("state", IN_STATE)
@pytest.mark.parametrize("method", [*ALWAYS, *EXPECTED["new"]])
@pytest.mark.parametrize("with_session", [False, True])
def test_every_method_in_every_state(state: str, method: str, with_session: bool) -> None:
    dialog = IN_STATE[state]()
    headers = {"Session": ID} if with_session and state != "new" else {}
    if method == "SETUP":
        # live555 and GStreamer name the session in a second SETUP
        headers = {**({"Session": ID} if state != "new" else {}), "Transport": TCP}
    answer = dialog.ask(method, **headers)
    assert answer.status == {**ALWAYS, **EXPECTED[state]}[method]
    assert answer.version == "RTSP/1.0"


def test_the_states_are_those_of_the_rfc() -> None:
    """RFC 2326 section A.2 without RECORD; there, SETUP may also change the transport of a session that plays."""
    of_the_rfc = {
        ("init", "SETUP"): "ready",
        ("ready", "PLAY"): "playing",
        ("ready", "SETUP"): "ready",
        ("ready", "TEARDOWN"): "init",
        ("playing", "PLAY"): "playing",
        ("playing", "PAUSE"): "ready",
        ("playing", "TEARDOWN"): "init",
    }
    table = {
        (state.value, method.value): new.value
        for state, methods in TRANSITIONS.items()
        for method, new in methods.items()
        if method.value in {"SETUP", "PLAY", "PAUSE", "TEARDOWN"}
    }
    assert table == of_the_rfc | {("ready", "PAUSE"): "ready"}  # readers pause what never played
    for state, methods in TRANSITIONS.items():
        assert {methods[method] for method in methods if method in {Method.OPTIONS, Method.DESCRIBE}} == {state}


def test_allow_names_what_would_not_be_455() -> None:
    """RFC 2326 sections 11.3.6 and 12.4."""
    always = {"OPTIONS", "DESCRIBE", "GET_PARAMETER", "SET_PARAMETER"}
    playing = Dialog().set_up().play().ask("SETUP", Transport=TCP, Session=ID)
    assert (playing.status, set(playing.headers["Allow"].split(", "))) == (455, always | {"PLAY", "PAUSE", "TEARDOWN"})
    dialog = Dialog()
    assert dialog.ask("RECORD").headers["Allow"] == dialog.ask("OPTIONS").headers["Public"]


def test_a_request_for_another_session_is_454() -> None:
    for method in ("PLAY", "PAUSE", "TEARDOWN"):
        assert Dialog().set_up().ask(method, Session="unknown").status == 454
    assert Dialog().ask("SETUP", Session="unknown", Transport=TCP).status == 454


def test_a_session_of_another_stream_is_not_played() -> None:
    dialog = Dialog(Directory(allowed=("front", "yard"))).set_up()
    assert dialog.ask("PLAY", "rtsp://192.0.2.1:8554/yard", Session=ID).status == 404
    assert dialog.ask("SETUP", "rtsp://192.0.2.1:8554/yard", Session=ID, Transport=TCP).status == 455


def test_options_names_what_there_is() -> None:
    public = Dialog().ask("OPTIONS", "*").headers["Public"]
    assert set(public.split(", ")) == {
        "OPTIONS",
        "DESCRIBE",
        "SETUP",
        "PLAY",
        "PAUSE",
        "GET_PARAMETER",
        "SET_PARAMETER",
        "TEARDOWN",
    }


def test_a_description() -> None:
    answer = Dialog().ask("DESCRIBE", Accept="application/sdp")
    assert answer.headers["Content-Type"] == "application/sdp"
    assert answer.headers["Content-Base"] == f"{URL}/"
    assert answer.headers["Content-Length"] == str(len(SDP))
    assert answer.body == SDP


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (URL, ("front", None)),
        (f"{URL}/", ("front", None)),
        ("rtsp://192.0.2.1/front", ("front", None)),
        ("RTSP://[::1]:8554/front", ("front", None)),
        ("/front", ("front", None)),
        ("/front/trackID=0", ("front", 0)),
        (f"{URL}/trackID=0", ("front", 0)),
        (f"{URL}/trackID=0/", ("front", 0)),
        (f"{URL}/trackid=1", ("front", 1)),
        (f"{URL}?token=1", ("front", None)),
        (f"{URL}/trackID=0?token=1", ("front", 0)),  # GStreamer
        (f"{URL}?token=1/trackID=0", ("front", 0)),  # ffmpeg
        (f"{URL}/?token=1/trackID=0", ("front", 0)),
        ("rtsp://user:pass@192.0.2.1:8554/front", ("front", None)),
        ("rtspu://192.0.2.1:8554/a_b-1", ("a_b-1", None)),
        ("rtsps://192.0.2.1:8322/front", ("front", None)),
        ("rtspt://192.0.2.1:8554/front", ("front", None)),
        ("rtsph://192.0.2.1/front/trackID=0", ("front", 0)),
        ("RTSPS://192.0.2.1:8322/front/trackID=0", ("front", 0)),
        ("*", None),
        ("", None),
        ("rtsp://192.0.2.1:8554", None),
        ("rtsp://192.0.2.1:8554/", None),
        ("rtsp://192.0.2.1:8554/front/sub", ("front/sub", None)),
        ("rtsp://192.0.2.1:8554/front/sub/", ("front/sub", None)),
        ("rtsp://192.0.2.1:8554/front/sub/trackID=0", ("front/sub", 0)),
        ("rtsp://192.0.2.1:8554/front/sub?token=1/trackID=0", ("front/sub", 0)),
        ("/front/sub/trackID=1", ("front/sub", 1)),
        ("rtsp://192.0.2.1:8554/front/sub/other", None),
        ("rtsp://192.0.2.1:8554/front//sub", None),
        ("rtsp://192.0.2.1:8554/front/..", None),
        ("rtsp://192.0.2.1:8554/front/Sub", None),
        ("rtsp://192.0.2.1:8554/front/" + "a" * 64, None),
        ("rtsp://192.0.2.1:8554/../front", None),
        ("rtsp://192.0.2.1:8554/Front", None),
        ("rtsp://192.0.2.1:8554/front%2f", None),
        ("rtsp://192.0.2.1:8554/" + "a" * 64, None),
        (f"{URL}/trackID=9999", None),
    ],
)
def test_what_a_uri_names(uri: str, expected: tuple[str, int | None] | None) -> None:
    found = parse_target(uri)
    assert (None if found is None else (found.path, found.track)) == expected


def test_a_track_that_is_not_there_is_404() -> None:
    assert Dialog().ask("SETUP", f"{URL}/trackID=7", Transport=TCP).status == 404
    for method in ("DESCRIBE", "SETUP"):
        assert Dialog().ask(method, "rtsp://192.0.2.1:8554/a/b/c", Transport=TCP).status == 404


def test_a_stream_that_is_not_there_is_404() -> None:
    for method in ("DESCRIBE", "SETUP"):
        dialog = Dialog()
        assert dialog.ask(method, "rtsp://192.0.2.1:8554/unknown", Transport=TCP).status == 404
        assert dialog.events == []


@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP", "PLAY"])
def test_a_disabled_stream_is_503_and_says_so(method: str) -> None:
    directory = Directory()
    dialog = Dialog(directory).set_up(UDP)
    directory.disabled.add("front")
    answer = dialog.ask(method, Transport=UDP, **({"Session": ID} if method != "DESCRIBE" else {}))
    assert (answer.status, answer.reason) == (503, "Service Unavailable: the stream is disabled")
    assert dialog.ask("OPTIONS", Session=ID).status == 200
    assert dialog.ask("TEARDOWN", Session=ID).status == 200  # who has a session may always leave
    assert Dialog(directory).ask(method, URL.replace("front", "yard"), Transport=UDP).status != 503


def test_without_ports_there_is_no_udp() -> None:
    dialog = Dialog(udp_ports=None)
    assert dialog.ask("SETUP", f"{URL}/trackID=0", Transport=UDP).status == 461
    assert dialog.ask("SETUP", f"{URL}/trackID=0", Transport=f"{UDP},{TCP}").status == 200


TRANSPORTS = [
    (TCP, "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=0000ABCD"),
    ("RTP/AVP/TCP;unicast;interleaved=4-5;mode=play", "RTP/AVP/TCP;unicast;interleaved=4-5;ssrc=0000ABCD"),
    ("RTP/AVP/TCP;interleaved=0-1", "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=0000ABCD"),
    ("RTP/AVP/TCP;unicast", "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=0000ABCD"),
    (UDP, "RTP/AVP;unicast;client_port=5000-5001;server_port=8000-8001;ssrc=0000ABCD"),
    (
        "RTP/AVP/UDP;unicast;client_port=5000-5001",
        "RTP/AVP;unicast;client_port=5000-5001;server_port=8000-8001;ssrc=0000ABCD",
    ),
    (f"RTP/AVP;multicast,{TCP}", "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=0000ABCD"),
    (f"RTP/SAVP;unicast;client_port=1-2,{TCP}", "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=0000ABCD"),
    ("RTP/AVP;multicast", None),
    ("RTP/AVP;unicast", None),
    ("RTP/AVP;unicast;client_port=0-1", None),
    ("RTP/SAVP/TCP;unicast;interleaved=0-1", None),
    ("RTP/AVP/SCTP;unicast", None),
    ("MP2T/H2221/UDP;unicast;client_port=5000-5001", None),
    ("", None),
]


@pytest.mark.parametrize(("offered", "accepted"), TRANSPORTS)
def test_transports(offered: str, accepted: str | None) -> None:
    answer = Dialog().ask("SETUP", f"{URL}/trackID=0", Transport=offered)
    if accepted is None:
        assert answer.status == 461
    else:
        assert (answer.status, answer.headers["Transport"]) == (200, accepted)
        assert answer.headers["Session"] == f"{ID};timeout=60"


def test_a_reader_that_is_refused_udp_asks_for_tcp_on_the_same_connection() -> None:
    dialog = Dialog()
    assert dialog.ask("SETUP", f"{URL}/trackID=0", Transport="RTP/AVP;multicast").status == 461
    dialog.set_up().play()


def test_what_was_asked_for_over_tls_is_named_so() -> None:
    dialog = Dialog(base="rtsps://192.0.2.1:8322")
    url = "rtsps://192.0.2.1:8322/front"
    assert dialog.ask("DESCRIBE", url).headers["Content-Base"] == f"{url}/"
    assert dialog.ask("SETUP", f"{url}/trackID=0", Transport=TCP).status == 200
    assert dialog.ask("PLAY", url).headers["RTP-Info"] == f"url={url}/trackID=0;seq=4711;rtptime=90000"


def test_play_names_the_first_packet() -> None:
    answer = Dialog().set_up().ask("PLAY", Range="npt=0.000-")
    assert answer.headers["RTP-Info"] == f"url={URL}/trackID=0;seq=4711;rtptime=90000"
    assert answer.headers["Range"] == "npt=now-"
    assert answer.headers["Session"] == ID


def test_play_without_a_picture_names_no_time() -> None:
    dialog = Dialog().set_up()
    dialog.waits = True
    assert dialog.feed(dialog.text("PLAY")) == []
    dialog.core.respond_play(dialog.events[-1], {0: (4711, None)}, 3.0)
    [data] = dialog.core.data_to_send()
    assert Answer(data).headers["RTP-Info"] == f"url={URL}/trackID=0;seq=4711"


def test_pause_and_play_again() -> None:
    dialog = Dialog().set_up().play()
    assert dialog.ask("PAUSE").status == 200
    assert dialog.session.state is SessionState.READY
    dialog.play()
    kinds = [type(event) for event in dialog.events]
    assert kinds == [SetupRequested, PlayRequested, PauseRequested, PlayRequested]


def test_play_while_playing_is_a_sign_of_life() -> None:
    dialog = Dialog().set_up().play()
    count = len(dialog.events)
    dialog.now = 30.0
    dialog.play()
    assert len(dialog.events) == count
    assert dialog.session.last_seen == 30.0


def test_teardown_ends_the_session_and_not_the_connection() -> None:
    dialog = Dialog().set_up().play()
    assert dialog.ask("TEARDOWN", Session=ID).status == 200
    assert list(dialog.sessions) == []
    assert isinstance(dialog.events[-1], TeardownRequested)
    assert dialog.core.end_reason is None
    assert dialog.ask("PLAY", Session=ID).status == 454
    dialog.set_up().play()


@pytest.mark.parametrize("method", ["OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "PLAY"])
def test_requests_keep_a_session_alive(method: str) -> None:
    dialog = Dialog().set_up().play()
    dialog.now = 55.0
    dialog.ask(method, Session=ID)
    assert dialog.session.last_seen == 55.0


def test_frames_of_the_reader_keep_its_session_alive() -> None:
    dialog = Dialog().set_up().play()
    dialog.now = 55.0
    report = b"\x80\xc9\x00\x01\x00\x00\x00\x01"
    assert dialog.feed(b"$\x01\x00\x08" + report) == []
    assert isinstance(dialog.events[-1], ReaderFrame)
    assert bytes(dialog.events[-1].data) == report
    assert dialog.session.last_seen == 55.0


def test_a_udp_session_is_named_on_another_connection() -> None:
    first = Dialog().set_up(UDP)
    second = Dialog(sessions=first.sessions)
    assert second.ask("PLAY", Session=ID).status == 200
    assert second.ask("GET_PARAMETER", Session=ID).headers["Session"] == ID
    assert second.ask("TEARDOWN", Session=ID).status == 200
    assert list(first.sessions) == []


# -- the end -----------------------------------------------------------------------------------------------------------


def test_what_is_set_up_on_a_connection_ends_with_it_over_tcp_and_lives_on_over_udp() -> None:
    ids = iter(("A", "B", "C", "D"))
    table = SessionTable(OPTIONS, lambda: next(ids))
    dialog = Dialog(sessions=table)
    for transport in (TCP, UDP, TCP):  # without Session, each is a session of its own
        dialog.set_up(transport)
    other = Dialog(sessions=table).set_up()
    assert [session.id for session in dialog.core.receive_eof()] == ["A", "C"]
    assert [session.id for session in table] == ["B", "D"]
    assert dialog.core.receive_eof() == []
    assert [session.id for session in other.core.receive_eof()] == ["D"]


def test_sessions_are_bounded() -> None:
    numbers = iter(range(100))
    options = ServerOptions(max_sessions=5, max_own_sessions=3)
    table = SessionTable(options, lambda: str(next(numbers)))
    track = f"{URL}/trackID=0"
    first, second = (Dialog(sessions=table, options=options) for _ in range(2))
    assert [first.ask("SETUP", track, Transport=UDP).status for _ in range(4)] == [200, 200, 200, 503]
    assert [second.ask("SETUP", track, Transport=UDP).status for _ in range(3)] == [200, 200, 503]
    assert first.ask("TEARDOWN", Session="1").status == 200
    assert second.ask("SETUP", track, Transport=UDP).status == 200


@pytest.mark.parametrize(("method", "headers"), [("PAUSE", {}), ("SETUP", {"Transport": UDP})])
def test_play_of_a_session_that_another_connection_paused_meanwhile_is_455(
    method: str, headers: dict[str, str]
) -> None:
    dialog = Dialog().set_up(UDP)
    other = Dialog(sessions=dialog.sessions)
    dialog.waits = True
    assert dialog.feed(dialog.text("PLAY", Session=ID)) == []
    assert other.ask(method, Session=ID, **headers).status == 200
    dialog.core.respond_play(dialog.events[-1], {0: (4711, None)}, 3.0)
    (answer,) = dialog.feed(b"")
    assert (answer.status, "PLAY" in answer.headers["Allow"]) == (455, True)
    # it may begin anew, and the state does not say that it plays
    assert dialog.feed(dialog.text("PLAY", Session=ID)) == []
    assert isinstance(dialog.events[-1], PlayRequested)
    dialog.core.respond_play(dialog.events[-1], {0: (4711, None)}, 6.0)
    assert [item.status for item in dialog.feed(b"")] == [200]


def test_play_that_two_connections_ask_for_is_answered_to_both() -> None:
    dialog = Dialog().set_up(UDP)
    other = Dialog(sessions=dialog.sessions)
    dialog.waits = other.waits = True
    for connection in (dialog, other):
        assert connection.feed(connection.text("PLAY", Session=ID)) == []
    for connection in (other, dialog):
        connection.core.respond_play(connection.events[-1], {0: (4711, 90_000)}, 3.0)
        assert [item.status for item in connection.feed(b"")] == [200]


def test_play_of_a_session_that_ended_meanwhile_is_454() -> None:
    dialog = Dialog().set_up(UDP)
    dialog.waits = True
    assert dialog.feed(dialog.text("PLAY")) == []
    dialog.sessions.remove(dialog.session)
    dialog.core.respond_play(dialog.events[-1], {0: (4711, 90_000)}, 3.0)
    assert [Answer(data).status for data in dialog.core.data_to_send()] == [454]
    assert dialog.core.session is None


SILENT_S = OPTIONS.session_timeout_s + OPTIONS.session_slack_s


@pytest.mark.parametrize(("transport", "ends"), [(UDP, True), (TCP, False)])
def test_a_session_without_a_sign_of_life_is_silent(transport: str, ends: bool) -> None:
    dialog = Dialog().set_up(transport).play()
    dialog.now = 50.0
    dialog.ask("OPTIONS")
    assert list(dialog.sessions.silent(50.0 + SILENT_S)) == []
    assert [session.id for session in dialog.sessions.silent(50.1 + SILENT_S)] == ([ID] if ends else [])


def test_a_connection_without_a_session_must_not_be_idle() -> None:
    dialog = Dialog()
    dialog.now = 10.0
    dialog.ask("OPTIONS")
    dialog.core.check(0, 10.0 + OPTIONS.idle_s)
    assert dialog.core.end_reason is None
    dialog.core.check(0, 10.1 + OPTIONS.idle_s)
    assert dialog.core.end_reason is EndReason.IDLE


@pytest.mark.parametrize("transport", [TCP, UDP])
def test_a_connection_with_a_session_may_be_idle_until_the_session_is_gone(transport: str) -> None:
    dialog = Dialog().set_up(transport).play()
    dialog.core.check(0, 1000.0)
    assert dialog.core.end_reason is None
    dialog.sessions.remove(dialog.session)
    dialog.core.check(0, 1000.0)
    assert dialog.core.end_reason is EndReason.IDLE


def test_a_reader_that_takes_nothing_is_stuck() -> None:
    dialog = Dialog().set_up().play()
    for second in range(100):  # it is slow, but takes something now and then
        dialog.core.check(1000 + second // 20, float(second))
    assert dialog.core.end_reason is None
    dialog.core.check(1004, 80.0 + OPTIONS.stuck_s)
    assert dialog.core.end_reason is None
    dialog.core.check(1004, 80.1 + OPTIONS.stuck_s)
    assert dialog.core.end_reason is EndReason.STUCK
    alive = Dialog().set_up().play()
    for second in range(100):
        alive.core.check(0, float(second))  # nothing waits: nothing is to be taken
    assert alive.core.end_reason is None


def test_a_connection_serves_one_session_or_several() -> None:
    numbers = iter("AB")
    dialog = Dialog(sessions=SessionTable(OPTIONS, lambda: next(numbers))).set_up()
    first = dialog.core.session
    assert first is not None
    assert dialog.core.serves_only(first)
    dialog.set_up()
    second = dialog.core.session
    assert second is not None
    assert second is not first
    assert not dialog.core.serves_only(first)
    assert not dialog.core.serves_only(second)
    assert dialog.ask("TEARDOWN", Session="A").status == 200
    assert dialog.core.serves_only(second)


def test_errors_are_counted_by_status() -> None:
    dialog = Dialog()
    for method, uri in (("SETUP", URL), ("SETUP", URL), ("DESCRIBE", f"{URL}x"), ("PLAY", URL)):
        dialog.ask(method, uri)
    dialog.ask("OPTIONS")
    assert dialog.context.counters.rejected == {461: 2, 404: 1, 454: 1}
