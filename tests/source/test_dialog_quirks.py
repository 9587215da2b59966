"""The session and a simulated camera of odd manners talk without sockets.

The expected behaviour is that of the reports in docs/quirks.md, and of RFC 2326 where the camera follows it.
"""

import itertools

import pytest

from tests.support.session_transcript import IDR, frame, rtp
from transcoder.errors import LoginDowngraded, ResponseError, TransportError
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.behaviour import override
from transcoder.lab.cameras.camera import Camera
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.dialog import CameraDialog
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.ledger import Ledger
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.messages import Request, RtspParser
from transcoder.rtsp.urls import parse_url
from transcoder.source.events import Described, Left, Lost, Playing, Redirected
from transcoder.source.options import SessionOptions
from transcoder.source.session import CameraSession

AGGREGATE = "session_control=rtsp://192.0.2.99/aggregate?session=1"
PASSWORD = "s3cr3t-s3cr3t"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    scene = SceneOptions(width=192, height=96, fps=5, seconds=1.0)
    return from_scene(ContentOptions(scene=scene, gop_s=1.0), tmp_path_factory.mktemp("content"))


class Talk:
    """A session, and a camera whose connections are held by the test.

    Attributes:
        requests: method, target and status of each request, in order.
        connections: how many were made.
    """

    def __init__(
        self,
        content: Content,
        *settings: str,
        password: str | None = None,
        tried: str | None = None,
        audio: bool = False,
    ) -> None:
        behaviour = override(FAMILIES["longse"].behaviour, [*settings, *(["audio=true"] if audio else [])])
        self.camera = Camera(behaviour, content, "1")
        self.secret = Credentials(username="admin", password=password) if password else None
        wrong = Credentials(username="admin", password=tried) if tried else self.secret
        options = SessionOptions(
            url=parse_url(f"rtsp://192.0.2.7{behaviour.path}"), credentials=wrong, transport="tcp", audio=audio
        )
        self.session = CameraSession(options, Ledger(), ssrc=1, cnonce="0a4f113b")
        self.now = 1000.0
        self.connections = 0
        self.requests: list[tuple[str, str, int]] = []
        self.events: list[object] = []
        self.numbers = itertools.count(1)

    def connect(self) -> None:
        while True:
            self.connections += 1
            self.dialog = CameraDialog(self.camera, self.secret, self.connections, lambda: (6000, 6001))
            self.parser = RtspParser()
            self.session.begin(self.now)
            before = len(self.events)
            self.exchange()
            if not any(isinstance(event, Redirected) for event in self.events[before:]):
                return

    def exchange(self) -> None:
        while data := b"".join(self.session.data_to_send()):
            self.parser.receive_data(data)
            while (message := self.parser.next_event()) is not None:
                if isinstance(message, Request):
                    self.answer(message)
                else:
                    self.dialog.note_report(self.now)
        while (event := self.session.next_event()) is not None:
            self.events.append(event)

    def answer(self, request: Request) -> None:
        if request.method == "GET_PARAMETER" and self.camera.behaviour.session.closes_at_get_parameter:
            self.requests.append((request.method, "", 0))
            self.session.lose_connection(TransportError("the camera closed the connection"))
            return
        response = self.dialog.receive_request(request, self.now)
        target = "/" + request.uri.split("://")[1].partition("/")[2]
        self.requests.append((request.method, target, response.status if response is not None else 0))
        if response is None:
            return
        self.session.receive_data(self.dialog._behaviour.session.written(response), self.now)
        if response.status == 401 and self.dialog._behaviour.session.closes_after_401:
            self.session.lose_connection(TransportError("the camera closed the connection"))

    def play(self, seconds: float) -> bool:
        """Let the camera send for a while; return whether it keeps the session all the time."""
        until = self.now + seconds
        while self.now < until:
            self.now += 0.2
            packet = rtp(next(self.numbers), int(self.now * 90_000) & 0xFFFF_FFFF, IDR)
            self.session.receive_data(frame(0, packet), self.now)
            due = self.session.next_timeout()
            if due is not None and due <= self.now:
                self.session.handle_timeout(self.now)
            self.exchange()
            if self.dialog.expired(self.now):
                return False
        return True

    def leave(self) -> None:
        self.session.leave(self.now)
        self.exchange()

    @property
    def is_playing(self) -> bool:
        return any(isinstance(event, Playing) for event in self.events)

    def error(self) -> Exception:
        (lost,) = [event for event in self.events if isinstance(event, Lost)]
        return lost.error

    def statuses(self, method: str) -> list[int]:
        return [status for each, _, status in self.requests if each == method]

    def targets(self, method: str) -> list[str]:
        return [target for each, target, _ in self.requests if each == method]


