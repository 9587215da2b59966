"""Who sends the requests of one connection."""

from transcoder.rtsp.auth import Challenge, Credentials, digest_response
from transcoder.rtsp.messages import Headers, Request
from transcoder.rtsp.nonces import LIFE_S, Nonces
from transcoder.rtsp.reader_login import ReaderLogin
from transcoder.rtsp.server_events import ServerContext
from transcoder.rtsp.session import ServerOptions, SessionTable

URI, NONCE, REALM = "rtsp://192.0.2.1/front", "4e6f6e6365", "transcoder"


class Directory:
    def __init__(self, users: dict[str, str]) -> None:
        self.users = users

    def passwords(self) -> dict[str, str]:
        return self.users

    def may_read(self, user: str, path: str) -> bool:
        return True

    def tracks(self, path: str) -> int:
        return 1

    def aliased(self, path: str) -> str | None:
        return None

    def is_disabled(self, path: str) -> bool:
        return False


class Login(ReaderLogin):
    nonces: Nonces


def login_of(users: dict[str, str], address: str = "") -> Login:
    options = ServerOptions()
    sessions = SessionTable(options, lambda: "A")
    context = ServerContext(directory=Directory(users), sessions=sessions, options=options, udp_ports=None)
    made = Login(context, NONCE, address)
    made.nonces = context.nonces
    return made


def request(password: str | None, user: str = "vms", nonce: str = NONCE) -> Request:
    headers = Headers([("CSeq", "1")])
    if password is not None:
        challenge = Challenge(scheme="Digest", realm=REALM, nonce=nonce)
        credentials = Credentials(username=user, password=password)
        response = digest_response(challenge, credentials, method="PLAY", uri=URI)
        value = f'Digest username="{user}", realm="{REALM}", nonce="{nonce}", uri="{URI}", response="{response}"'
        headers.add("Authorization", value)
    return Request(method="PLAY", uri=URI, headers=headers)


def test_the_user_is_who_proved_it_last() -> None:
    login = login_of({"vms": "x", "other": "y"})
    assert login.admits(request("x"))
    assert login.user == "vms"
    assert login.admits(request("y", "other"))
    assert login.user == "other"


def test_wrong_answers_are_failures_and_none_is_not() -> None:
    login = login_of({"vms": "x"})
    assert not login.admits(request(None))
    assert login.failures == 0
    assert not login.admits(request("y"))
    assert login.failures == 1
    [(_, again)] = login.challenges(request("y"))
    assert "stale" not in again
    [(_, stale)] = login.challenges(request("x", nonce="older"))
    assert "stale=true" in stale


def test_a_nonce_that_another_connection_gave_is_good_for_a_time_and_for_the_address() -> None:
    """A reader may ask for a description on one connection and set up on the next."""
    login = login_of({"vms": "x"}, "192.0.2.7")
    given = login.nonces.make("192.0.2.7", 1000.0)
    assert login.admits(request("x", nonce=given), 1010.0)
    assert not login.admits(request("x", nonce=given), 1000.0 + LIFE_S + 1)
    assert not login.admits(request("x", nonce=login.nonces.make("192.0.2.8", 1000.0)), 1010.0)
    assert login.admits(request("x"), 1e6), "its own is good for as long as the connection lasts"


def test_nobody_has_to_log_in_where_there_are_no_users() -> None:
    login = login_of({})
    assert login.admits(request(None))
    assert login.user is None
