"""When a camera is tried again, and over which transport: transcripts of what happened to its connections.

The delays are those that the design asks for: 0.5 s to 30 s.
"""

import random
from collections.abc import Callable

import pytest

from transcoder.errors import (
    ConnectionRefused,
    NotConnected,
    RemoteProtocolError,
    ResponseError,
    Silent,
    TranscoderError,
    TransportError,
    TransportNotAccepted,
)
from transcoder.source.reconnection import Learned, Reconnection, Retry

NOW = 5000.0
LOST = NotConnected("no connection to port 554: No route to host")
REFUSED = ConnectionRefused("no connection to port 554: nobody listens there")  # by its type, not by its words
UNAUTHORIZED = ResponseError(401, "DESCRIBE", "Unauthorized")


def lose(policy: Reconnection, error: TranscoderError, played_s: float | None = None) -> Retry:
    """One connection: whether and how long it played, and why it ended."""
    policy.begin()
    if played_s is not None:
        policy.note_playing(NOW - played_s)
    return policy.lose(error, NOW)


def delays(policy: Reconnection, error: TranscoderError, count: int) -> list[float]:
    return [lose(policy, error).delay_s for _ in range(count)]


def kept(seed: int | None = None) -> Reconnection:
    """The policy of a source whose transport is configured."""
    return Reconnection("tcp", random.Random(seed))


@pytest.mark.parametrize("seed", range(20))
def test_it_grows_to_half_a_minute(seed: int) -> None:
    found = delays(kept(seed), LOST, 30)
    assert 0.25 <= found[0] <= 0.5
    assert all(15 <= delay <= 30 for delay in found[11:])
    assert len(set(found)) == 30  # jittered
    assert sum(found[:8]) < 30


def test_many_cameras_do_not_come_at_once() -> None:
    assert len({round(lose(kept(), LOST).delay_s, 3) for _ in range(50)}) > 25


def test_a_host_that_refuses_is_asked_often() -> None:
    assert all(delay <= 2.0 for delay in delays(kept(), REFUSED, 500))


def test_after_a_long_outage_and_a_short_play_it_comes_back_soon() -> None:
    policy = kept()
    for _ in range(5):
        delays(policy, REFUSED, 20)
        assert lose(policy, LOST, played_s=5.0).delay_s <= 2.0


def test_a_camera_that_drops_every_connection_at_once_is_spared() -> None:
    policy = kept()
    for _ in range(30):
        last = lose(policy, LOST, played_s=0.2).delay_s
    assert last >= 15.0


def test_a_steady_connection_makes_up_for_everything() -> None:
    policy = kept()
    delays(policy, LOST, 100)
    assert lose(policy, LOST, played_s=12.0).delay_s <= 0.5


def test_a_wrong_password_does_not_lock_the_account() -> None:
    """Cameras lock an account for half an hour after about five wrong logins: 2 in the first 4 minutes, not more."""
    found = delays(kept(), UNAUTHORIZED, 8)
    assert found[0] == 5.0
    assert all(delay >= 270 for delay in found[1:])
    assert all(delay <= 3960 for delay in found)


def test_a_401_after_success_is_a_full_table() -> None:
    policy = kept()
    lose(policy, LOST, played_s=60.0)
    assert all(48 <= delay <= 72 for delay in delays(policy, UNAUTHORIZED, 3))


def test_a_connection_that_was_of_no_use_makes_up_for_nothing() -> None:
    """It played for minutes, and no picture of it could be decoded."""
    policy = kept()
    for _ in range(30):
        policy.begin()
        policy.note_playing(NOW - 120)
        assert policy.played_s(NOW) == 120
        policy.note_useless(NOW)
        last = policy.lose(TransportError("no picture could be decoded"), NOW)
    assert last.delay_s >= 15.0
    assert last.played_s == 0


def test_how_long_it_played_is_told() -> None:
    policy = kept()
    assert lose(policy, LOST).played_s is None
    assert policy.played_s(NOW) is None
    assert lose(policy, LOST, played_s=3.5).played_s == 3.5
    policy.begin()
    assert policy.played_s(NOW) is None


# -- transports --------------------------------------------------------------------------------------------------------

Camera = Callable[[Reconnection], TranscoderError]
"""Does to a policy what one connection does, and says how it ends."""


def refuses(status: int) -> Camera:
    return lambda _: ResponseError(status, "SETUP", "no")


