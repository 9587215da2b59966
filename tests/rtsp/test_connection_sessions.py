"""The sessions of one connection, and the channels that their tracks have."""

from transcoder.rtsp.connection_sessions import ConnectionSessions
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.session import ServerOptions, ServerSession, SessionTable

HERE, ELSEWHERE = object(), object()


def session(table: SessionTable, name: str, carrier: object, *pairs: tuple[int, int]) -> ServerSession:
    made = ServerSession(id=name, path="front", uri="rtsp://h/front", user=None, last_seen=0.0)
    for number, pair in enumerate(pairs):
        made.set_up(number, Transport(lower="TCP", interleaved=pair), carrier)
    table.add(made)
    return made


def test_only_sessions_that_are_still_here_are_its_own() -> None:
    table = SessionTable(ServerOptions(), lambda: "")
    own = ConnectionSessions(table, HERE)
    stays, moves, ends = (session(table, name, HERE, (0, 1)) for name in "abc")
    for each in (stays, moves, ends, stays):
        own.add(each)
    moves.set_up(0, Transport(lower="TCP", interleaved=(0, 1)), ELSEWHERE)
    table.remove(ends)
    assert own.live() == [stays]


def test_channels_are_those_of_all_tracks_but_one() -> None:
    table = SessionTable(ServerOptions(), lambda: "")
    own = ConnectionSessions(table, HERE)
    first, second = session(table, "a", HERE, (0, 1), (2, 3)), session(table, "b", HERE, (8, 9))
    own.add(first)
    own.add(second)
    assert own.channels() == {0, 1, 2, 3, 8, 9}
    assert own.channels(but=(first, 1)) == {0, 1, 8, 9}
    first.tracks[0] = Transport(lower="UDP", client_port=(5000, 5001))
    assert own.channels() == {2, 3, 8, 9}
