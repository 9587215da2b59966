"""The server core as transcripts: requests of real clients in, answers and events out. No sockets, no clock."""

import base64
import hashlib
import re
from typing import Any

import pytest

from transcoder.errors import RemoteProtocolError
from transcoder.rtsp.server import ServerProtocol
from transcoder.rtsp.server_events import (
    DescribeRequested,
    PauseRequested,
    PlayRequested,
    ReaderFrame,
    ServerContext,
    SetupRequested,
    TeardownRequested,
)
from transcoder.rtsp.session import (
    TRANSITIONS,
    EndReason,
    Method,
    ServerOptions,
    ServerSession,
    SessionState,
    SessionTable,
)
from transcoder.rtsp.target import parse_target

URL = "rtsp://192.0.2.1:8554/front"
TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"
UDP = "RTP/AVP;unicast;client_port=5000-5001"
SDP = b"v=0\r\n"
ID = "ABCDEFGH12345678"
OPTIONS = ServerOptions()


class Directory:
    def __init__(
        self, passwords: dict[str, str] | None = None, allowed: tuple[str, ...] = ("front",), tracks: int = 1
    ) -> None:
        self._passwords = passwords or {}
        self._allowed = allowed
        self._tracks = tracks
        self.disabled: set[str] = set()

    def passwords(self) -> dict[str, str]:
        return self._passwords

    def may_read(self, user: str, stream: str) -> bool:
        return stream in self._allowed

    def tracks(self, stream: str) -> int:
        return self._tracks if stream in {"front", "yard"} else 0

    def is_disabled(self, stream: str) -> bool:
        return stream in self.disabled


class Answer:
    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.version, status, self.reason = lines[0].split(" ", 2)
        self.status = int(status)
        self.headers = dict(line.split(": ", 1) for line in lines[1:])


class Dialog:
    """A connection whose shell answers every event at once, unless it is told to wait."""

    def __init__(
        self,
        directory: Directory | None = None,
        sessions: SessionTable | None = None,
        options: ServerOptions = OPTIONS,
        udp_ports: tuple[int, int] | None = (8000, 8001),
        base: str = "rtsp://192.0.2.1:8554",
    ) -> None:
        self.sessions = sessions if sessions is not None else SessionTable(options, lambda: ID)
        self.context = ServerContext(
            directory=directory or Directory(), sessions=self.sessions, options=options, udp_ports=udp_ports
        )
        self.core = ServerProtocol(self.context, base=base, nonce="4e6f6e6365", now=0.0)
        self.cseq = 0
        self.now = 0.0
        self.events: list[Any] = []
        self.waits = False

    def text(self, method: str, uri: str = URL, **headers: str) -> bytes:
        self.cseq += 1
        fields = {"CSeq": str(self.cseq), **{name.replace("_", "-"): value for name, value in headers.items()}}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {uri} RTSP/1.0\r\n{lines}\r\n".encode()

    def feed(self, data: bytes) -> list[Answer]:
        self.core.receive_data(data, self.now)
        while (event := self.core.next_event()) is not None:
            self.events.append(event)
            if not self.waits:
                self.answer(event)
        out = b"".join(self.core.data_to_send())
        return [Answer(part) for part in re.split(rb"(?=RTSP/1\.0 \d)", out) if part]

    def answer(self, event: object) -> None:
        if isinstance(event, DescribeRequested):
            self.core.respond_description(event, SDP, self.now)
        elif isinstance(event, SetupRequested):
            self.core.accept_setup(event, 0x0000ABCD, self.now)
        elif isinstance(event, PlayRequested):
            self.core.respond_play(event, 4711, 90_000, self.now)

    def ask(self, method: str, uri: str = URL, **headers: str) -> Answer:
        answers = self.feed(self.text(method, uri, **headers))
        assert len(answers) == 1
        assert answers[0].headers["CSeq"] == str(self.cseq)
        return answers[0]

    def set_up(self, transport: str = TCP) -> "Dialog":
        assert self.ask("SETUP", f"{URL}/trackID=0", Transport=transport).status == 200
        return self

    def set_up_again(self, transport: str) -> None:
        assert self.ask("SETUP", f"{URL}/trackID=0", Transport=transport, Session=ID).status == 200

    def play(self) -> "Dialog":
        assert self.ask("PLAY").status == 200
        return self

    @property
    def session(self) -> ServerSession:
        found = self.sessions.find(ID)
        assert found is not None
        return found


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
    audio_first = Dialog().ask("SETUP", f"{URL}/trackID=1", Transport=TCP)
    assert (audio_first.status, set(audio_first.headers["Allow"].split(", "))) == (455, always | {"SETUP"})
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


