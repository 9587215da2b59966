"""Users of RTSP log in to HTTP, each request for itself."""

import base64
import hashlib
import re

import pytest

from tests.support.reader_dialog import OPTIONS, USERS, Directory
from transcoder.rtsp.own_reader import OwnReader
from transcoder.rtsp.reader_auth import LoginWays
from transcoder.rtsp.server_events import ServerContext
from transcoder.rtsp.session import SessionTable
from transcoder.rtsp.web_login import WebLogin, has_users, is_reader_login

TARGET, OTHER = "/api/v1/streams/front/snapshot.jpg", "/api/v1/streams/yard/snapshot.jpg"
ADDRESS = "192.0.2.7"


@pytest.fixture
def context() -> ServerContext:
    return ServerContext(
        directory=Directory(USERS), sessions=SessionTable(OPTIONS, str), options=OPTIONS, udp_ports=None
    )


def login(
    context: ServerContext,
    value: str | None,
    *,
    target: str = TARGET,
    address: str = ADDRESS,
    is_secure: bool = False,
    now: float = 100.0,
    must_count: bool = False,
) -> WebLogin:
    return WebLogin(
        context,
        method="GET",
        target=target,
        authorization=value,
        address=address,
        is_secure=is_secure,
        now=now,
        must_count=must_count,
    )


def hashed(text: str, algorithm: str = "md5") -> str:
    return hashlib.new(algorithm, text.encode()).hexdigest()


def answer(
    challenge: str, user: str = "vms", password: str = USERS["vms"], uri: str = TARGET, algorithm: str = "md5"
) -> str:
    """RFC 7616 section 3.4.1 without qop."""
    [realm], [nonce] = re.findall('realm="([^"]*)"', challenge), re.findall('nonce="([^"]*)"', challenge)
    first, second = hashed(f"{user}:{realm}:{password}", algorithm), hashed(f"GET:{uri}", algorithm)
    response = hashed(f"{first}:{nonce}:{second}", algorithm)
    name = {"md5": "MD5", "sha256": "SHA-256"}[algorithm]
    return (
        f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", algorithm={name}, '
        f'response="{response}"'
    )


def counted(challenge: str, count: int) -> str:
    """RFC 7616 section 3.4.1 with qop=auth."""
    [realm], [nonce] = re.findall('realm="([^"]*)"', challenge), re.findall('nonce="([^"]*)"', challenge)
    first, second = hashed(f"vms:{realm}:{USERS['vms']}"), hashed(f"GET:{TARGET}")
    response = hashed(f"{first}:{nonce}:{count:08x}:c0ffee:auth:{second}")
    return (
        f'Digest username="vms", realm="{realm}", nonce="{nonce}", uri="{TARGET}", qop=auth, nc={count:08x}, '
        f'cnonce="c0ffee", response="{response}"'
    )


def basic(user: str = "vms", password: str = USERS["vms"]) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def challenge_of(context: ServerContext, **where) -> str:
    [challenge] = login(context, None, **where).challenges()
    return challenge


def test_the_right_password_logs_in_for_as_long_as_the_nonce_is_fresh(context: ServerContext) -> None:
    value = answer(challenge_of(context))
    assert login(context, value).user(100.0) == "vms"
    assert login(context, value, now=300.0).user(300.0) == "vms"
    late = login(context, value, now=500.0)
    assert late.user(500.0) is None
    [challenge] = late.challenges()
    assert challenge.endswith(", stale=true")
    assert login(context, answer(challenge), now=500.0).user(500.0) == "vms"


def test_a_wrong_password_is_not_taken_for_a_stale_nonce(context: ServerContext) -> None:
    challenge = challenge_of(context)
    wrong = login(context, answer(challenge, password="guess"))
    assert wrong.due(100.0) == 100.0
    assert wrong.user(100.0) is None
    assert wrong.challenges() == [challenge]
    assert context.brake.counts.failed == 1


def test_a_count_of_a_nonce_is_taken_once_and_counts_grow(context: ServerContext) -> None:
    challenge = challenge_of(context)
    assert 'qop="auth"' in challenge
    for count in (1, 2, 7):
        assert login(context, counted(challenge, count)).user(100.0) == "vms"
    for count in (7, 3, 1):
        replayed = login(context, counted(challenge, count))
        assert replayed.user(100.0) is None
        assert replayed.is_replayed
        [other] = replayed.challenges()
        assert other.endswith(", stale=true")
        assert login(context, counted(other, 1)).user(100.0) == "vms"
    assert login(context, counted(challenge, 8)).user(100.0) == "vms"
    assert context.brake.counts.failed == 0, "a replay is no guess"


