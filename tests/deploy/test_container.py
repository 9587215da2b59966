"""The image: built on a bare Debian without a network, run by nobody without rights on a read-only file system."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.debian_tree import bare, product_wheel, run, wheelhouse

pytestmark = [pytest.mark.long, pytest.mark.process, pytest.mark.alone, pytest.mark.timeout(1500)]

ROOT = Path(__file__).parents[2]
NEEDED = ("mmdebstrap", "buildah", "podman", "runc")
BASE, IMAGE = "localhost/transcoder-base", "localhost/transcoder-test"
STATE = "transcoder-test-state"
"""A volume; it belongs to the user of the image, as a folder of the host would not."""
PERMITTED = {"own user", "control group"}
"""Measures that a container of one user without rights can't have, and that others stand in for."""


class Engine:
    """Podman with a storage of its own."""

    def __init__(self, folder: Path) -> None:
        self.storage = ["--storage-driver", "vfs", "--root", str(folder / "storage"), "--runroot", str(folder / "run")]

    def podman(self, *arguments: str) -> list[str]:
        return ["podman", *self.storage, "--cgroup-manager", "cgroupfs", "--runtime", "runc", *arguments]

    def contained(self, *options: str) -> list[str]:
        """Return the options of docs/deploy.md, and limits that this machine lets a container have."""
        rights = ["--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"]
        folders = ["--tmpfs", "/tmp:rw,mode=1777", "--volume", f"{STATE}:/var/lib/transcoder"]
        limits = ["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096", "--network", "host"]
        return self.podman("run", "--rm", *rights, *folders, *limits, *options, IMAGE)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    if os.geteuid() != 0 or lacking:
        pytest.skip(f"needs root and {', '.join(lacking or NEEDED)}: make deploy-check")
    folder = tmp_path_factory.mktemp("engine")
    made = Engine(folder)
    wheels = wheelhouse(product_wheel(folder))
    run(*made.podman("import", "--quiet", str(bare()), BASE))
    try:
        options = ["--isolation", "chroot", "--volume", f"{wheels}:/wheels:ro", "--build-arg", f"BASE={BASE}"]
        offline = ["--build-arg", "PIP_NO_INDEX=1", "--build-arg", "PIP_FIND_LINKS=/wheels"]
        recipe = ["-f", str(ROOT / "deploy/container/Containerfile"), "-t", IMAGE, str(ROOT)]
        run("buildah", *made.storage, "bud", "--quiet", *options, *offline, *recipe)
        yield made
    finally:
        run(*made.podman("volume", "rm", "--force", STATE))
        run(*made.podman("rmi", "--all", "--force"))


def test_it_runs_as_nobody_and_can_write_nowhere_else(engine: Engine) -> None:
    shown = json.loads(run(*engine.podman("image", "inspect", IMAGE)))[0]["Config"]
    assert shown["User"] == "10001:10001"
    look = "id -u; grep CapBnd /proc/self/status; touch /opt/transcoder/x /etc/x"
    command = engine.contained("--entrypoint", "sh")
    done = subprocess.run([*command, "-c", look], capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout.split() == ["10001", "CapBnd:", "0000000000000000"]
    assert done.stderr.count("Read-only file system") == 2


def test_the_demo_is_clean(engine: Engine) -> None:
    said = run(*engine.contained(), "demo", "--cameras", "1", "--seconds", "10")
    assert "verdict: clean" in said


def test_the_sandbox_is_whole(engine: Engine) -> None:
    done = subprocess.run(
        [*engine.contained(), "doctor", "--json"], capture_output=True, text=True, timeout=200, check=False
    )
    findings: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    measures = {each["check"].removeprefix("measure "): each for each in findings if "measure" in each["check"]}
    assert len(measures) > 10
    assert {name for name, each in measures.items() if each["level"] != "ok"} <= PERMITTED


def test_it_is_ready_with_the_sandbox_required_and_stops_at_once(engine: Engine, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    config = tmp_path / "gateway.yaml"
    config.write_text(
        f"state_dir: /var/lib/transcoder\nsandbox: required\nhttp: {{listen: '127.0.0.1:{port}'}}\n"
        "rtsp: {listen: '127.0.0.1:0', udp_ports: [0, 0]}\nstreams: {}\n"
    )
    command = engine.contained("--volume", f"{config}:/etc/transcoder/gateway.yaml:ro", "--name", "transcoder-test")
    said = tmp_path / "said"  # no pipe: podman leaves a process behind that holds it open for a while
    with said.open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as running:
        deadline, status = time.monotonic() + 120, 0
        while status != 200 and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.5)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                    status = answer.status
            except urllib.error.HTTPError as error:
                status = error.code
            except OSError:
                continue
        run(*engine.podman("stop", "--time", "15", "--ignore", "transcoder-test"))
        running.wait(90)
    assert status == 200, said.read_text()
    assert running.returncode == 0, said.read_text()
