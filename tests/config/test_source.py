"""Source URLs, their credentials, and the networks that cameras may be in."""

from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from transcoder.config import SourceConfig, is_allowed, parse
from transcoder.config.source import SourcesConfig
from transcoder.errors import ConfigError

NOWHERE = Path("/nonexistent")


def source(value: object, allow: list[str] | None = None) -> SourceConfig:
    data: dict[str, object] = {"streams": {"a": {"source": value}}}
    if allow is not None:
        data["sources"] = {"allow": allow}
    return parse(yaml.safe_dump(data), NOWHERE, {}).streams["a"].source


def refusal(value: object, allow: list[str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        source(value, allow)
    (line,) = caught.value.problems
    return line


@pytest.mark.parametrize(
    ("given", "stored", "host", "port"),
    [
        ("rtsp://10.0.0.2", "rtsp://10.0.0.2", "10.0.0.2", 554),
        ("RTSP://10.0.0.2:8554/a%20b?x=%41#y", "rtsp://10.0.0.2:8554/a%20b?x=%41#y", "10.0.0.2", 8554),
        ("rtsp://[fd00::2]:8554/live", "rtsp://[fd00::2]:8554/live", "fd00::2", 8554),
        ("rtsp://cam-1.example/", "rtsp://cam-1.example/", "cam-1.example", 554),
        # XM and H264DVR: the trailing ? is needed, user and password are part of the path
        (
            "rtsp://10.0.0.2:554/user=admin&password=&channel=1&stream=0.sdp?",
            "rtsp://10.0.0.2:554/user=admin&password=&channel=1&stream=0.sdp?",
            "10.0.0.2",
            554,
        ),
        ("rtsp://10.0.0.2:554?user=a&password=b@c", "rtsp://10.0.0.2:554?user=a&password=b@c", "10.0.0.2", 554),
        ("rtsp://10.0.0.2/a@b", "rtsp://10.0.0.2/a@b", "10.0.0.2", 554),
    ],
)
def test_urls_are_kept_as_written(given, stored, host, port):
    result = source(given)
    assert (result.url, result.host, result.port) == (stored, host, port)
    assert (result.username, result.password) == (None, None)


@pytest.mark.parametrize(
    ("userinfo", "username", "password"),
    [
        ("admin:pw", "admin", "pw"),
        ("admin", "admin", None),
        ("admin:", "admin", ""),
        ("us%40er:p%2Fw%3A%25", "us@er", "p/w:%"),
        ("admin:p:w", "admin", "p:w"),
        ("admin:p@ss", "admin", "p@ss"),
        ("admin:%C3%A4", "admin", "ä"),
        ("admin:ä", "admin", "ä"),
    ],
)
def test_credentials_move_out_of_the_url(userinfo, username, password):
    result = source(f"rtsp://{userinfo}@10.0.0.2/x")
    assert result.url == "rtsp://10.0.0.2/x"
    assert result.username == SecretStr(username)
    assert (None if result.password is None else result.password.get_secret_value()) == password


def test_representations_hide_credentials_in_the_path_too():
    result = source("rtsp://user1:hunter2@10.0.0.2/user=user1&password=hunter2&channel=1")
    for text in (repr(result), str(result)):
        assert "hunter2" not in text
        assert "user1" not in text
        assert "10.0.0.2:554" in text


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("http://10.0.0.2/", "must start with rtsp://"),
        ("10.0.0.2", "must start with rtsp://"),
        ("", "must start with rtsp://"),
        ("rtsp://", "has no host"),
        ("rtsp:///path", "has no host"),
        ("rtsp://u:p@/x", "has no host"),
        ("rtsp://10.0.0.2:/", "has no valid port"),
        ("rtsp://10.0.0.2:0/", "has no valid port"),
        ("rtsp://10.0.0.2:65536/", "has no valid port"),
        ("rtsp://10.0.0.2:5x4/", "has no valid port"),
        ("rtsp://fd00::2/", "more than one :"),
        ("rtsp://[fd00::2/", "[ without its ]"),
        ("rtsp://[10.0.0.2]/", "no valid IPv6 address"),
        ("rtsp://10.0.0.256/", "no valid IPv4 address"),
        ("rtsp://127.1/", "no valid IPv4 address"),
        ("rtsp://0x7f000001/", "no valid IPv4 address"),
        ("rtsp://a..b/", "no valid host name"),
        ("rtsp://-a/", "no valid host name"),
        ("rtsp://10.0.0.2/a b", "must be ASCII without spaces"),
        ("rtsp://10.0.0.2/ä", "must be ASCII without spaces"),
        ("rtsp://a:p/w@10.0.0.2/", "/ ? # in a password must be percent-encoded"),
        ("rtsp://a:%ff@10.0.0.2/", "aren't UTF-8"),
        ("rtsp://a:x%0d%0ay@10.0.0.2/", "control character"),
        ("rtsp://10.0.0.2/\r\nTEARDOWN", "line break"),
    ],
)
def test_urls_that_are_refused(given, says):
    line = refusal(given)
    assert line.startswith("streams.a.source: ")
    assert says in line
    if "\r" not in given:
        assert refusal({"url": given}).startswith("streams.a.source.url: ")


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        ({"url": "rtsp://u:p@10.0.0.2/", "username": "u"}, "streams.a.source: has credentials in its URL and in keys"),
        ({"password": "p"}, "streams.a.source: has a password and no username"),
        ({"transport": "quic"}, "streams.a.source.transport: must be 'auto', 'tcp', 'udp', 'http' or 'multicast'"),
        ({"display_aspect": "1.78"}, "streams.a.source.display_aspect: must be WIDTH:HEIGHT such as 16:9"),
        ({"display_aspect": "0:9"}, "streams.a.source.display_aspect: must be WIDTH:HEIGHT"),
        ({"display_aspect": "1:9"}, "streams.a.source.display_aspect: must be a picture at most 8 times as wide"),
        ({"display_aspect": "8001:1000"}, "streams.a.source.display_aspect: must be a picture at most 8 times"),
        ({"bind_address": "eth0"}, "streams.a.source.bind_address: must be an IP address"),
        ({"bind_interface": "a" * 16}, "streams.a.source.bind_interface: must match"),
        ({"profile": "Hik Vision"}, "streams.a.source.profile: must be 'auto'"),
        ({"username": "u", "password": 1234}, "streams.a.source.password: must be text: put it in quotes"),
    ],
)
def test_mappings_that_are_refused(extra, line):
    assert refusal({"url": "rtsp://10.0.0.2/", **extra}).startswith(line)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", True),
        ("10.255.0.1", True),
        ("172.15.255.255", False),
        ("172.16.0.1", True),
        ("172.31.255.255", True),
        ("172.32.0.0", False),
        ("192.168.1.1", True),
        ("192.0.2.1", False),
        ("8.8.8.8", False),
        ("0.0.0.0", False),
        ("169.254.169.254", False),
        ("::1", True),
        ("fd12::1", True),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("2001:db8::1", False),
        ("::ffff:10.0.0.1", True),
        ("::ffff:8.8.8.8", False),
        ("camera.example", False),
        ("", False),
        ("10.0.0.1:554", False),
    ],
)
def test_networks_of_the_default(address, allowed):
    assert is_allowed(address, SourcesConfig().allow) is allowed


