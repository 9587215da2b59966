"""Who may do what."""

from typing import Any

import pytest

from transcoder.api.access import Access, Caller, Denied, Role
from transcoder.config import TokenConfig

TOKENS = {
    "ops": TokenConfig.model_validate({"token": "token-of-ops", "role": "control"}),
    "eye": TokenConfig.model_validate({"token": "token-of-eye"}),
}
HERE: dict[str, Any] = {"address": "127.0.0.1", "host": "127.0.0.1:8080"}


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


NOW = 1_796_000_000.0
PAGE: dict[str, Any] = {"address": "10.0.0.7", "host": "gw.example", "now": NOW}


def logged_in(access: Access, whose: str = "ops") -> tuple[str, str]:
    """The cookie of a token, and what a page sends beside it."""
    cookie, identity = access.log_in(Caller(**PAGE, authorization=f"Bearer token-of-{whose}", method="POST"))
    return cookie.value, identity.csrf or ""


def test_a_cookie_has_the_role_of_its_token() -> None:
    access = Access(TOKENS)
    cookie, csrf = logged_in(access)
    found = access.identify(Caller(**PAGE, cookie=cookie), Role.CONTROL)
    assert (found.name, found.role, found.csrf, found.expires) == ("ops", Role.CONTROL, csrf, NOW + 12 * 3600)
    cookie, _ = logged_in(access, "eye")
    assert denied(access, Caller(**PAGE, cookie=cookie), Role.CONTROL) == 403


def test_a_role_that_changes_holds_for_cookies_at_once() -> None:
    cookie, _ = logged_in(Access(TOKENS))
    fewer = {"ops": TokenConfig.model_validate({"token": "token-of-ops", "role": "read"})}
    assert denied(Access(fewer), Caller(**PAGE, cookie=cookie), Role.CONTROL) == 403


def test_a_cookie_outlasts_a_restart_and_ends_with_its_token() -> None:
    cookie, _ = logged_in(Access(TOKENS))
    assert Access(TOKENS).identify(Caller(**PAGE, cookie=cookie), Role.CONTROL)
    changed = TOKENS | {"ops": TokenConfig.model_validate({"token": "another", "role": "control"})}
    assert denied(Access(changed), Caller(**PAGE, cookie=cookie)) == 401
    assert denied(Access({"eye": TOKENS["eye"]}), Caller(**PAGE, cookie=cookie)) == 401
    renamed = {"boss": TOKENS["ops"]}
    assert denied(Access(renamed), Caller(**PAGE, cookie=cookie)) == 401


def test_a_cookie_ends() -> None:
    access = Access(TOKENS)
    cookie, _ = logged_in(access)
    late = Caller(**(PAGE | {"now": NOW + 12 * 3600}), cookie=cookie)
    assert denied(access, late) == 401
    assert access.name_of(late) == "ops"  # and is no guess: a browser that was left open is not held up
    assert denied(access, Caller(address="10.0.0.7", host="gw.example", cookie=cookie)) == 401  # nobody says when it is


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post", "LOCK"])
def test_a_change_with_a_cookie_needs_what_only_the_page_knows(method: str) -> None:
    access = Access(TOKENS)
    cookie, csrf = logged_in(access)
    _, of_another = logged_in(access, "eye")
    for wrong in (None, "", "x", of_another, csrf[:-1], csrf + "\udcff", "é"):
        assert denied(access, Caller(**PAGE, cookie=cookie, method=method, csrf=wrong)) == 403
    assert access.identify(Caller(**PAGE, cookie=cookie, method=method, csrf=csrf), Role.CONTROL)


def test_a_change_with_a_token_needs_no_more() -> None:
    access = Access(TOKENS)
    cookie, _ = logged_in(access, "eye")
    caller = Caller(**PAGE, authorization="bearer token-of-ops", cookie=cookie, method="POST")
    assert access.identify(caller, Role.CONTROL).name == "ops"


@pytest.mark.parametrize(
    "sent", [{"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://gw.example:81"}, {"origin": ""}]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_site_has_no_use_of_a_cookie(sent: dict[str, Any], method: str) -> None:
    access = Access(TOKENS)
    cookie, csrf = logged_in(access)
    assert denied(access, Caller(**PAGE, cookie=cookie, csrf=csrf, method=method, **sent)) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", ""])
def test_a_browser_that_says_so_is_believed(site: str) -> None:
    access = Access(TOKENS)
    cookie, csrf = logged_in(access)
    assert denied(access, Caller(**PAGE, cookie=cookie, csrf=csrf, fetch_site=site)) == 403


def test_a_web_socket_with_a_cookie_needs_the_origin_of_the_page() -> None:
    access = Access(TOKENS)
    cookie, _ = logged_in(access)
    opened = PAGE | {"cookie": cookie, "is_web_socket": True}
    assert denied(access, Caller(**opened)) == 403
    assert denied(access, Caller(**opened, origin="https://evil.example")) == 403
    assert denied(access, Caller(**opened, origin="https://gw.example.evil.example")) == 403
    assert access.identify(Caller(**opened, origin="https://gw.example"), Role.CONTROL)
    # programs have a token, and no Origin
    assert access.identify(Caller(**PAGE, authorization="Bearer token-of-ops", is_web_socket=True), Role.CONTROL)


def test_no_page_of_another_site_logs_in() -> None:
    access = Access(TOKENS)
    ways: list[dict[str, Any]] = [
        {"origin": "https://evil.example"},
        {"fetch_site": "cross-site"},
        {"fetch_site": "same-site"},
    ]
    for sent in ways:
        with pytest.raises(Denied) as caught:
            access.log_in(Caller(**PAGE, authorization="Bearer token-of-ops", method="POST", **sent))
        assert caught.value.status == 403


def test_a_login_of_a_proxy_does_not_hide_the_cookie() -> None:
    access = Access(TOKENS)
    cookie, _ = logged_in(access)
    found = access.identify(Caller(**PAGE, authorization="Basic cHJveHk6cHJveHk=", cookie=cookie), Role.CONTROL)
    assert found.name == "ops"


def test_a_cookie_is_of_no_use_and_no_harm_without_tokens() -> None:
    cookie, _ = logged_in(Access(TOKENS))
    caller = Caller(**HERE, cookie=cookie, now=NOW)
    assert Access({}).identify(caller, Role.CONTROL).name == "local"
    assert not Access({}).may_guess(caller)
    assert denied(Access({}), Caller(**PAGE, cookie=cookie)) == 401