def test_a_disabled_stream_is_shown_to_nobody_without_a_login() -> None:
    directory = Directory(USERS)
    directory.disabled.add("front")
    assert [Dialog(directory).ask(method, Transport=TCP).status for method in ("DESCRIBE", "SETUP")] == [401, 401]


def test_audio_is_the_second_track() -> None:
    with_audio, audio = Directory(tracks=2), f"{URL}/trackID=1"
    dialog = Dialog(with_audio)
    assert dialog.ask("SETUP", audio, Transport=TCP).status == 455  # video comes first
    dialog.set_up()
    answer = dialog.ask("SETUP", audio, Transport="RTP/AVP/TCP;unicast", Session=ID)
    assert answer.headers["Transport"] == "RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=0000ABCD"
    assert [event.track for event in dialog.events if isinstance(event, SetupRequested)] == [0, 1]
    assert dialog.session.audio is not None
    assert dialog.session.transport is not None
    dialog.set_up_again(UDP)
    assert dialog.session.audio is None  # set up for the transport that is no more
    assert Dialog().set_up().ask("SETUP", audio, Transport=TCP, Session=ID).status == 404  # there is none


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
    dialog.core.respond_play(dialog.events[-1], 4711, None, 3.0)
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
    dialog.core.respond_play(dialog.events[-1], 4711, None, 3.0)
    (answer,) = dialog.feed(b"")
    assert (answer.status, "PLAY" in answer.headers["Allow"]) == (455, True)
    # it may begin anew, and the state does not say that it plays
    assert dialog.feed(dialog.text("PLAY", Session=ID)) == []
    assert isinstance(dialog.events[-1], PlayRequested)
    dialog.core.respond_play(dialog.events[-1], 4711, None, 6.0)
    assert [item.status for item in dialog.feed(b"")] == [200]


def test_play_that_two_connections_ask_for_is_answered_to_both() -> None:
    dialog = Dialog().set_up(UDP)
    other = Dialog(sessions=dialog.sessions)
    dialog.waits = other.waits = True
    for connection in (dialog, other):
        assert connection.feed(connection.text("PLAY", Session=ID)) == []
    for connection in (other, dialog):
        connection.core.respond_play(connection.events[-1], 4711, 90_000, 3.0)
        assert [item.status for item in connection.feed(b"")] == [200]


def test_play_of_a_session_that_ended_meanwhile_is_454() -> None:
    dialog = Dialog().set_up(UDP)
    dialog.waits = True
    assert dialog.feed(dialog.text("PLAY")) == []
    dialog.sessions.remove(dialog.session)
    dialog.core.respond_play(dialog.events[-1], 4711, 90_000, 3.0)
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


# -- requests that are wrong -------------------------------------------------------------------------------------------


def test_unknown_options_are_named() -> None:
    answer = Dialog().ask("SETUP", Transport=TCP, Require="com.example.feature")
    assert (answer.status, answer.headers["Unsupported"]) == (551, "com.example.feature")


def test_cseq_comes_back_as_it_was() -> None:
    for cseq in ("0", "42", "4294967296"):
        [answer] = Dialog().feed(f"OPTIONS * RTSP/1.0\r\nCSeq: {cseq}\r\n\r\n".encode())
        assert answer.headers["CSeq"] == cseq
    [answer] = Dialog().feed(b"OPTIONS * RTSP/1.0\r\ncseq:7\r\n\r\n")
    assert (answer.status, answer.headers["CSeq"]) == (200, "7")
    [answer] = Dialog().feed(b"OPTIONS * RTSP/1.0\r\n\r\n")
    assert answer.status == 400


def test_another_version_is_505() -> None:
    [answer] = Dialog().feed(b"OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n")
    assert answer.status == 505


def test_nothing_of_the_request_is_echoed_but_cseq_and_require() -> None:
    dialog = Dialog()
    mark = "canary4711"
    for method in [*ALWAYS, *EXPECTED["new"], mark.upper()]:
        answers = dialog.feed(dialog.text(method, f"{URL}?{mark}", User_Agent=mark, Transport=TCP, X=mark))
        for answer in answers:
            assert mark not in str(answer.headers).lower()
            assert mark not in answer.reason.lower()


