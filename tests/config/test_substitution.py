"""Environment variables and secret files."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from transcoder.config import Config, load, parse
from transcoder.errors import ConfigError


def config(data: Mapping[str, object], folder: Path = Path("/nonexistent"), **environ: str) -> Config:
    return parse(yaml.safe_dump({"streams": {}, **data}), folder, environ)


def refusal(data: Mapping[str, object], folder: Path = Path("/nonexistent"), **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        config(data, folder, **environ)
    (line,) = caught.value.problems
    return line


def test_variables_in_any_value():
    streams = {"a": {"source": "rtsp://${USER}:${PW}@${HOST}/${HOST}", "video": {"bitrate_kbps": "${RATE}"}}}
    result = config({"node": "gw-${N}", "streams": streams}, N="7", USER="u", PW="p", HOST="10.0.0.2", RATE="900")
    assert result.node == "gw-7"
    assert result.streams["a"].source.url == "rtsp://10.0.0.2/10.0.0.2"
    assert result.streams["a"].source.password == SecretStr("p")
    assert result.streams["a"].video.bitrate_kbps == 900


def test_what_a_variable_holds_is_not_expanded_again():
    users = config({"rtsp": {"users": {"a": {"password": "${A}"}, "b": {"password": "$${A}"}}}}, A="${B}").rtsp.users
    assert users["a"].password.get_secret_value() == "${B}"
    assert users["b"].password.get_secret_value() == "${A}"


def test_a_dollar_alone_stays():
    users = config({"rtsp": {"users": {"a": {"password": "pa$$word$1"}}}}).rtsp.users
    assert users["a"].password.get_secret_value() == "pa$$word$1"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("${MISSING}", "rtsp.users.a.password: environment variable MISSING is not set"),
        ("${1A}", "rtsp.users.a.password: ${ must be followed by a variable's name"),
        ("${}", "rtsp.users.a.password: ${ must be followed by a variable's name"),
        ("${A", "rtsp.users.a.password: ${ must be followed by a variable's name"),
        ("${BREAK}", "rtsp.users.a.password: holds a line break"),
        ("${LONG}", "rtsp.users.a.password: longer than 8192 characters"),
    ],
)
def test_variables_that_can_not_be_used(text, line):
    data = {"rtsp": {"users": {"a": {"password": text}}}}
    assert refusal(data, A="x", BREAK="a\r\nb", LONG="x" * 8193).startswith(line)


@pytest.mark.parametrize("key", ["password_file", "ca_file"])
def test_a_file_whose_name_lacks_a_variable_is_not_looked_for(key):
    problem = refusal({"mqtt": {"url": "mqtt://broker", "username": "gw", key: "${MISSING}/secret"}})
    assert problem == f"mqtt.{key}: environment variable MISSING is not set"


def test_the_credentials_of_a_service_are_told_where_to_be_had():
    problem = refusal({"rtsp": {"users": {"vms": {"password_file": "${CREDENTIALS_DIRECTORY}/secret_vms"}}}})
    assert "CREDENTIALS_DIRECTORY is not set; systemd sets it for the service: `transcoder-admin` runs" in problem


def test_the_environment_of_the_process(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWAY_TEST_NODE", "from-environ")
    (tmp_path / "c.yaml").write_text("node: ${GATEWAY_TEST_NODE}\nstreams: {}\n")
    assert load(tmp_path / "c.yaml").node == "from-environ"


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b"pw", "pw"), (b"pw\n", "pw"), (b"pw\r\n", "pw"), (b" p w ", " p w "), ("pä$${X}\n".encode(), "pä$${X}")],
)
def test_secret_files(tmp_path, content, secret):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "s").write_bytes(content)
    for name in ("sub/s", str(tmp_path / "sub" / "s")):
        users = config({"rtsp": {"users": {"a": {"password_file": name}}}}, tmp_path).rtsp.users
        assert users["a"].password.get_secret_value() == secret


def test_secret_files_that_can_not_be_used(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "latin1").write_bytes(b"caf\xe9")
    (tmp_path / "lines").write_bytes(b"a\nb\n")
    (tmp_path / "big").write_bytes(b"x" * 65537)
    for name, says in {
        "missing": "can't be read: No such file or directory",
        ".": "is not a regular file",
        "pipe": "is not a regular file",
        "empty": "is empty",
        "latin1": "is not UTF-8 text",
        "lines": "must hold one line",
        "big": "has more than 65536 bytes",
    }.items():
        line = refusal({"rtsp": {"users": {"a": {"password_file": name}}}}, tmp_path)
        assert line.startswith("rtsp.users.a.password_file: ")
        assert name in line
        assert says in line
        streams = {"a": {"source": {"url": "rtsp://10.0.0.2/", "username": "u", "password_file": name}}}
        assert refusal({"streams": streams}, tmp_path).startswith("streams.a.source.password_file: ")
    assert refusal({"rtsp": {"users": {"a": {"password_file": 5}}}}).startswith(
        "rtsp.users.a.password_file: must be text"
    )


def test_state_dir_is_relative_to_the_file(tmp_path):
    assert config({}, tmp_path).state_dir == tmp_path / "state"
    assert config({"state_dir": "x/y"}, tmp_path).state_dir == tmp_path / "x/y"
    assert config({"state_dir": "/var/lib/gw"}, tmp_path).state_dir == Path("/var/lib/gw")


def test_keys_that_start_with_x_are_left_alone_at_every_level():
    config = parse(
        """
x-camera: &camera {audio: reencode, x-note: "${NOT_SET}"}
rtsp: {x-why: [1, 2], udp_ports: [0, 0]}
streams:
  x-ray: {<<: *camera, source: {url: rtsp://10.0.0.2/, x-rack: 7}, video: {x-1: 2}, masks: []}
""",
        Path("/nonexistent"),
        {},
    )
    assert list(config.streams) == ["x-ray"]  # where names are free, such a key is a name
    assert config.streams["x-ray"].audio == "reencode"
