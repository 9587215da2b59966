"""The files for systemd: every line is understood, little is exposed, and the files belong to whom they should.

The exit status of `systemd-analyze verify` and `sysctl` is 0 for lines that they don't understand, so that their output
is read.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from transcoder.cli.fleet_files import planned
from transcoder.config import load_file, parse
from transcoder.fleet.shard_files import drop_in_name, drop_in_text
from transcoder.net import reader_ports, sockets

pytestmark = pytest.mark.process

EXPOSURE = 20
"""The exposure of the unit, in tenths: 2.0. A unit without these lines has 9.6."""


@pytest.fixture
def unit(deploy: Path, tmp_path: Path) -> Path:
    """A copy of the unit whose command exists here."""
    path = tmp_path / "transcoder.service"
    text = (deploy / "systemd/transcoder.service").read_text(encoding="utf-8")
    assert "\nExecStart=/opt/transcoder/bin/transcoder run /etc/transcoder/gateway.yaml\n" in text
    path.write_text(text.replace("ExecStart=/opt/transcoder/bin/transcoder", "ExecStart=/bin/true"))
    return path


def said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def verified(analyze: str, unit: Path) -> str:
    lines = said([analyze, "verify", "--man=no", str(unit)]).splitlines()
    return "\n".join(line for line in lines if unit.name in line)


def test_every_line_is_understood(program: Callable[[str], str], unit: Path) -> None:
    assert verified(program("systemd-analyze"), unit) == ""


@pytest.mark.parametrize(
    ("line", "broken"),
    [
        ("Restart=always", "Restart=allways"),
        ("WatchdogSec=30", "WatchdogSec=soon"),
        ("ProtectClock=yes", "ProtectClocks=yes"),
        ("SystemCallFilter=~@chown", "SystemCallFilter=~@chwon"),
    ],
)
def test_a_line_that_is_wrong_is_told(program: Callable[[str], str], unit: Path, line: str, broken: str) -> None:
    text = unit.read_text()
    assert line in text
    unit.write_text(text.replace(line, broken))
    assert verified(program("systemd-analyze"), unit) != ""


@pytest.mark.parametrize("name", ["networks", "control-groups"])
def test_every_line_of_a_drop_in_is_understood(
    program: Callable[[str], str], deploy: Path, unit: Path, name: str
) -> None:
    folder = unit.with_name("transcoder.service.d")
    folder.mkdir()
    (folder / f"{name}.conf").write_bytes((deploy / f"systemd/drop-ins/{name}.conf").read_bytes())
    assert said([program("systemd-analyze"), "verify", "--man=no", str(unit)]) == ""


def exposed(analyze: str, unit: Path) -> int:
    command = [analyze, "security", "--offline=true", f"--threshold={EXPOSURE}", str(unit)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode


def test_little_is_exposed(program: Callable[[str], str], unit: Path) -> None:
    assert exposed(program("systemd-analyze"), unit) == 0


@pytest.mark.parametrize("line", ["PrivateUsers=yes", "CapabilityBoundingSet=", "ProtectControlGroups=yes"])
def test_a_unit_without_a_line_exposes_more(program: Callable[[str], str], unit: Path, line: str) -> None:
    unit.write_text(unit.read_text().replace(f"\n{line}\n", "\n"))
    assert exposed(program("systemd-analyze"), unit) == 1


def test_whose_the_files_are(program: Callable[[str], str], deploy: Path, tmp_path: Path) -> None:
    for kind, folder in (("sysusers", "sysusers.d"), ("tmpfiles", "tmpfiles.d")):
        (tmp_path / "etc" / folder).mkdir(parents=True)
        (tmp_path / "etc" / folder / "transcoder.conf").write_bytes((deploy / f"systemd/{kind}.conf").read_bytes())
    secrets = tmp_path / "etc/transcoder/secrets"
    secrets.mkdir(parents=True)
    for path in (secrets / "vms", secrets.parent / "gateway.yaml"):
        path.write_text("x")
        path.chmod(0o644)
    assert said([program("systemd-sysusers"), f"--root={tmp_path}", "--dry-run"]).count("transcoder") > 0
    try:
        group = _group(program("systemd-sysusers"), tmp_path)
        assert said([program("systemd-tmpfiles"), f"--root={tmp_path}", "--create", "transcoder.conf"]) == ""
    except PermissionError:
        pytest.skip("only root makes users")
    found = {
        path.name: path.stat() for path in (secrets.parent, secrets, secrets / "vms", secrets.parent / "gateway.yaml")
    }
    assert {name: (oct(stat.st_mode & 0o7777), stat.st_gid) for name, stat in found.items()} == {
        "transcoder": ("0o750", group),
        "secrets": ("0o700", 0),
        "vms": ("0o600", 0),
        "gateway.yaml": ("0o640", group),
    }


def _group(sysusers: str, root: Path) -> int:
    """Make the users of a root folder; return the number of the gateway's group."""
    told = said([sysusers, f"--root={root}"])
    if "Operation not permitted" in told or "Permission denied" in told:
        raise PermissionError
    found = re.search(r"^transcoder:x:(\d+):", (root / "etc/group").read_text(), re.MULTILINE)
    assert found is not None, told
    return int(found[1])


