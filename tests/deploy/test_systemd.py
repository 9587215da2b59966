"""The service under a real systemd, in a bare Debian of its own: two simulated cameras, and the sandbox required."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.debian_tree import ENDS_WITH_US, NEEDED, descendants, machine, runs
from tests.support.plugin import excuse

pytestmark = [pytest.mark.long, pytest.mark.process, pytest.mark.alone, pytest.mark.timeout(1500)]

HERE = Path(__file__).parent
PATIENCE_S = 400
LANDLOCK = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
"""System calls that systemd-nspawn of Debian 12 keeps from its machine, where a real machine has them."""
CONFIGURATION = """
state_dir: /var/lib/transcoder
sandbox: required
open_files: refuse
rtsp: {listen: "0.0.0.0:8554", users: {vms: {password_file: "${CREDENTIALS_DIRECTORY}/secret_vms"}}}
http: {listen: "127.0.0.1:8080"}
streams:
  front:
    source:
      url: rtsp://127.0.0.1:9554/Streaming/Channels/101
      username: viewer
      password_file: ${CREDENTIALS_DIRECTORY}/secret_camera
  yard:
    source:
      url: rtsp://127.0.0.1:9555/cam/realmonitor?channel=1&subtype=0
      username: viewer
      password_file: ${CREDENTIALS_DIRECTORY}/secret_camera
"""
CAMERAS = """
[Service]
DynamicUser=yes
StateDirectory=cameras
ExecStart=/opt/transcoder/bin/python -m transcoder.lab.cameras --cameras 2 --vendor hikvision,dahua --port-base 9554 \\
  --width 640 --height 360 --fps 10 --seconds 4 --username viewer --password camera-password --cache /var/lib/cameras
"""
TRIAL = """
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/opt/transcoder/bin/python /trial/trial.py
[Install]
WantedBy=multi-user.target
"""


def furnish(root: Path, deploy: Path) -> None:
    """Install the service as docs/deploy.md says, with cameras and a trial beside it."""
    files = {
        "transcoder.service": "etc/systemd/system/transcoder.service",
        "sysusers.conf": "etc/sysusers.d/transcoder.conf",
        "tmpfiles.conf": "etc/tmpfiles.d/transcoder.conf",
        "transcoder-admin": "usr/local/sbin/transcoder-admin",
    }
    for name, target in files.items():
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(deploy / "systemd" / name, root / target)
    units = root / "etc/systemd/system"
    (units / "cameras.service").write_text(CAMERAS)
    (units / "trial.service").write_text(TRIAL)
    (units / "multi-user.target.wants").mkdir(exist_ok=True)
    (units / "multi-user.target.wants/trial.service").symlink_to("../trial.service")
    secrets = root / "etc/transcoder/secrets"
    secrets.mkdir(parents=True)
    (secrets / "vms").write_text("vms-password\n")
    (secrets / "camera").write_text("camera-password\n")
    (root / "etc/transcoder/gateway.yaml").write_text(CONFIGURATION)
    (root / "trial").mkdir()
    shutil.copy(HERE / "trial.py", root / "trial/trial.py")


def boot(root: Path) -> dict[str, Any]:
    """Boot a machine, and end it when it has its result."""
    options = [
        "--register=no",
        "--keep-unit",
        "--private-network",
        "--console=pipe",
        f"--system-call-filter={LANDLOCK}",
    ]
    with (root / "trial/console").open("wb") as console:
        booted = subprocess.Popen(
            [*ENDS_WITH_US, "systemd-nspawn", "--quiet", "-D", str(root), "--boot", *options],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
        )
        result, deadline = root / "trial/result.json", time.monotonic() + PATIENCE_S
        try:
            while not result.exists() and booted.poll() is None and time.monotonic() < deadline:
                time.sleep(0.5)
        finally:
            started = descendants(booted.pid)
            booted.send_signal(signal.SIGKILL)  # the machine dies with it; a halt does not return everywhere
            booted.wait(30)
            left = wait_for_the_end_of(started)
    assert left == set(), "processes of the machine are left"
    if not result.exists():
        pytest.fail(f"the machine had no result: {(root / 'trial/console').read_text(errors='replace')[-3000:]}")
    document: dict[str, Any] = json.loads(result.read_text())
    return document


def wait_for_the_end_of(pids: set[int]) -> set[int]:
    """Wait until processes have ended; return those that have not."""
    deadline = time.monotonic() + 10
    while (left := {pid for pid in pids if runs(pid)}) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


@pytest.fixture(scope="module")
def tried(deploy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    if os.geteuid() != 0 or lacking:
        pytest.skip(f"needs root and {', '.join(NEEDED)}: make deploy-check")
    with machine(tmp_path_factory.mktemp("machine")) as root:
        furnish(root, deploy)
        result = boot(root)
        assert "error" not in result, result
        yield result


def test_the_start_waits_until_it_is_ready(tried: dict[str, Any]) -> None:
    assert tried["start"] == ""
    assert "StatusText=2 of 2 enabled streams play" in tried["status"]
    assert "User=transcoder" in tried["status"]


def test_what_is_served_is_clean(tried: dict[str, Any]) -> None:
    assert [verdict["exit"] for verdict in [*tried["verified"], tried["verified again"]]] == [0, 0, 0], tried


def test_the_whole_sandbox_is_there(tried: dict[str, Any]) -> None:
    """Without it no worker would run, as the configuration requires it; a worker has a filter more than the service."""
    (service,), workers = tried["filters"]["transcoder"], tried["filters"]["tc:"]
    assert workers == [service + 1] * 2


def test_it_plays_again_soon_after_it_was_killed(tried: dict[str, Any]) -> None:
    if float(tried["load"]) > 2 * (os.cpu_count() or 1):
        excuse(f"the machine had a load of {tried['load']}")
        assert max(tried["plays_again_s"]) < 60
    else:
        assert min(tried["plays_again_s"]) < 5, tried["journal"]
    assert tried["after"].strip() == f"NRestarts={len(tried['plays_again_s'])}"


def test_a_service_that_stands_still_is_started_anew(tried: dict[str, Any]) -> None:
    assert tried["watchdog_s"] < 35  # WatchdogSec=30


def test_it_stops_when_it_is_told_to(tried: dict[str, Any]) -> None:
    assert tried["stop"] == ""
    assert tried["stop_s"] < 12
    assert "Result=success" in tried["ended"]


def test_operators_have_the_commands_of_the_service(tried: dict[str, Any]) -> None:
    said = tried["administered"]
    assert "valid, 2 streams" in said["check"]
    assert not tried["doctor"].startswith("failed"), tried["doctor"]
    assert not said["audit"].startswith("failed")
    assert said["is there"], said["backup"]


def test_a_unit_under_which_no_worker_works_is_never_ready(tried: dict[str, Any]) -> None:
    assert tried["under a wrong line"]["ready"] == 503
    assert "ActiveState=activating" in tried["under a wrong line"]["status"]
    assert "no worker can decode" in tried["under a wrong line"]["status"]
