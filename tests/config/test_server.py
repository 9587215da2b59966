"""The RTSP server, the HTTP API and the broker."""

from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from transcoder.config import Config, Endpoint, parse
from transcoder.errors import ConfigError


def config(folder: Path = Path("/nonexistent"), **sections: object) -> Config:
    return parse(yaml.safe_dump({"streams": {}, **sections}), folder, {})


def refusal(folder: Path = Path("/nonexistent"), **sections: object) -> str:
    with pytest.raises(ConfigError) as caught:
        config(folder, **sections)
    (line,) = caught.value.problems
    return line


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:0", "127.9.9.9:8554", "[::1]:8554", "localhost:8554", "[::ffff:127.0.0.1]:1"]
)
def test_loopback_needs_no_users(listen):
    (endpoint,) = config(rtsp={"listen": listen}).rtsp.listen
    assert endpoint.is_loopback
    assert str(endpoint) == listen


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:8554", "[::]:8554", "10.0.0.1:0", "gw.example:8554", "[::ffff:10.0.0.1]:1"]
)
def test_off_loopback_needs_users_or_insecure(listen):
    line = refusal(rtsp={"listen": listen})
    assert line.startswith("rtsp.listen: ")
    assert "rtsp.users" in line
    assert "rtsp.insecure" in line
    config(rtsp={"listen": listen, "insecure": True})
    config(rtsp={"listen": listen, "users": {"vms": {"password": "x"}}})


@pytest.mark.parametrize(
    "listen", ["8554", ":8554", "127.0.0.1", "127.0.0.1:65536", "::1:8554", "", 8554, None, "rtsp://h:1"]
)
def test_listen_addresses_that_are_refused(listen):
    assert refusal(rtsp={"listen": listen}).startswith("rtsp.listen: ")
    assert refusal(http={"listen": listen}).startswith("http.listen: ")


def test_http_and_mqtt_are_off_unless_named():
    assert config().http is None
    http = config(http={}).http
    assert http is not None
    assert http.listen == (Endpoint(host="127.0.0.1", port=8080),)
    assert config(mqtt=None).mqtt is None
    assert refusal(mqtt={}) == "mqtt.url: is missing"


@pytest.mark.parametrize(
    "ports", [[8001, 8002], [8000, 8002], [8000, 8000], [8001, 8000], [0, 1], [65536, 65537], [8000], 8000]
)
def test_udp_ports_that_are_refused(ports):
    with pytest.raises(ConfigError, match=r"^rtsp\.udp_ports"):
        config(rtsp={"udp_ports": ports})


def test_udp_ports():
    assert config(rtsp={"udp_ports": [0, 0]}).rtsp.udp_ports == (0, 0)
    assert config(rtsp={"udp_ports": [65534, 65535]}).rtsp.udp_ports == (65534, 65535)


def test_users_and_their_patterns():
    users = config(
        rtsp={"users": {"all": {"password": "x"}, "some": {"password": "x", "streams": ["yard-*", "gate[12]", "a?"]}}}
    ).rtsp.users
    assert users["all"].may_read("anything")
    assert [name for name in ("yard-1", "yard", "gate1", "gate3", "ab", "abc") if users["some"].may_read(name)] == [
        "yard-1",
        "gate1",
        "ab",
    ]


PATHS = ("front", "front/sub", "front/tiny", "yard", "yard/sub", "front2/sub")


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("*", PATHS),
        ("front", ("front", "front/sub", "front/tiny")),
        ("front/sub", ("front/sub",)),
        ("front/*", ("front", "front/sub", "front/tiny")),
        ("front/main", ("front",)),
        ("*/sub", ("front/sub", "yard/sub", "front2/sub")),
        ("*sub", ()),
        ("fr*nt", ("front", "front/sub", "front/tiny")),
        ("sub", ()),
    ],
)
def test_rights_to_renditions(pattern: str, allowed: tuple[str, ...]) -> None:
    user = config(rtsp={"users": {"u": {"password": "x", "streams": [pattern]}}}).rtsp.users["u"]
    assert tuple(path for path in PATHS if user.may_read(path)) == allowed


@pytest.mark.parametrize(
    ("user", "line"),
    [
        ({}, "rtsp.users.u.password: is missing: give password or password_file"),
        ({"password": ""}, "rtsp.users.u.password: "),
        ({"password": "x", "password_file": "u.secret"}, "rtsp.users.u.password_file: password is given too"),
        ({"password": "x", "streams": "*"}, "rtsp.users.u.streams: must be a list"),
    ],
)
def test_users_that_are_refused(tmp_path, user, line):
    (tmp_path / "u.secret").write_text("x")
    assert refusal(tmp_path, rtsp={"users": {"u": user}}).startswith(line)


@pytest.mark.parametrize("name", ["a:b", 'a"b', "", " a", "a ", "a\nb", "a\x00", "a" * 65])
def test_user_names_that_are_refused(name):
    assert "this name must consist of any characters but colons and double quotes, at most 64" in refusal(
        rtsp={"users": {name: {"password": "x"}}}
    )