def silent(policy: Reconnection) -> TranscoderError:
    policy.note_described(multicast=False)
    policy.note_playing(NOW)
    return Silent("no packet in 5 s")


def answers_with_another(_: Reconnection) -> TranscoderError:
    return TransportNotAccepted("TCP was asked for and the camera answers UDP")


class Pulled:
    """So many connections to a camera: their transports, and after how many of them there was a pause."""

    def __init__(self, transport: str, camera: Camera, connections: int) -> None:
        self.tried: list[str] = []
        self.waited: list[int] = []
        policy = Reconnection(transport)
        for _ in range(connections):
            policy.begin()
            self.tried.append(policy.transport)
            if policy.lose(camera(policy), NOW).delay_s > 0:
                self.waited.append(len(self.tried))


@pytest.mark.parametrize("camera", [refuses(461), refuses(459), refuses(406), silent, answers_with_another])
def test_a_transport_that_does_not_work_is_followed_by_the_next_at_once(camera: Camera) -> None:
    pulled = Pulled("auto", camera, 7)
    assert pulled.tried == ["tcp", "udp", "http", "tcp", "udp", "http", "tcp"]
    assert pulled.waited == [3, 6]  # only when all were tried


def test_multicast_is_tried_last_and_only_where_it_is_described() -> None:
    def camera(policy: Reconnection) -> TranscoderError:
        policy.note_described(multicast=True)
        return ResponseError(461, "SETUP", "Unsupported Transport")

    pulled = Pulled("auto", camera, 5)
    assert pulled.tried == ["tcp", "udp", "http", "multicast", "tcp"]
    assert pulled.waited == [4]


def test_a_camera_that_takes_its_group_back() -> None:
    """Its description names a group until that is what is tried, or what gave pictures."""
    told = iter([True, True, True, False, True, True, False, False, False, False])

    def camera(policy: Reconnection) -> TranscoderError:
        policy.note_described(multicast=next(told))
        return ResponseError(461, "SETUP", "Unsupported Transport")

    assert Pulled("auto", camera, 10).tried == [
        *("tcp", "udp", "http", "multicast"),
        *("tcp", "udp", "http"),
        *("tcp", "udp", "http"),
    ]

    def gave_pictures(policy: Reconnection) -> TranscoderError:
        policy.note_described(multicast=policy.transport != "multicast")
        if policy.transport == "multicast":
            policy.note_picture()
        return ResponseError(461, "SETUP", "Unsupported Transport")

    assert Pulled("auto", gave_pictures, 6).tried == ["tcp", "udp", "http", "multicast", "multicast", "multicast"]


@pytest.mark.parametrize(
    "error",
    [
        ResponseError(401, "DESCRIBE", "Unauthorized"),
        ResponseError(404, "DESCRIBE", "Not Found"),
        ResponseError(503, "PLAY", "Busy"),
        ConnectionRefused("no connection to port 554: Connection refused"),
        RemoteProtocolError("no RTSP"),
    ],
)
def test_other_failures_say_nothing_of_the_transport(error: TranscoderError) -> None:
    pulled = Pulled("auto", lambda _: error, 4)
    assert pulled.tried == ["tcp"] * 4
    assert pulled.waited == [1, 2, 3, 4]


def test_a_camera_without_tunnel_is_not_asked_for_it_again_and_again() -> None:
    """Whatever goes wrong over HTTP, it was a try."""

    def camera(policy: Reconnection) -> TranscoderError:
        if policy.transport == "http":
            return ConnectionRefused("no connection to port 80: Connection refused")
        return ResponseError(461, "SETUP", "no")

    pulled = Pulled("auto", camera, 4)
    assert pulled.tried == ["tcp", "udp", "http", "tcp"]
    assert pulled.waited == [3]


@pytest.mark.parametrize("works", ["tcp", "udp", "http"])
def test_the_one_that_gave_pictures_is_kept(works: str) -> None:
    def camera(policy: Reconnection) -> TranscoderError:
        if policy.transport != works:
            return silent(policy)
        policy.note_playing(NOW)
        policy.note_picture()
        return TransportError("the camera closed the connection")

    before = ["tcp", "udp", "http"].index(works)
    pulled = Pulled("auto", camera, before + 4)
    assert pulled.tried == ["tcp", "udp", "http"][:before] + [works] * 4
    assert pulled.waited[:3] == [before + 1, before + 2, before + 3]