def test_a_literal_address_outside_the_networks_is_refused():
    assert refusal("rtsp://u:p@8.8.8.8/") == (
        "streams.a.source: address 8.8.8.8 is in none of the networks of sources.allow"
    )
    assert refusal("rtsp://[2001:db8::1]/").startswith("streams.a.source: address 2001:db8::1 is in none")
    assert source("rtsp://8.8.8.8/", ["8.8.8.0/24"]).host == "8.8.8.8"
    assert "in none" in refusal("rtsp://10.0.0.2/", ["8.8.8.0/24"])
    assert source("rtsp://name.example/", ["8.8.8.0/24"]).host == "name.example"


@pytest.mark.parametrize(
    ("network", "says"),
    [
        ("10.0.0.5/8", "did you mean 10.0.0.0/8?"),
        ("camera", "must be a network"),
        ("10.0.0.0/33", "must be a network"),
        (5, "must be a network"),
        (True, "must be a network"),
    ],
)
def test_networks_that_are_refused(network, says):
    line = refusal("rtsp://10.0.0.2/", [network])
    assert line.startswith("sources.allow[0]: ")
    assert says in line


@pytest.mark.parametrize(("given", "ratio"), [("16:9", (16, 9)), ("4:3", (4, 3)), ("8:1", (8, 1)), (None, None)])
def test_display_aspect(given, ratio):
    text = f"streams: {{a: {{source: {{url: 'rtsp://10.0.0.2/', display_aspect: {given or 'null'}}}}}}}"
    assert parse(text, Path("/nonexistent"), {}).streams["a"].source.aspect == ratio


@pytest.mark.parametrize("transport", ["auto", "tcp", "udp", "http", "multicast"])
def test_every_transport_can_be_chosen_by_hand(transport):
    assert source({"url": "rtsp://10.0.0.2/x", "transport": transport}).transport == transport


def test_rtsps():
    result = source("rtsps://viewer:secret@10.0.0.2/live?x=1")
    assert (result.url, result.host, result.port) == ("rtsps://10.0.0.2/live?x=1", "10.0.0.2", 322)
    assert "rtsps://10.0.0.2:322" in repr(result)
    assert (result.tls.verify, result.tls.fingerprint, result.tls.old_ciphers) == ("pin", None, False)
    assert source("rtsps://10.0.0.2:8322/").port == 8322
    tls = {"verify": "ca", "fingerprint": "AB:" * 31 + "cd", "old_ciphers": True}
    assert source({"url": "rtsps://10.0.0.2/", "tls": tls}).tls.fingerprint == "ab" * 31 + "cd"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"url": "rtsps://10.0.0.2/", "transport": "udp"}, "packets over udp would not be encrypted"),
        ({"url": "rtsps://10.0.0.2/", "transport": "http"}, "the HTTP tunnel is not made over TLS"),
        ({"url": "rtsps://10.0.0.2/", "transport": "http"}, "needs transport tcp"),
        ({"url": "rtsps://10.0.0.2/", "tls": {"fingerprint": "ab" * 31}}, "64 hexadecimal digits"),
        ({"url": "rtsps://10.0.0.2/", "tls": {"verify": "maybe"}}, "'pin', 'ca' or 'none'"),
    ],
)
def test_tls_that_is_refused(given, says):
    assert says in refusal(given)
