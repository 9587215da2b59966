"""A session answers to its own user and address, whatever the method and whatever the URI says."""

import pytest

from tests.rtsp.test_server_login import login
from tests.support.reader_dialog import TCP, UDP, URL, Dialog, Directory
from transcoder.rtsp.session import ServerOptions, SessionTable

OTHERS = ("SETUP", "PLAY", "PAUSE", "TEARDOWN")
URIS = (URL, "*", f"{URL}/trackID=0", "rtsp://192.0.2.1:8554/", "rtsp://192.0.2.1:8554/..")
USERS = {"vms": "secret", "other": "x"}


def dialog_of(sessions: SessionTable, user: str, address: str) -> Dialog:
    """A connection of a user, who asks for a challenge and signs with it from then on."""
    dialog = Dialog(Directory(USERS), sessions)
    dialog.core._address = address
    challenge = dialog.ask("DESCRIBE").headers["WWW-Authenticate"]
    plain = dialog.text

    def signed(method: str, uri: str = URL, **headers: str) -> bytes:
        if user and method != "OPTIONS":
            headers["Authorization"] = login(challenge, method, uri, user, USERS[user])
        return plain(method, uri, **headers)

    dialog.text = signed  # type: ignore[method-assign]
    return dialog


@pytest.fixture
def sessions() -> SessionTable:
    ids = iter("ABCDEFGHIJ")
    return SessionTable(ServerOptions(), lambda: next(ids))


@pytest.mark.parametrize("uri", URIS)
@pytest.mark.parametrize("method", OTHERS)
@pytest.mark.parametrize(("user", "address"), [("", "192.0.2.7"), ("other", "192.0.2.7"), ("vms", "192.0.2.8")])
@pytest.mark.parametrize("transport", [TCP, UDP])
def test_a_session_of_somebody_else(
    sessions: SessionTable, uri: str, method: str, user: str, address: str, transport: str
) -> None:
    owner = dialog_of(sessions, "vms", "192.0.2.7")
    owner.set_up(transport)
    [session] = sessions
    before = session.state, dict(session.tracks)
    thief = dialog_of(sessions, user, address)
    extra = {"Transport": transport} if method == "SETUP" else {}
    assert thief.ask(method, uri, Session=session.id, **extra).status in {401, 403, 404, 454, 455}
    assert (session.state, dict(session.tracks)) == before
    assert list(sessions) == [session]
    thief.core.receive_eof()
    assert list(sessions) == [session]


@pytest.mark.parametrize("method", ["PLAY", "PAUSE", "TEARDOWN"])
@pytest.mark.parametrize("uri", [URL, "*"])
def test_the_owner_may_on_any_connection(sessions: SessionTable, method: str, uri: str) -> None:
    """The control: the same requests of the owner do what they say."""
    dialog_of(sessions, "vms", "192.0.2.7").set_up(UDP)
    [session] = sessions
    again = dialog_of(sessions, "vms", "192.0.2.7")
    assert again.ask(method, uri, Session=session.id).status == 200


@pytest.mark.parametrize("method", ["PLAY", "PAUSE"])
def test_rights_that_were_taken_away_hold_without_a_target(sessions: SessionTable, method: str) -> None:
    owner = dialog_of(sessions, "vms", "192.0.2.7")
    owner.set_up()
    owner.context.directory = Directory(USERS, allowed=())
    assert owner.ask(method, "*").status == 403


@pytest.mark.parametrize(("limit", "accepted"), [(5, 5), (1000, 8)], ids=["limit", "control"])
def test_sessions_over_udp_of_one_address_are_bounded(limit: int, accepted: int) -> None:
    ids = iter("ABCDEFGHIJ")
    options = ServerOptions(max_udp_sessions=limit)
    sessions = SessionTable(options, lambda: next(ids))
    made = [Dialog(sessions=sessions, options=options) for _ in range(8)]
    answers = [dialog.ask("SETUP", f"{URL}/trackID=0", Transport=UDP).status for dialog in made]
    assert answers.count(200) == accepted
    assert set(answers) <= {200, 503}