def test_the_one_that_gave_pictures_is_the_first_of_the_next_round() -> None:
    works = {"udp"}

    def camera(policy: Reconnection) -> TranscoderError:
        if policy.transport in works:
            policy.note_picture()
            works.clear()
            return TransportError("the camera closed the connection")
        return ResponseError(461, "SETUP", "no")

    assert Pulled("auto", camera, 7).tried == ["tcp", "udp", "udp", "tcp", "http", "udp", "tcp"]


@pytest.mark.parametrize("transport", ["tcp", "udp", "http", "multicast"])
@pytest.mark.parametrize("camera", [refuses(461), silent])
def test_a_transport_that_is_configured_is_kept(transport: str, camera: Camera) -> None:
    pulled = Pulled(transport, camera, 3)
    assert pulled.tried == [transport] * 3
    assert pulled.waited == [1, 2, 3]


# -- what cameras taught -----------------------------------------------------------------------------------------------


def connection(
    policy: Reconnection, error: TranscoderError, now: float, *, plays_s: float | None, picture: bool
) -> Retry:
    """One connection that ends at `now`; it played so long, with a picture or without."""
    policy.begin()
    if plays_s is not None:
        policy.note_playing(now - plays_s)
    if picture:
        policy.note_picture()
    return policy.lose(error, now)


def test_one_silent_session_does_not_move_a_camera_to_udp_for_good() -> None:
    """The very first session gets no packet, and TCP works ever after (nodelink-js#40, fang-hacks#75)."""
    policy = Reconnection("auto")
    now, tried = NOW, [policy.transport]
    connection(policy, Silent("no packet over TCP in 20 s"), now, plays_s=20, picture=False)
    tried.append(policy.transport)
    for _ in range(2):
        now += 60
        connection(policy, LOST, now, plays_s=60, picture=True)
        tried.append(policy.transport)
    assert tried == ["tcp", "udp", "tcp", "tcp"]


def test_a_camera_whose_tcp_is_silent_twice_is_on_udp_at_once() -> None:
    policy = Reconnection("auto")
    for transport in ("tcp", "udp", "tcp"):
        assert policy.transport == transport
        silent_now = transport == "tcp"
        connection(policy, Silent("no packet") if silent_now else LOST, NOW, plays_s=20, picture=not silent_now)
    for _ in range(3):
        assert policy.transport == "udp"
        connection(policy, LOST, NOW, plays_s=20, picture=True)


def test_tcp_is_tried_again_once_after_each_long_outage() -> None:
    policy, now = Reconnection("auto", learned=Learned(transport="udp")), NOW
    for _ in range(2):
        connection(policy, LOST, now, plays_s=600, picture=True)
        tried = []
        for _ in range(8):
            tried.append(policy.transport)
            now += 20
            connection(policy, LOST, now, plays_s=None, picture=False)
        assert tried == ["udp", "udp", "udp", "tcp", "udp", "udp", "udp", "udp"]
        now += 1
        assert policy.transport == "udp"


def test_what_worked_before_a_restart_is_tried_first() -> None:
    policy = Reconnection("auto")
    connection(policy, ResponseError(461, "SETUP", "no"), NOW, plays_s=None, picture=False)
    connection(policy, LOST, NOW, plays_s=60, picture=True)
    assert policy.learned == Learned(transport="udp", logged_in=True)
    assert Reconnection("auto", learned=policy.learned).transport == "udp"
    assert Reconnection("tcp", learned=policy.learned).transport == "tcp"
    assert Reconnection("auto", learned=Learned(transport="pigeon")).transport == "tcp"


def test_the_error_of_the_first_transport_is_told() -> None:
    policy = Reconnection("auto")
    first = Silent("no packet over TCP in 20 s")
    retries = [
        connection(policy, error, NOW, plays_s=20, picture=False)
        for error in (first, Silent("no packet over UDP in 20 s"), RemoteProtocolError("the tunnel's reply is no HTTP"))
    ]
    assert [retry.told for retry in retries] == [first] * 3
    assert [retry.delay_s > 0 for retry in retries] == [False, False, True]
    assert connection(policy, LOST, NOW, plays_s=None, picture=False).told is LOST


def test_a_camera_that_is_lost_is_told_as_lost_although_another_transport_failed_before() -> None:
    policy = Reconnection("auto")
    connection(policy, Silent("no packet over TCP in 20 s"), NOW, plays_s=20, picture=False)
    assert connection(policy, LOST, NOW, plays_s=60, picture=True).told is LOST