@pytest.mark.parametrize("data", [b"OPTIONS * RTSP/1.0\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"x" * 300_000])
def test_what_can_not_be_read_ends_the_connection(data: bytes) -> None:
    dialog = Dialog()
    with pytest.raises(RemoteProtocolError):
        dialog.feed(data)
    assert dialog.core.end_reason is EndReason.PROTOCOL_ERROR


# -- many requests at once ---------------------------------------------------------------------------------------------


def test_pipelined_requests_are_answered_in_order() -> None:
    dialog = Dialog()
    data = b"".join(
        (
            dialog.text("OPTIONS"),
            dialog.text("DESCRIBE"),
            dialog.text("SETUP", f"{URL}/trackID=0", Transport=TCP),
            dialog.text("PLAY"),
            dialog.text("GET_PARAMETER"),
        )
    )
    answers = dialog.feed(data)
    assert [answer.headers["CSeq"] for answer in answers] == ["1", "2", "3", "4", "5"]
    assert {answer.status for answer in answers} == {200}


@pytest.mark.parametrize("size", [1, 3, 50])
def test_requests_in_pieces(size: int) -> None:
    dialog = Dialog()
    data = dialog.text("OPTIONS") + dialog.text("DESCRIBE") + dialog.text("SETUP", f"{URL}/trackID=0", Transport=TCP)
    data += b"$\x01\x00\x04abcd" + dialog.text("GET_PARAMETER")
    answers = []
    for start in range(0, len(data), size):
        answers += dialog.feed(data[start : start + size])
    assert [answer.status for answer in answers] == [200, 200, 200, 200]


@pytest.mark.parametrize("before", ["", "OPTIONS", "DESCRIBE"])
def test_a_frame_before_any_setup_ends_the_connection(before: str) -> None:
    dialog = Dialog()
    dialog.waits = True
    with pytest.raises(RemoteProtocolError):
        dialog.feed((dialog.text(before) if before else b"") + b"$\x01\x00\x04abcd")


def test_a_request_behind_a_slow_one_waits_for_its_turn() -> None:
    dialog = Dialog()
    dialog.waits = True
    assert dialog.feed(dialog.text("DESCRIBE") + dialog.text("OPTIONS")) == []
    dialog.core.respond_description(dialog.events[-1], SDP, 1.0)
    answers = [Answer(data) for data in dialog.core.data_to_send()]
    assert [answer.headers["CSeq"] for answer in answers] == ["1", "2"]


def test_too_many_requests_behind_a_slow_one_end_the_connection() -> None:
    dialog = Dialog()
    dialog.waits = True
    dialog.feed(b"".join(dialog.text("DESCRIBE") for _ in range(OPTIONS.max_pipelined)))
    with pytest.raises(RemoteProtocolError):
        dialog.feed(dialog.text("OPTIONS") * 3)


# -- logging in --------------------------------------------------------------------------------------------------------

USERS = {"vms": "pässword", "other": "x"}


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324  # RFC 2617


def login(challenge: str, method: str, uri: str, user: str = "vms", password: str = USERS["vms"]) -> str:
    """RFC 2617 section 3.2.2 without qop."""
    [realm], [nonce] = re.findall('realm="([^"]*)"', challenge), re.findall('nonce="([^"]*)"', challenge)
    response = md5(f"{md5(f'{user}:{realm}:{password}')}:{nonce}:{md5(f'{method}:{uri}')}")
    return f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}"'


def test_the_computation_above_is_that_of_the_rfc() -> None:
    """H(A1) of the example in RFC 2617 section 3.5."""
    assert md5("Mufasa:testrealm@host.com:Circle Of Life") == "939e7578ed9e3c518a452acee763bce9"


def protected() -> tuple[Dialog, str]:
    dialog = Dialog(Directory(USERS))
    answer = dialog.ask("DESCRIBE")
    assert answer.status == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("Digest ")
    assert "qop" not in challenge  # ffmpeg and old recorders get it wrong
    assert "algorithm" not in challenge
    return dialog, challenge


def test_the_right_password_opens_everything() -> None:
    dialog, challenge = protected()
    track = f"{URL}/trackID=0"
    assert dialog.ask("DESCRIBE", Authorization=login(challenge, "DESCRIBE", URL)).status == 200
    authorization = login(challenge, "SETUP", track)
    assert dialog.ask("SETUP", track, Transport=TCP, Authorization=authorization).status == 200
    assert dialog.ask("PLAY", Authorization=login(challenge, "PLAY", URL)).status == 200
    assert dialog.core.user == "vms"


@pytest.mark.parametrize("signed", [URL, f"{URL}/", "/front", f"{URL}/trackID=0", "rtsp://camera.example/front"])
def test_clients_sign_the_base_the_track_or_the_path(signed: str) -> None:
    dialog, challenge = protected()
    authorization = login(challenge, "SETUP", signed)
    assert dialog.ask("SETUP", f"{URL}/trackID=0", Transport=TCP, Authorization=authorization).status == 200


WRONG = {
    "password": lambda challenge: login(challenge, "DESCRIBE", URL, password="password"),
    "user": lambda challenge: login(challenge, "DESCRIBE", URL, user="nobody"),
    "another user's password": lambda challenge: login(challenge, "DESCRIBE", URL, user="other"),
    "method": lambda challenge: login(challenge, "SETUP", URL),
    "stream": lambda challenge: login(challenge, "DESCRIBE", "rtsp://192.0.2.1:8554/yard"),
    "realm": lambda challenge: login(challenge.replace('realm="', 'realm="x'), "DESCRIBE", URL),
    "empty": lambda challenge: "",
    "Basic": lambda challenge: "Basic " + base64.b64encode("vms:pässword".encode()).decode(),
    "no response": lambda challenge: login(challenge, "DESCRIBE", URL).partition(", response")[0],
    "junk": lambda challenge: "Digest " + "=" * 500,
}


@pytest.mark.parametrize("wrong", WRONG)
def test_the_wrong_thing_opens_nothing(wrong: str) -> None:
    dialog, challenge = protected()
    count = len(dialog.events)
    answer = dialog.ask("DESCRIBE", Authorization=WRONG[wrong](challenge))
    assert answer.status == 401
    assert len(dialog.events) == count


def test_a_nonce_of_another_connection_is_stale() -> None:
    dialog, challenge = protected()
    other = challenge.replace('nonce="', 'nonce="00')
    answer = dialog.ask("DESCRIBE", Authorization=login(other, "DESCRIBE", URL))
    assert answer.status == 401
    assert "stale=true" in answer.headers["WWW-Authenticate"]


def test_what_a_user_may_not_read_is_403() -> None:
    dialog, challenge = protected()
    uri = "rtsp://192.0.2.1:8554/yard"
    assert dialog.ask("DESCRIBE", uri, Authorization=login(challenge, "DESCRIBE", uri)).status == 403


def test_who_guesses_is_cut_off() -> None:
    dialog, challenge = protected()
    wrong = login(challenge, "DESCRIBE", URL, password="guess")
    for _ in range(OPTIONS.max_auth_failures + 1):
        assert dialog.core.end_reason is None
        dialog.ask("DESCRIBE", Authorization=wrong)
    assert dialog.core.end_reason is EndReason.LOGIN_FAILURES


def test_options_and_keep_alive_need_no_login() -> None:
    dialog = Dialog(Directory(USERS))
    for method in ("OPTIONS", "GET_PARAMETER"):
        assert dialog.ask(method).status == 200


@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP", "PLAY", "PAUSE"])
@pytest.mark.parametrize("uri", [URL, "rtsp://192.0.2.1:8554/unknown", "rtsp://192.0.2.1:8554/a/b/c"])
def test_nobody_learns_without_a_login_which_streams_there_are(method: str, uri: str) -> None:
    assert Dialog(Directory(USERS)).ask(method, uri, Transport=TCP).status == 401


def test_a_session_id_alone_does_not_steer_somebody_elses_session() -> None:
    """TEARDOWN needs no login (some clients don't log in for it); a stranger's connection has to guess 16 letters."""
    dialog, challenge = protected()
    track = f"{URL}/trackID=0"
    dialog.ask("SETUP", track, Transport=TCP, Authorization=login(challenge, "SETUP", track))
    stranger = Dialog(Directory(USERS), sessions=dialog.sessions)
    assert stranger.ask("PLAY", Session=ID).status == 401
    assert stranger.ask("PAUSE", Session=ID).status == 401
    assert stranger.ask("TEARDOWN", Session="GUESSEDGUESSED00").status == 454
    assert dialog.sessions.find(ID) is not None
