"""What is tried in a machine of its own: it starts the service, kills it, and stops it. Its result is a JSON document.

This program is run by the machine's own Python, in the machine: it imports nothing of the product or the tests.
"""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

RESULT = Path("/trial/result.json")
API = "http://127.0.0.1:8080"
BIN = "/opt/transcoder/bin"
CONFIG = "/etc/transcoder/gateway.yaml"
PATIENCE_S = 120
SOON_S = 5


def call(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return (
        f"{done.stdout}{done.stderr}"
        if done.returncode == 0
        else f"failed {done.returncode}: {done.stdout}{done.stderr}"
    )


def until(met: Callable[[], bool], patience_s: float) -> float:
    """Wait until a condition is met; return how long that took."""
    began = time.monotonic()
    while not met():
        if time.monotonic() - began > patience_s:
            raise TimeoutError(str(met))
        time.sleep(0.05)
    return round(time.monotonic() - began, 2)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def plays() -> bool:
    """Say whether readers of both streams get their cameras' pictures."""
    try:
        with urllib.request.urlopen(f"{API}/metrics", timeout=1) as answer:  # noqa: S310  # a URL of our own
            lines = answer.read().decode().splitlines()
    except OSError:
        return False
    return sum(line.startswith("transcoder_stream_up{") and line.endswith(" 1.0") for line in lines) == 2


def verified(stream: str) -> dict[str, object]:
    command = [f"{BIN}/transcoder", "verify", "--username", "vms", "--seconds", "8", "--json"]
    done = subprocess.run(
        [*command, f"rtsp://127.0.0.1:8554/{stream}"],
        capture_output=True,
        text=True,
        env={"TRANSCODER_PASSWORD": "vms-password"},
        timeout=PATIENCE_S,
        check=False,
    )
    return {"exit": done.returncode, "said": (done.stdout + done.stderr)[-3000:]}


def filters(name: str) -> list[int]:
    """Return how many filters of system calls the processes of a name have."""
    counts = []
    for status in Path("/proc").glob("[0-9]*/status"):
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        if fields["Name"].strip().startswith(name):
            counts.append(int(fields["Seccomp_filters"]))
    return sorted(counts)


def trial() -> dict[str, object]:
    result: dict[str, object] = {}
    call("systemctl", "start", "cameras")
    until(lambda: listens(9554) and listens(9555), PATIENCE_S)
    result["doctor"] = call("transcoder-admin", "doctor", CONFIG)  # before the ports are taken
    began = time.monotonic()
    result["start"] = call("systemctl", "start", "transcoder")
    result["ready_s"] = round(time.monotonic() - began, 2)
    result["plays_s"] = until(plays, 30)
    result["verified"] = [verified(stream) for stream in ("front", "yard")]
    result["status"] = call("systemctl", "show", "--property=StatusText,NRestarts,User", "transcoder")
    result["filters"] = {name: filters(name) for name in ("transcoder", "tc:")}
    result["load"] = Path("/proc/loadavg").read_text().split()[0]
    result["administered"] = administered()
    result["plays_again_s"] = killed()
    result["verified again"] = verified("front")
    result["after"] = call("systemctl", "show", "--property=NRestarts", "transcoder")
    call("systemctl", "kill", "--kill-whom=main", "-s", "STOP", "transcoder")
    result["watchdog_s"] = until(lambda: "watchdog" in call("systemctl", "show", "--property=Result", "transcoder"), 60)
    result["plays_after_watchdog_s"] = until(plays, 60)
    began = time.monotonic()
    result["stop"] = call("systemctl", "stop", "transcoder")
    result["stop_s"] = round(time.monotonic() - began, 2)
    result["ended"] = call("systemctl", "show", "--property=Result,ActiveState", "transcoder")
    result["under a wrong line"] = under_a_wrong_line()
    return result


def killed() -> list[float]:
    """Kill every process of the service; return after how many seconds it played again, for each time it was done.

    Where there is no second version of control groups, the kernel does not tell a systemd in a container that a group
    is empty: if the last process ends at the wrong moment, systemd waits for the whole of TimeoutStopSec. Then another
    try shows what the service does.
    """
    tries = 1 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 3
    seconds: list[float] = []
    while len(seconds) < tries and (not seconds or seconds[-1] >= SOON_S):
        call("systemctl", "kill", "-s", "KILL", "transcoder")
        seconds.append(until(plays, 60))
    return seconds


def administered() -> dict[str, object]:
    """Use the commands for operators beside the running service; the configuration is that of the service."""
    backup = "/var/lib/transcoder/gateway.backup"
    commands = {"check": ["check", CONFIG], "backup": ["backup", CONFIG, backup], "audit": ["audit", "verify", CONFIG]}
    said = {name: call("transcoder-admin", *words) for name, words in commands.items()}
    return {**said, "is there": Path(backup).exists()}


def under_a_wrong_line() -> dict[str, object]:
    """Start the service where each worker is refused a call that it needs, so that no stream can play."""
    drop_in = Path("/run/systemd/system/transcoder.service.d/wrong.conf")
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    drop_in.write_text("[Service]\nSystemCallFilter=~@resources\nTimeoutStartSec=120\nRestart=no\n")
    call("systemctl", "daemon-reload")
    call("systemctl", "start", "--no-block", "transcoder")
    until(lambda: "no worker can decode" in call("systemctl", "show", "--property=StatusText", "transcoder"), 100)
    try:
        with urllib.request.urlopen(f"{API}/readyz", timeout=5) as answer:  # noqa: S310  # a URL of our own
            ready = answer.status
    except urllib.error.HTTPError as error:
        ready = error.code
    status = call("systemctl", "show", "--property=ActiveState,StatusText", "transcoder")
    return {"ready": ready, "status": status}


def main() -> int:
    try:
        result = trial()
    except Exception as error:  # noqa: BLE001  # whatever it is, the test has to see it
        result = {"error": repr(error)}
    result["journal"] = call("journalctl", "--no-pager", "-u", "transcoder", "-u", "cameras", "-o", "cat")[-30_000:]
    RESULT.with_suffix(".part").write_text(json.dumps(result))
    RESULT.with_suffix(".part").rename(RESULT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
