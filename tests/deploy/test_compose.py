"""The compose file, the configurations beside it, and the rights at the broker."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.control_world import Broker
from transcoder.config import load_file

VALUES = {
    "CAMERA_INTERFACE": "eth1",
    "CAMERA_NET": "192.168.10.0/24",
    "CAMERA_ADDRESS": "192.168.10.1",
    "READERS": "10.20.0.1",
}


def said(command: list[str], **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment}
    )
    return done.returncode, done.stdout + done.stderr


def document(deploy: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((deploy / "compose/compose.yaml").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.process
@pytest.mark.long
def test_the_compose_file_is_one(program: Callable[[str], str], deploy: Path, tmp_path: Path) -> None:
    check = [program("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    assert said([*check, str(deploy / "compose/compose.yaml")])[0] == 0
    broken = tmp_path / "compose.yaml"
    broken.write_text((deploy / "compose/compose.yaml").read_text().replace("read_only: true", "readonly: true"))
    assert said([*check, str(broken)])[0] == 1
    compose = [program("podman-compose"), "-f", str(deploy / "compose/compose.yaml"), "config"]
    assert said(compose, **VALUES)[0] == 0
    assert said(compose)[0] != 0  # the networks of a site are nobody's default


def test_every_container_has_no_rights(deploy: Path) -> None:
    for name, service in document(deploy)["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "privileged" not in service, name


def test_every_file_that_a_container_is_given_exists(deploy: Path) -> None:
    named = [path for service in document(deploy)["services"].values() for path in service.get("volumes", ())]
    files = [path.partition(":")[0] for path in named if path.startswith(".")]
    lacking = [path for path in files if not (deploy / "compose" / path).exists()]
    assert lacking == ["./secrets/passwords"]  # the operator makes it


def test_only_the_gateway_is_in_the_network_of_the_cameras(deploy: Path) -> None:
    there = [name for name, service in document(deploy)["services"].items() if "cameras" in service["networks"]]
    assert there == ["gateway"]


def test_the_gateway_listens_at_no_address_that_cameras_reach(
    deploy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (deploy / "compose/gateway.yaml").read_text(encoding="utf-8")
    (tmp_path / "secret").write_text("long-enough-for-a-token-of-the-api")
    path = tmp_path / "gateway.yaml"
    path.write_text(re.sub(r"/run/secrets/\w+", str(tmp_path / "secret"), text))
    config = load_file(path).config
    inside = document(deploy)["services"]["gateway"]["networks"]["inside"]["ipv4_address"]
    assert config.http is not None
    assert {endpoint.host for endpoint in (*config.rtsp.listen, *config.http.listen)} == {inside}
    assert config.sandbox == "required"


PASSWORD = "a password"
USERS = ("gw1", "operator", "viewer", "homeassistant")


@pytest.fixture(scope="module")
def port(program: Callable[[str], str], deploy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run mosquitto with deploy/mosquitto/, whose paths are those of its image."""
    folder = tmp_path_factory.mktemp("broker")
    passwords = folder / "passwords"
    passwords.touch(mode=0o600)
    for user in USERS:
        assert said([program("mosquitto_passwd"), "-b", str(passwords), user, PASSWORD])[0] == 0
    text = (deploy / "mosquitto/mosquitto.conf").read_text(encoding="utf-8")
    assert "\nlistener 1883\n" in text
    text = text.replace("listener 1883\n", "").replace("/mosquitto/config/passwords", str(passwords))
    text = text.replace("/mosquitto/config/acl", str(deploy / "mosquitto/acl"))
    broker = Broker(folder, text.replace("/mosquitto/data/", f"{folder}/"))
    broker.start()
    yield broker.port
    broker.close()


def may_write(port: int, user: str, topic: str) -> bool:
    login = ["-u", user, "-P", PASSWORD, "-p", str(port), "-V", "5"]
    _, text = said(["mosquitto_pub", *login, "-q", "1", "-t", topic, "-m", "x"])
    return "Not authorized" not in text


@pytest.mark.process
@pytest.mark.parametrize(
    ("topic", "writers"),
    [
        ("transcoder/gw1/status", {"gw1"}),
        ("transcoder/gw1/stream/front/state", {"gw1"}),
        ("transcoder/gw2/status", set()),
        ("transcoder/gw1/cmd/add", {"gw1", "operator"}),
        ("transcoder/gw2/cmd/add", {"operator"}),
        ("transcoder/gw1/stream/front/set", {"gw1", "operator"}),
        ("transcoder/gw1/stream/front/masks/set", {"gw1", "operator", "homeassistant"}),
        ("transcoder/gw1/stream/front/restart", {"gw1", "operator", "homeassistant"}),
        ("homeassistant/device/transcoder_gw1_front/config", {"gw1"}),
        ("homeassistant/status", {"homeassistant"}),
        ("elsewhere", set()),
    ],
)
def test_who_may_write(port: int, topic: str, writers: set[str]) -> None:
    assert {user for user in USERS if may_write(port, user, topic)} == writers


@pytest.mark.process
def test_nobody_without_a_login(port: int) -> None:
    status, _ = said(["mosquitto_pub", "-p", str(port), "-t", "transcoder/gw1/cmd/add", "-m", "x"])
    assert status != 0


@pytest.mark.process
def test_who_hears(port: int) -> None:
    said(
        [
            "mosquitto_pub",
            "-u",
            "gw1",
            "-P",
            PASSWORD,
            "-p",
            str(port),
            "-r",
            "-t",
            "transcoder/gw1/status",
            "-m",
            "on",
        ]
    )
    listen = ["-p", str(port), "-t", "transcoder/gw1/status", "-C", "1", "-W", "2"]
    heard = {user for user in USERS if "on" in said(["mosquitto_sub", "-u", user, "-P", PASSWORD, *listen])[1].split()}
    assert heard == set(USERS)