# -- the URL of the session --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("control", ["rtsp://192.0.2.99/aggregate?session=1", "/aggregate?session=1", "aggregate"])
@pytest.mark.parametrize("absolute", ["true", "false"])
def test_play_is_known_at_the_session_s_control_alone(content: Content, control: str, absolute: str) -> None:
    """Axis Companion, mediamtx#683; RFC 2326 section C.1.1."""
    settings = (f"session_control={control}", "play_at=session_control", f"absolute_control={absolute}")
    talk = Talk(content, *settings)
    talk.connect()
    assert talk.is_playing
    assert talk.statuses("PLAY") == [200]
    assert talk.targets("PLAY")[0].endswith(control.removeprefix("rtsp://192.0.2.99"))
    assert talk.play(80)  # keep-alives go there, too
    assert set(talk.targets("OPTIONS")[1:]) == set(talk.targets("PLAY"))
    talk.leave()
    assert talk.statuses("TEARDOWN") == [200]
    assert any(isinstance(event, Left) for event in talk.events)


def test_relative_media_are_below_the_session_s_control(content: Content) -> None:
    talk = Talk(content, "session_control=rtsp://192.0.2.99/aggregate", "absolute_control=false")
    talk.connect()
    assert talk.targets("SETUP")[0].startswith("/aggregate/")
    assert talk.is_playing


def test_a_session_s_control_that_the_camera_does_not_know_itself(content: Content) -> None:
    """A new member: what played at the base of the description still does."""
    talk = Talk(content, "session_control=rtsp://192.0.2.99/nowhere?x=1", "absolute_control=false", "any_path=false")
    talk.dialog = CameraDialog(talk.camera, None, 1, lambda: (6000, 6001))
    # the simulator takes its own control for known, so the refusal is scripted
    known = talk.camera.behaviour.path.partition("?")[0]

    def refuse(self: CameraDialog, method: str, uri: str) -> int:
        return 0 if known in uri else 404

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CameraDialog, "_wrong_place", refuse)
        talk.connect()
        assert talk.is_playing
        assert talk.statuses("SETUP") == [404, 200]
        assert talk.statuses("PLAY") == [200]  # what SETUP showed is not tried again
        assert talk.session.faults["URLs of the session that are not known"] == 1


def test_a_media_control_that_is_a_path_from_the_root(content: Content) -> None:
    """RFC 1808; below the base, where live555 OEMs mean it, it is tried first."""
    talk = Talk(content, "rooted_controls=true", audio=True)
    talk.connect()
    assert talk.is_playing
    assert [status for status in talk.statuses("SETUP") if status == 200] == [200, 200]
    assert all(target.count("/") == 1 for target in talk.targets("SETUP")[1::2])


def test_play_is_known_at_the_media_alone(content: Content) -> None:
    """A new member: 459, aggregate operation not allowed (RFC 2326 section 11.4.3)."""
    talk = Talk(content, "play_at=media", "metadata=false")
    talk.connect()
    assert talk.is_playing
    assert talk.statuses("PLAY") == [459, 200]
    assert talk.targets("PLAY")[1] == talk.targets("SETUP")[0]
    assert talk.play(80)
    talk.leave()
    assert talk.statuses("TEARDOWN") == [200]


def test_a_refusal_everywhere_is_final(content: Content) -> None:
    talk = Talk(content, AGGREGATE, "absolute_control=false")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CameraDialog, "_wrong_place", lambda *_: 404)
        talk.connect()
    assert talk.statuses("DESCRIBE") == [404]
    assert isinstance(talk.error(), ResponseError)


def test_a_redirect_to_a_path_alone(content: Content) -> None:
    """Location is a path, as HTTP allows it (RFC 3986 section 4.2)."""
    talk = Talk(content, "redirect=relative")
    talk.connect()
    assert talk.is_playing
    assert talk.statuses("DESCRIBE") == [302, 200]
    assert talk.targets("DESCRIBE")[1] == "/moved" + talk.targets("DESCRIBE")[0]


# -- the size of a description -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", ["none", "large"])
@pytest.mark.parametrize("password", [None, PASSWORD])
def test_a_description_whose_size_is_not_told(content: Content, told: str, password: str | None) -> None:
    """Its lines are read until the camera is silent: within two seconds, and nothing is asked twice."""
    talk = Talk(content, f"content_length={told}", password=password)
    talk.connect()
    assert not talk.is_playing
    began = talk.now
    while not talk.is_playing and talk.now < began + 5:
        due = talk.session.next_timeout()
        assert due is not None
        talk.now = max(due, talk.now)
        talk.session.handle_timeout(talk.now)
        talk.exchange()
    assert talk.is_playing
    assert talk.now - began <= 2.1
    assert talk.statuses("DESCRIBE")[-1:] == [200]
    assert talk.session.faults["descriptions without their length"] == 1
    assert talk.play(60)


# -- the number of a response ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cseq", ["zero", "lagging", "none"])
@pytest.mark.parametrize("audio", [False, True])
@pytest.mark.parametrize("password", [None, PASSWORD])
def test_numbers_of_responses(content: Content, cseq: str, password: str | None, *, audio: bool) -> None:
    """Foscam C1, homebridge-foscamcamera#6: every response belongs to the one request that is open."""
    talk = Talk(content, f"cseq={cseq}", password=password, audio=audio)
    talk.connect()
    assert talk.is_playing
    assert len(talk.requests) == 4 + audio + (password is not None)
    assert talk.play(130)
    talk.leave()
    assert talk.statuses("TEARDOWN") == [200]
    assert "responses to nothing" not in talk.session.faults