def test_of_two_requests_with_one_count_that_wait_together_one_is_taken(context: ServerContext) -> None:
    value = counted(challenge_of(context), 1)
    waiting = [login(context, value) for _ in range(2)]
    assert [each.user(100.0) for each in waiting] == ["vms", None]


def test_a_wrong_answer_uses_up_no_count(context: ServerContext) -> None:
    challenge = challenge_of(context)
    wrong = counted(challenge, 9).replace("c0ffee", "c0ffea")
    assert login(context, wrong).user(100.0) is None
    assert login(context, counted(challenge, 1)).user(100.0) == "vms"


def test_what_may_change_something_is_taken_once_without_a_count_too(context: ServerContext) -> None:
    value = answer(challenge_of(context))
    assert login(context, value, must_count=True).user(100.0) == "vms"
    again = login(context, value, must_count=True)
    assert again.user(100.0) is None
    [other] = again.challenges()
    assert other.endswith(", stale=true")
    assert login(context, answer(other), must_count=True).user(100.0) == "vms"


def test_guesses_wait_with_those_of_rtsp(context: ServerContext) -> None:
    due = 100.0
    for _ in range(20):
        guess = login(context, answer(challenge_of(context), password="guess"))
        due = guess.due(100.0) or 0.0
        guess.user(100.0)
    assert due > 101.0 or due == 0.0
    assert (context.brake.due(ADDRESS, "vms", 100.0) or 1e9) > 101.0


@pytest.mark.parametrize("uri", [OTHER, f"{TARGET}?rendition=sub", "/", "", "http://gateway.example" + OTHER])
def test_a_login_opens_the_target_that_it_was_made_for_alone(context: ServerContext, uri: str) -> None:
    assert login(context, answer(challenge_of(context), uri=uri)).user(100.0) is None


def test_the_target_may_stand_with_its_host(context: ServerContext) -> None:
    value = answer(challenge_of(context), uri=f"http://gateway.example:8080{TARGET}")
    assert login(context, value).user(100.0) == "vms"


def test_what_was_overheard_is_of_no_use_elsewhere(context: ServerContext) -> None:
    value = answer(challenge_of(context))
    assert login(context, value, address="192.0.2.8").user(100.0) is None


def test_basic_is_taken_where_rtsp_takes_it(context: ServerContext) -> None:
    assert login(context, basic()).user(100.0) is None
    assert login(context, basic(), is_secure=True).user(100.0) == "vms"
    assert login(context, basic(password="guess"), is_secure=True).user(100.0) is None
    assert login(context, None, is_secure=True).challenges()[0].startswith("Basic ")
    context.login_ways = LoginWays(basic="always")
    assert login(context, basic()).user(100.0) == "vms"
    context.login_ways = LoginWays(basic="never")
    assert login(context, basic(), is_secure=True).user(100.0) is None


def test_sha256_is_taken_where_rtsp_takes_it(context: ServerContext) -> None:
    value = answer(challenge_of(context), algorithm="sha256")
    assert login(context, value).user(100.0) is None
    context.login_ways = LoginWays(sha256=True)
    assert login(context, value).user(100.0) == "vms"


def test_the_gateways_own_reader_fetches_nothing(context: ServerContext) -> None:
    own = context.own_reader = OwnReader(lambda _: True)
    assert login(context, answer(challenge_of(context), own.name, own.password)).user(100.0) is None


def test_where_nobody_has_to_log_in_nobody_can(context: ServerContext) -> None:
    assert has_users(context)
    context.directory = Directory()
    assert not has_users(context)


@pytest.mark.parametrize("value", ["Digest", "Digest x", "Basic", "Basic ä", "Digest " + "a=b," * 5000, "Basic \udcff"])
def test_junk_logs_nobody_in(context: ServerContext, value: str) -> None:
    assert is_reader_login(value)
    assert login(context, value, is_secure=True).user(100.0) is None


def test_a_token_is_no_login_of_a_reader() -> None:
    assert not any(map(is_reader_login, (None, "", "Bearer x", "digestive x")))
