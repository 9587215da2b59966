"""The login of the gateway's own reader."""

import pytest

from tests.rtsp.test_reader_login import NONCE, login_of, request
from transcoder.rtsp.own_reader import OwnReader
from transcoder.rtsp.reader_login import ReaderLogin

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.66"


def own_reader() -> OwnReader:
    return OwnReader(lambda address: address == HERE)


def login(own: OwnReader, users: dict[str, str], address: str) -> ReaderLogin:
    context = login_of(users)._context
    context.own_reader = own
    return ReaderLogin(context, NONCE, address)


def test_each_life_has_another_login() -> None:
    first, second = own_reader(), own_reader()
    assert first.name != second.name
    assert first.password != second.password
    assert len(first.name) >= 32
    assert len(first.password) >= 32


@pytest.mark.parametrize("users", [{}, {"vms": "x"}])
def test_who_is_admitted(users: dict[str, str]) -> None:
    own = own_reader()
    at_home, away = login(own, users, HERE), login(own, users, ELSEWHERE)
    assert at_home.admits(request(own.password, own.name))
    assert at_home.user == own.name
    assert not at_home.admits(request("guessed", own.name))
    assert not at_home.admits(request(own.password, own.name, nonce="another"))
    assert at_home.user is None
    assert not away.admits(request(own.password, own.name))
    assert away.user is None
    assert (at_home.failures, away.failures) == (0, 0)


def test_a_user_is_none_of_its_business() -> None:
    own = own_reader()
    found = login(own, {"vms": "x"}, HERE)
    assert found.admits(request("x"))
    assert found.user == "vms"
    assert not own.is_named_in(request("x"))
    assert not own.is_named_in(request(None))
    assert own.is_named_in(request("x", own.name))


def test_the_name_has_to_be_the_user() -> None:
    own = own_reader()
    asked = request("x", "vms")
    asked.headers.add("Authorization", f'Digest username="vms", opaque="{own.name}"')
    assert not own.is_named_in(asked)