# -- signs of life -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET_PARAMETER", "OPTIONS"])
@pytest.mark.parametrize("timeout_s", [5, 10, 60])
def test_one_method_alone_is_a_sign_of_life(content: Content, method: str, timeout_s: int) -> None:
    """go2rtc#2409, html5_rtsp_player#73: OPTIONS and reports are none."""
    talk = Talk(content, f"signs_of_life={method}", f"session_timeout_s={timeout_s}")
    talk.connect()
    assert talk.play(max(80, 3 * timeout_s))
    assert {each for each, _, _ in talk.requests[4:]} == {"OPTIONS", "GET_PARAMETER"}


def test_a_camera_that_offers_no_get_parameter_is_asked_for_none(content: Content) -> None:
    talk = Talk(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transcoder.lab.cameras.dialog._PUBLIC", "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        talk.connect()
        assert talk.play(80)
    assert talk.targets("GET_PARAMETER") == []
    assert len(talk.targets("OPTIONS")) == 1 + 3  # at 25, 50 and 75 s


@pytest.mark.parametrize("status", ["405", "451", "501"])
def test_get_parameter_that_is_offered_and_refused(content: Content, status: str) -> None:
    """GW4089IP: OPTIONS alone from then on, and nothing ends."""
    talk = Talk(content, f"keep_alive={status}")
    talk.connect()
    assert talk.play(100)
    assert len(talk.targets("GET_PARAMETER")) == 1


# -- a connection closed with its challenge ----------------------------------------------------------------------------


def test_get_parameter_that_is_offered_and_ends_the_connection(content: Content) -> None:
    """A new member: the camera closes instead of an answer; the third connection stays."""
    talk = Talk(content, "closes_at_get_parameter=true", "session_timeout_s=10")
    kept = []
    for _ in range(3):
        talk.connect()
        kept.append(talk.play(40))
    assert kept == [False, False, True]
    assert talk.statuses("GET_PARAMETER") == [0, 0]
    assert sum(isinstance(event, Lost) for event in talk.events) == 2


@pytest.mark.parametrize("options", ["true", "false"])
def test_a_connection_that_is_closed_with_each_challenge(content: Content, options: str) -> None:
    """VStarcam, retina#45: the nonce stays good for the next connection, which is made at once."""
    talk = Talk(content, "closes_after_401=true", f"challenge_options={options}", password=PASSWORD)
    talk.connect()
    assert talk.is_playing
    assert talk.connections == 2
    assert [status for _, _, status in talk.requests].count(401) == 1
    assert talk.session.faults["connections closed with a challenge"] == 0  # it plays


def test_a_wrong_password_is_tried_twice_at_most(content: Content) -> None:
    talk = Talk(content, "closes_after_401=true", password=PASSWORD, tried="wrong-wrong")
    talk.connect()
    error = talk.error()
    assert isinstance(error, ResponseError)
    assert error.status == 401
    assert talk.connections <= 3
    assert len([status for _, _, status in talk.requests if status == 401]) <= 3


def test_a_camera_that_closes_with_a_new_nonce_each_time_is_given_up(content: Content) -> None:
    """A new member: no answer can ever be right, and the account must not be locked."""
    talk = Talk(content, "closes_after_401=true", "nonce_lifetime_s=0", password=PASSWORD)
    talk.connect()
    error = talk.error()
    assert isinstance(error, ResponseError)
    assert error.status == 401
    assert talk.connections == 3


def test_a_full_table_that_is_told_at_setup(content: Content) -> None:
    """A new member: the login was right in DESCRIBE, and SETUP is answered 401."""
    talk = Talk(content, "full_at_setup=1", password=PASSWORD)
    talk.connect()
    assert isinstance(talk.error(), ResponseError)
    assert [event.let_in for event in talk.events if isinstance(event, Described)] == [True]
    talk.connect()
    assert talk.is_playing


def test_basic_after_digest_gets_no_password(content: Content) -> None:
    """A camera that asks for Digest, and then somebody who asks for the password in clear in its place."""
    talk = Talk(content, "basic_from_connection=2", password=PASSWORD)
    talk.connect()
    assert talk.is_playing
    talk.leave()
    talk.connect()
    assert isinstance(talk.error(), LoginDowngraded)
    assert talk.requests[-1][2] == 401
    assert [status for _, _, status in talk.requests].count(401) == 2  # it was not answered


def test_basic_from_the_first_connection_on_is_answered(content: Content) -> None:
    talk = Talk(content, "basic_from_connection=1", password=PASSWORD)
    talk.connect()
    assert talk.is_playing


def test_a_connection_that_is_lost_for_another_reason_is_lost(content: Content) -> None:
    talk = Talk(content, password=PASSWORD)
    talk.connect()
    assert talk.is_playing
    talk.session.lose_connection(TransportError("gone"))
    talk.exchange()
    assert str(talk.error()) == "gone"