FULL = ResponseError(403, "DESCRIBE", "Forbidden")


@pytest.mark.parametrize("seed", range(5))
def test_a_full_table_at_the_start_is_asked_again_within_a_minute(seed: int) -> None:
    """403 for 20 s after the gateway's start, because the table of users is full (WebRTC#959, Dahua)."""
    found = delays(kept(seed), FULL, 6)
    assert found[0] + found[1] < 60 - 5
    assert found[0] + found[1] > 20
    assert sum(1 for index in range(6) if sum(found[:index]) < 300) <= 5  # no account is locked, whatever 403 means
    assert all(270 <= delay <= 3960 for delay in found[3:])


def test_a_403_after_success_is_a_full_table_for_ever() -> None:
    policy = kept()
    lose(policy, LOST, played_s=60.0)
    assert all(delay <= 72 for delay in delays(policy, FULL, 20))


def test_a_401_to_setup_of_a_connection_that_was_let_in_is_a_full_table() -> None:
    """DESCRIBE was challenged and answered, so the password is right; SETUP finds no place."""
    policy = kept()
    found = []
    for _ in range(5):
        policy.begin()
        policy.note_let_in()
        found.append(policy.lose(ResponseError(401, "SETUP", "Unauthorized"), NOW).delay_s)
    assert [round(delay, -1) in {10, 20, 30, 60, 70, 50} for delay in found[:3]] == [True] * 3
    assert sum(found[:2]) < 60
    assert all(delay > 200 for delay in found[3:])  # an account is never locked by tries
    assert lose(kept(), UNAUTHORIZED).delay_s == 5.0  # a password that was never right is asked for twice


def test_a_401_after_a_restart_is_a_full_table_where_the_login_was_right_before() -> None:
    policy = Reconnection("tcp", learned=Learned(logged_in=True))
    found = delays(policy, UNAUTHORIZED, 7)
    assert all(48 <= delay <= 72 for delay in found[:5])
    assert all(delay >= 270 for delay in found[5:])  # then it is taken for a password that was changed


@pytest.mark.parametrize(
    "error", [RemoteProtocolError("DESCRIBE was not answered"), ResponseError(404, "DESCRIBE", "no")]
)
def test_a_dead_channel_of_a_device_that_is_up_backs_off_to_half_a_minute_and_more(error: TranscoderError) -> None:
    assert all(30 <= delay <= 60 for delay in delays(kept(), error, 30)[12:])


def test_a_host_that_refuses_for_minutes_is_asked_seldom() -> None:
    policy, now, asked = kept(), NOW, []
    while now < NOW + 1200:
        policy.begin()
        delay = policy.lose(REFUSED, now).delay_s
        asked.append((now - NOW, delay))
        now += delay
    assert all(delay <= 2.0 for at, delay in asked if at < 110)
    assert all(delay >= 15.0 for at, delay in asked if at > 600)


@pytest.mark.parametrize(
    ("learned", "status", "is_let_in", "advice"),
    [
        (Learned(), 401, False, "login refused: check user and password"),
        (Learned(logged_in=True), 401, False, "too many users"),
        (Learned(), 403, False, "may not watch"),
        (Learned(), 401, True, "may not watch"),
        (Learned(), 404, False, ""),
    ],
)
def test_a_refused_login_comes_with_advice(*, learned: Learned, status: int, is_let_in: bool, advice: str) -> None:
    policy = Reconnection("tcp", learned=learned)
    policy.begin()
    if is_let_in:
        policy.note_let_in()
    found = policy.lose(ResponseError(status, "DESCRIBE", "no"), NOW).advice
    assert advice in found
    assert bool(advice) == bool(found)


@pytest.mark.parametrize("status", [401, 403])
def test_a_login_that_was_not_given_is_asked_for(status: int) -> None:
    policy = Reconnection("tcp", learned=Learned(logged_in=True), has_login=False)
    policy.begin()
    policy.note_let_in()
    words = policy.lose(ResponseError(status, "SETUP", "no"), NOW).advice
    assert words.startswith(
        {401: "the camera asks for a login: give source.username", 403: "this user may not"}[status]
    )


def test_a_password_that_was_changed_is_a_wrong_one_after_a_while() -> None:
    policy = Reconnection("tcp", learned=Learned(logged_in=True))
    found = [lose(policy, UNAUTHORIZED).advice for _ in range(6)]
    assert all("too many users" in each for each in found[:5])
    assert found[5] == "login refused: check user and password"
