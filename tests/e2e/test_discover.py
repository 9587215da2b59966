"""`transcoder discover` finds simulated cameras of six makers, as its user starts it."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import warm_start
from tests.support.cameras import SMALL
from tests.support.control_world import free_port
from tests.support.gateway_process import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]

MAKERS = {
    "127.0.0.51": ("hikvision", "Hikvision"),
    "127.0.0.52": ("dahua", "Dahua"),
    "127.0.0.53": ("uniview", "Uniview"),
    "127.0.0.54": ("h264dvr", "Xiongmai"),
    "127.0.0.55": ("tapo", "TP-Link"),
    "127.0.0.56": ("axis", "Axis"),
}


def test_six_makers(tmp_path: Path) -> None:
    port = free_port()
    written = tmp_path / "found.yaml"
    with ExitStack() as stack:
        for address, (family, _) in MAKERS.items():
            command = [*SMALL, "--cameras", "1", "--family", family]
            command += ["--host", address, "--port-base", str(port), "--cache", str(tmp_path / "cache")]
            # those that show what they are by their challenge want a login
            command += ["--password", "s3cr3t"] if family in {"dahua", "axis"} else []
            log = stack.enter_context((tmp_path / f"{family}.log").open("wb"))
            process = warm_start.start(command, log, program=warm_start.CAMERAS)
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
        logs = [tmp_path / f"{family}.log" for family, _ in MAKERS.values()]
        wait_for(lambda: all('"ready"' in log.read_text() for log in logs), 120, "the cameras are ready")
        command = ["discover", "--network", "127.0.0.48/28", "--ports", str(port), "--write", str(written), "--json"]
        done = warm_start.run(command, 60)
    assert done.returncode == 0, done.stderr
    found = {each["address"]: each["maker"] for each in json.loads(done.stdout)["devices"]}
    assert found == {address: maker for address, (_, maker) in MAKERS.items()}
    checked = warm_start.run(["check", str(written)], 60)
    assert checked.returncode == 0, checked.stderr
    assert "6 streams, 0 enabled" in checked.stdout
