"""Requests that are wrong, in pieces, or many at once, as transcripts of the server core."""

import pytest

from tests.support.reader_dialog import ID, OPTIONS, SDP, TCP, UDP, URL, Answer, Dialog, Directory
from transcoder.errors import RemoteProtocolError
from transcoder.rtsp.server_events import ReaderFrame
from transcoder.rtsp.session import EndReason, Method, SessionState, SessionTable


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
    for method in [*(item.value for item in Method), "ANNOUNCE", "RECORD", "REDIRECT", "FROBNICATE", mark.upper()]:
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


STRAY = b"\0\1garbage"


@pytest.mark.parametrize("data", [STRAY, b"GET /front HTTP/1.0\r\n\r\n", b"OPTIONS \r\n\r\n", b"x" * 300_000])
def test_stray_bytes_of_a_reader_without_a_session_are_answered_once(data: bytes) -> None:
    dialog = Dialog()
    assert dialog.ask("OPTIONS").status == 200
    with pytest.raises(RemoteProtocolError):
        dialog.feed(data + dialog.text("OPTIONS"))
    [answer] = [Answer(data) for data in dialog.core.data_to_send()]
    assert (answer.status, answer.headers["CSeq"]) == (400, "0")
    assert dialog.core.end_reason is EndReason.PROTOCOL_ERROR
    assert dialog.context.counters.rejected == {400: 1}


@pytest.mark.parametrize("cut", [1, 5, 1000])
def test_a_request_behind_stray_bytes_is_not_passed_over_in_silence(cut: int) -> None:
    dialog = Dialog().set_up().play()
    data = STRAY + dialog.text("GET_PARAMETER")
    pieces = [data[at : at + cut] for at in range(0, len(data), cut)]
    with pytest.raises(RemoteProtocolError):
        assert not any(map(dialog.feed, pieces))
    assert [Answer(data).status for data in dialog.core.data_to_send()] == [400]


@pytest.mark.parametrize("cut", [1, 5, 1000])
def test_a_frame_on_a_channel_that_was_not_set_up_costs_nothing(cut: int) -> None:
    dialog = Dialog().set_up().play()
    data = b"$\x07\x00\x06abcdef" + dialog.text("GET_PARAMETER") + b"$\x09\x00\x02xy" + dialog.text("OPTIONS")
    answers = [answer for at in range(0, len(data), cut) for answer in dialog.feed(data[at : at + cut])]
    assert [answer.status for answer in answers] == [200, 200]


def test_a_method_may_hold_digits() -> None:  # RFC 2326 section 6.1: extension-method is a token
    assert Dialog().ask("X-METHOD2").status == 501


# -- two connections ---------------------------------------------------------------------------------------------------


def test_a_session_over_tcp_moves_to_the_connection_that_sets_it_up_again() -> None:
    first = Dialog().set_up()
    second = Dialog(sessions=first.sessions)
    second.set_up_again(TCP.replace("0-1", "4-5"))
    assert first.core.receive_eof() == []
    assert first.session.state is SessionState.READY
    assert second.ask("PLAY", Session=ID).status == 200
    session = second.session
    assert second.core.receive_eof() == [session]
    assert len(second.sessions) == 0


def test_a_session_that_moves_to_tcp_ends_with_that_connection_alone() -> None:
    first = Dialog().set_up(UDP)
    second = Dialog(sessions=first.sessions)
    second.set_up_again(TCP)
    assert first.core.receive_eof() == []
    third = Dialog(sessions=first.sessions)
    third.set_up_again(UDP)
    assert second.core.receive_eof() == []
    assert third.core.receive_eof() == []
    assert len(third.sessions) == 1


def test_a_playing_session_is_not_moved() -> None:
    first = Dialog().set_up().play()
    second = Dialog(sessions=first.sessions)
    assert second.ask("SETUP", f"{URL}/trackID=0", Transport=TCP, Session=ID).status == 455
    playing = first.session
    assert second.core.receive_eof() == []
    assert first.core.receive_eof() == [playing]


def test_no_session_has_its_packets_on_two_connections() -> None:
    directory = Directory(tracks=2)
    first = Dialog(directory).set_up()
    second = Dialog(directory, first.sessions)
    audio = {"uri": f"{URL}/trackID=1", "Transport": TCP.replace("0-1", "2-3"), "Session": ID}
    assert second.ask("SETUP", **audio).status == 461
    second.set_up_again(TCP)
    assert second.ask("SETUP", **audio).status == 200
    assert first.ask("SETUP", **audio).status == 461


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


def test_frames_of_every_session_on_a_connection_are_known() -> None:
    ids = iter(("A", "B"))
    dialog = Dialog(sessions=SessionTable(OPTIONS, lambda: next(ids))).set_up()
    dialog.set_up(TCP.replace("0-1", "2-3"))
    stray = b"\0\0\0"  # behind stray bytes a frame is believed on a channel that was set up
    for channel in (1, 3):
        dialog.feed(stray + bytes((0x24, channel)) + b"\x00\x04abcd")
        assert isinstance(dialog.events[-1], ReaderFrame)
        assert dialog.events[-1].channel == channel
    assert dialog.ask("OPTIONS").status == 200


def test_a_connection_that_is_gone_carries_out_nothing_that_waited() -> None:
    dialog = Dialog().set_up(UDP)
    dialog.waits = True
    assert dialog.feed(dialog.text("PLAY") + dialog.text("TEARDOWN")) == []
    assert dialog.core.receive_eof() == []
    dialog.core.respond_play(dialog.events[-1], {0: (4711, 90_000)}, 3.0)
    assert dialog.core.next_event() is None
    assert dialog.session.state is SessionState.PLAYING


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
