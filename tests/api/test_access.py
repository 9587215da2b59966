"""Who may do what."""

import pytest

from transcoder.api.access import Access, Caller, Denied, Role
from transcoder.config import TokenConfig

TOKENS = {
    "ops": TokenConfig.model_validate({"token": "token-of-ops", "role": "control"}),
    "eye": TokenConfig.model_validate({"token": "token-of-eye"}),
}
HERE = {"address": "127.0.0.1", "host": "127.0.0.1:8080"}


def denied(access: Access, caller: Caller, wanted: Role = Role.READ) -> int:
    with pytest.raises(Denied) as caught:
        access.identify(caller, wanted)
    return caught.value.status


def bearer(token: str, address: str = "10.0.0.7") -> Caller:
    return Caller(address=address, authorization=f"Bearer {token}", host="gw.example")


def test_tokens_have_roles() -> None:
    access = Access(TOKENS)
    assert access.identify(bearer("token-of-ops"), Role.CONTROL).name == "ops"
    assert access.identify(bearer("token-of-eye"), Role.READ).name == "eye"
    assert denied(access, bearer("token-of-eye"), Role.CONTROL) == 403
    for wrong in ("", "token-of-op", "token-of-opsx", "TOKEN-OF-OPS", "\udcff", "x" * 100_000):
        assert denied(access, bearer(wrong)) == 401
    assert denied(access, Caller(address="10.0.0.7", authorization="Basic b3BzOnRva2VuLW9mLW9wcw==")) == 401


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_without_tokens_this_machine_may_everything(address: str) -> None:
    assert Access({}).identify(Caller(address=address, host="localhost:8080"), Role.CONTROL).name == "local"


@pytest.mark.parametrize("address", ["10.0.0.7", "::2", "::ffff:10.0.0.7", "0.0.0.0", "", "testclient"])
def test_without_tokens_nobody_else_may_anything(address: str) -> None:
    assert denied(Access({}), Caller(address=address, host="localhost:8080")) == 401


def test_with_tokens_this_machine_needs_one_too() -> None:
    # a reverse proxy on this machine makes everybody come from here
    assert denied(Access(TOKENS), Caller(**HERE)) == 401


@pytest.mark.parametrize("host", ["evil.example:8080", "evil.example", None, "10.0.0.7:8080", "[::2]:8080", "a:b:c"])
def test_a_name_that_points_here_is_not_this_machine(host: str | None) -> None:
    assert denied(Access({}), Caller(address="127.0.0.1", host=host)) == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_names_of_this_machine(host: str) -> None:
    assert Access({}).identify(Caller(address="127.0.0.1", host=host), Role.CONTROL)


def test_a_page_of_another_site_may_not() -> None:
    access = Access({})
    assert denied(access, Caller(**HERE, origin="https://evil.example")) == 403
    assert denied(access, Caller(**HERE, origin="null")) == 403
    assert denied(access, Caller(**HERE, origin="http://127.0.0.1:9999")) == 403
    assert denied(access, Caller(**HERE, fetch_site="cross-site")) == 403
    assert denied(access, Caller(**HERE, fetch_site="same-site")) == 403
    assert access.identify(Caller(**HERE, origin="http://127.0.0.1:8080", fetch_site="same-origin"), Role.CONTROL)