def test_the_example_is_a_configuration(deploy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for name in ("vms", "front"):
        (tmp_path / f"secret_{name}").write_text("a password\n")
    config = load_file(deploy / "systemd/gateway.yaml").config
    assert config.sandbox == "required"
    assert config.open_files == "refuse"
    assert str(config.state_dir) == "/var/lib/transcoder"
    assert config.rtsp.users["vms"].password.get_secret_value() == "a password"


KEYS = {
    "net.core.rmem_max": sockets.RECEIVE_BUFFER,
    "net.core.wmem_max": reader_ports.UDP_SEND_BUFFER,
}


def settings(deploy: Path) -> dict[str, str]:
    lines = (deploy / "sysctl/90-transcoder.conf").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {key.strip().removeprefix("-"): value.strip() for key, value in pairs}


def test_the_kernel_gives_the_buffers_that_the_gateway_asks_for(deploy: Path) -> None:
    found = settings(deploy)
    assert {key: int(found[key]) for key in KEYS} == KEYS


def test_the_kernel_knows_every_key(program: Callable[[str], str], deploy: Path) -> None:
    known = said([program("sysctl"), "--all"])
    missing = {key for key in settings(deploy) if f"{key} = " not in known}
    assert missing <= {"kernel.unprivileged_userns_clone"}  # Debian's kernels alone have it


def test_the_template_is_the_unit_with_a_name(deploy: Path) -> None:
    """Several gateways on one machine differ in their configuration and state alone."""
    unit = (deploy / "systemd/transcoder.service").read_text(encoding="utf-8")
    template = (deploy / "systemd/transcoder@.service").read_text(encoding="utf-8")
    named = template.replace("/etc/transcoder/%i.yaml", "/etc/transcoder/gateway.yaml")
    named = named.replace("StateDirectory=transcoder/%i", "StateDirectory=transcoder")
    named = named.replace("Gateway %i that", "Gateway that")
    assert lines(named) == lines(unit)


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_every_line_of_the_template_is_understood(program: Callable[[str], str], deploy: Path, tmp_path: Path) -> None:
    text = (deploy / "systemd/transcoder@.service").read_text(encoding="utf-8")
    path = tmp_path / "transcoder@north.service"
    path.write_text(text.replace("ExecStart=/opt/transcoder/bin/transcoder", "ExecStart=/bin/true"))
    assert said([program("systemd-analyze"), "verify", "--man=no", str(path)]) == ""


@pytest.mark.parametrize(("cpus", "is_right"), [("0-7", True), ("0-7 16", True), ("seven", False)])
def test_what_a_plan_writes_about_processors_is_understood(
    program: Callable[[str], str], deploy: Path, tmp_path: Path, cpus: str, is_right: bool
) -> None:
    text = (deploy / "systemd/transcoder@.service").read_text(encoding="utf-8")
    unit = tmp_path / "transcoder@shard-02.service"
    unit.write_text(text.replace("ExecStart=/opt/transcoder/bin/transcoder", "ExecStart=/bin/true"))
    drop_in = tmp_path / drop_in_name("shard-02")
    drop_in.parent.mkdir()
    drop_in.write_text(drop_in_text("shard-02", cpus))
    analyze = program("systemd-analyze")
    assert (said([analyze, "verify", "--man=no", str(unit)]) == "") is is_right
    assert exposed(analyze, unit) == 0


def test_a_shard_of_a_plan_finds_its_state_where_the_template_lets_it(deploy: Path, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("state_dir: /var/lib/transcoder\n")
    path = tmp_path / "fleet.yaml"
    path.write_text("addresses: 192.0.2.1\nbase: base.yaml\nstreams: {front: {source: 'rtsp://10.0.0.2/'}}\n")
    (text,) = planned(path, None, tmp_path / "out", ()).files.values()
    (folder,) = re.findall(r"^StateDirectory=(.*)$", (deploy / "systemd/transcoder@.service").read_text(), re.MULTILINE)
    assert str(parse(text, tmp_path, {}).state_dir) == "/var/lib/" + folder.replace("%i", "shard-01")