@pytest.mark.parametrize("name", ["vms user", "domain\\user", "a+b", "a_b", "käthe", "日本", "x", "a" * 64])
def test_user_names_of_every_kind(name):
    assert name in config(rtsp={"users": {name: {"password": "x"}}}).rtsp.users


def test_tokens():
    http = config(http={"tokens": {"ops": {"token": "t"}}}).http
    assert http is not None
    assert http.tokens["ops"].role == "read"
    assert refusal(http={"tokens": {"ops": {}}}) == "http.tokens.ops.token: is missing: give token or token_file"
    assert refusal(http={"tokens": {"ops": {"token": "t", "role": "root"}}}).startswith(
        "http.tokens.ops.role: must be 'read'"
    )


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("mqtt://broker.example", "broker.example", 1883, False),
        ("mqtts://[fd00::1]/", "fd00::1", 8883, True),
        ("mqtt://10.0.0.1:99", "10.0.0.1", 99, False),
    ],
)
def test_broker_urls(url, host, port, tls):
    mqtt = config(mqtt={"url": url}).mqtt
    assert mqtt is not None
    assert (mqtt.host, mqtt.port, mqtt.tls) == (host, port, tls)


def test_broker_credentials_move_out_of_the_url():
    mqtt = config(mqtt={"url": "mqtt://gw:p%40w@broker"}).mqtt
    assert mqtt is not None
    assert (mqtt.url, mqtt.username, mqtt.password) == ("mqtt://broker", "gw", SecretStr("p@w"))
    assert refusal(mqtt={"url": "mqtt://gw:p@broker", "username": "gw"}).startswith("mqtt: has credentials in its URL")


@pytest.mark.parametrize(
    ("keys", "start"),
    [
        ({"url": "tcp://h"}, "mqtt.url: must start with mqtt:// or mqtts://"),
        ({"url": "mqtt://h/topic"}, "mqtt.url: must end after host and port"),
        ({"base_topic": "a/#"}, "mqtt.base_topic: "),
        ({"base_topic": "+/a"}, "mqtt.base_topic: "),
        ({"base_topic": "/a"}, "mqtt.base_topic: "),
        ({"base_topic": "a/"}, "mqtt.base_topic: "),
        ({"base_topic": "$SYS"}, "mqtt.base_topic: "),
        ({"base_topic": ""}, "mqtt.base_topic: "),
        ({"ca_file": "missing.pem"}, "mqtt.ca_file: "),
    ],
)
def test_broker_keys_that_are_refused(keys, start):
    with pytest.raises(ConfigError) as caught:
        config(mqtt={"url": "mqtts://h", **keys})
    assert caught.value.problems[0].startswith(start)


def test_broker_certificates(tmp_path):
    for name in ("ca.pem", "c.pem", "k.pem"):
        (tmp_path / name).write_text("x")
    files = {"ca_file": "ca.pem", "cert_file": "c.pem", "key_file": "k.pem"}
    mqtt = config(tmp_path, mqtt={"url": "mqtts://h", **files}).mqtt
    assert mqtt is not None
    assert (mqtt.ca_file, mqtt.cert_file, mqtt.key_file) == tuple(tmp_path / name for name in files.values())
    assert "cert_file and key_file" in refusal(tmp_path, mqtt={"url": "mqtts://h", "cert_file": "c.pem"})
    assert "mqtts://" in refusal(tmp_path, mqtt={"url": "mqtt://h", "ca_file": "ca.pem"})


@pytest.mark.parametrize(
    ("node", "good"), [("gw-1.site_a", True), ("a/b", False), ("a+", False), ("", False), ("a" * 64, False)]
)
def test_node_is_one_topic_level(node, good):
    if good:
        assert config(node=node).node == node
    else:
        assert refusal(node=node).startswith("node: ")


@pytest.mark.parametrize(
    ("listen", "problem"),
    [
        ([], "must be one address or a list of 1 to 16"),
        (["127.0.0.1:1", "127.0.0.1:1"], "take one port of one address"),
        (["[::]:8554", "0.0.0.0:8554"], "take one port of one address"),  # :: takes IPv4 too
        (["127.0.0.1:8554", 8555], "must be host:port"),
        ([f"127.0.0.1:{port}" for port in range(1, 18)], "1 to 16"),
    ],
)
def test_lists_of_addresses_that_are_refused(listen, problem):
    assert problem in refusal(rtsp={"listen": listen, "insecure": True})
    assert problem in refusal(http={"listen": listen})


def test_every_address_of_a_list_needs_users_or_insecure():
    assert "0.0.0.0:8555" in refusal(rtsp={"listen": ["127.0.0.1:8554", "0.0.0.0:8555"]})
    assert "[::]:8322" in refusal(rtsp={"tls": {"listen": "[::]:8322"}})


def test_one_address_and_a_list_are_written_as_they_were_read():
    for listen in ("127.0.0.1:8554", ["127.0.0.1:8554", "[::1]:8555"]):
        assert config(rtsp={"listen": listen}).model_dump(mode="json")["rtsp"]["listen"] == listen


def test_a_certificate_needs_its_key(tmp_path):
    (tmp_path / "gateway.pem").write_text("")
    assert "needed together" in refusal(tmp_path, rtsp={"tls": {"certificate_file": "gateway.pem"}})
