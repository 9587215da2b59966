"""The gateway where every measure of the sandbox is required: it runs, or says which one is missing."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.support.gateway_process import GatewayProcess, wait_for
from transcoder.exit_codes import USAGE

pytestmark = pytest.mark.e2e

FORBIDDEN = """
import os, sys
import pyseccomp as seccomp
rules = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
rules.add_rule(seccomp.ERRNO(1), "clone", seccomp.Arg(0, seccomp.MASKED_EQ, 0x10000000, 0x10000000))
rules.load()
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""A container's filter refuses user namespaces so."""


def test_without_user_namespaces_it_does_not_run_and_says_what_helps(tmp_path: Path, state_dir: Path) -> None:
    config = tmp_path / "gateway.yaml"
    document = {"rtsp": {"listen": "127.0.0.1:0", "udp_ports": [0, 0]}, "sandbox": "required", "streams": {}}
    config.write_text(yaml.safe_dump({**document, "state_dir": str(state_dir)}))
    command = [sys.executable, "-c", FORBIDDEN, "-m", "transcoder", "run", str(config)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == USAGE, ended.stderr
    [line] = [line for line in ended.stderr.splitlines() if line.strip().startswith("user namespace:")]
    assert "user.max_user_namespaces" in line


def test_what_is_in_force_stands_in_the_info_of_the_gateway(start_gateway: Callable[..., GatewayProcess]) -> None:
    gateway = start_gateway({})
    wait_for(lambda: gateway.events("sandbox of the workers"), 10, "the sandbox was tried")
    [logged] = gateway.events("sandbox of the workers")
    [api] = gateway.events("HTTP API")
    with urllib.request.urlopen(f"{api['url'].rstrip('/')}/api/v1/info", timeout=10) as answer:  # noqa: S310  # our own
        told = json.load(answer)["sandbox"]
    assert told == {"mode": "best_effort", "in_force": logged["in_force"], "missing": logged["missing"]}
    assert {"system calls", "no new privileges"} <= set(told["in_force"])
