"""Who sends the requests of one connection."""

from transcoder.rtsp.auth import Challenge, Credentials, digest_response
from transcoder.rtsp.messages import Headers, Request
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

    def is_disabled(self, path: str) -> bool:
        return False


def login_of(users: dict[str, str]) -> ReaderLogin:
    options = ServerOptions()
    sessions = SessionTable(options, lambda: "A")
    context = ServerContext(directory=Directory(users), sessions=sessions, options=options, udp_ports=None)
    return ReaderLogin(context, NONCE)


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
    assert "stale" not in login.challenge(request("y"))[1]
    assert "stale=true" in login.challenge(request("x", nonce="older"))[1]


def test_nobody_has_to_log_in_where_there_are_no_users() -> None:
    login = login_of({})
    assert login.admits(request(None))
    assert login.user is None
