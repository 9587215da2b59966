"""This module runs `transcoder run` as a process of its own, with its log and its children in view."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
import yaml

from tests.support import warm_start
from tests.support.plugin import excuse

START_S = 90.0
"""Seconds within which a gateway has to start: the first start compiles the kernels."""
SLACK_S = 1.0
"""Seconds that a shared machine may add to a deadline of the product."""

CONSOLE_SCRIPT = (str(Path(sys.executable).parent / "transcoder"),)
MODULE = (sys.executable, "-m", "transcoder")


def wait_for(condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Wait until a condition returns a true value, and return it; half of the time at most goes into asking."""
    deadline = time.monotonic() + timeout_s
    while True:
        asked = time.monotonic()
        found = condition()
        if found:
            return found
        now = time.monotonic()
        assert now < deadline, f"{what}: not in {timeout_s:g} s"
        time.sleep(max(now - asked, 0.02))


def process_name(pid: int) -> str:
    """Return a process's name as ps shows it; empty for a process that is gone or waits to be reaped."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    name, _, rest = text.partition("(")[2].rpartition(")")
    return "" if rest.split()[0] in {"Z", "X"} else name


def children(pid: int) -> list[int]:
    """Return the children of all threads of a process."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    except OSError:
        return []
    return found


def _ask(method: str, url: str, document: dict[str, Any] | None = None) -> None:
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310  # of our own gateway
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310  # of our own gateway
        pass


def own_state(folder: Path, shared: Path) -> Path:
    """Make a folder for the state of a gateway, which finds the kernels of a shared one there."""
    own = folder / "state"
    own.mkdir(parents=True, exist_ok=True)
    if not (own / "numba").exists():
        (own / "numba").symlink_to(shared / "numba")
    return own


class GatewayProcess:
    """Holds a running gateway.

    Args:
        folder: the folder that gets the configuration and the log.
        state_dir: the folder whose compiled kernels all gateways of a test run share; whatever else a gateway keeps is
            its own.
        streams: the streams as in the configuration.
        rtsp: further keys of the configuration's section `rtsp`.
        worker: keys of the configuration's section `worker`.
        command: the command that starts the gateway, instead of a process that has imported it already.
        environment: the variables that are added to this process's.
        sections: further sections of the configuration.
    """

    def __init__(
        self,
        folder: Path,
        state_dir: Path,
        streams: dict[str, Any],
        *,
        rtsp: dict[str, Any] | None = None,
        worker: dict[str, Any] | None = None,
        command: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
        sections: dict[str, Any] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._is_split = bool((worker or {}).get("split"))
        self.log_path = folder / "gateway.log"
        config = folder / "gateway.yaml"
        document = {
            "rtsp": {"listen": "127.0.0.1:0", "udp_ports": [0, 0], **(rtsp or {})},
            "http": {"listen": "127.0.0.1:0"},
            "worker": worker or {},
            "state_dir": str(own_state(folder, state_dir)),
            "streams": streams,
            **(sections or {}),
        }
        config.write_text(yaml.safe_dump(document))
        self._command = command
        self._arguments = ["run", str(config), "--log-json", "--log-level", "debug"]
        self._environment = {**os.environ, **(environment or {})}
        self.process: subprocess.Popen[bytes] | warm_start.WarmProcess | None = None
        self.base = ""
        self._log_from = 0
        self._api_url = ""

    def __enter__(self) -> Self:
        with self.log_path.open("wb") as log:
            if self._command:
                command = [*self._command, *self._arguments]
                self.process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
                )
            else:
                self.process = warm_start.start(self._arguments, log, self._environment)
        try:
            self.base = wait_for(self._listening, START_S, "the gateway listens")["url"].rstrip("/")
            wait_for(lambda: self.events("fork server ready"), START_S, "the fork server is ready")
            wait_for(lambda: self.process_named("tc-stopgap") is None, START_S, "the one for slates is gone")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15.0)
            finally:
                self.process.kill()

    def _listening(self) -> dict[str, Any] | None:
        assert self.process is not None
        assert self.process.poll() is None, self.log_path.read_text()
        events = self.events("listening")
        return events[0] if events else None

    def url(self, stream: str) -> str:
        return f"{self.base}/{stream}"

    @contextmanager
    def serving(self, stream: str, keys: dict[str, Any]) -> Iterator[None]:
        """Add a stream over HTTP and remove it at the end; in the block the log begins with the stream."""
        base = self._api
        self._log_from = self.log_path.stat().st_size
        try:
            _ask("POST", f"{base}/api/v1/streams", {"id": stream, **keys})
            yield
        finally:
            self._log_from = 0
            _ask("DELETE", f"{base}/api/v1/streams/{stream}")

    @property
    def _api(self) -> str:
        """The URL of the HTTP API, which the log tells at the start."""
        if not self._api_url:
            lines = map(json.loads, self.log_path.read_text().splitlines())
            self._api_url = next(line["url"] for line in lines if line["event"] == "HTTP API").rstrip("/")
        return self._api_url

    def change(self, stream: str, keys: dict[str, Any]) -> None:
        """Change some keys of a stream over HTTP."""
        _ask("PATCH", f"{self._api}/api/v1/streams/{stream}", keys)

    def log(self) -> list[dict[str, Any]]:
        events = []
        for line in self.log_path.read_bytes()[self._log_from :].decode().splitlines():
            try:
                events.append(json.loads(line))
            except ValueError:
                continue
        return events

    def events(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.log() if event["event"] == name]

    def skip_if_overloaded(self) -> None:
        """Skip the test where the gateway left out pictures, as its log says, because others keep this machine busy."""
        events = self.events("overloaded: some pictures are left out")
        load = os.getloadavg()[0]
        if events and load > 2 * (os.cpu_count() or 1):
            reason = f"this machine is overloaded (load {load:.0f}): the gateway left out pictures"
            excuse(reason)
            pytest.skip(reason)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def process_named(self, name: str) -> int | None:
        """Return the first of the gateway's children with a name, None where there is none."""
        return next((pid for pid in children(self.pid) if process_name(pid) == name), None)

    def fork_servers(self) -> list[int]:
        """Return the fork servers; there are several while workers of a fork server that hangs live."""
        return [pid for pid in children(self.pid) if process_name(pid) == "tc-forkserver"]

    def fork_server(self) -> int | None:
        named = self.fork_servers()
        return named[0] if named else None

    def workers(self) -> dict[str, int]:
        """Return the process ids of the workers, by the part of the stream's name that ps shows."""
        pids = [pid for server in self.fork_servers() for pid in children(server)]
        named = ((process_name(pid), pid) for pid in pids)
        return {name.removeprefix("tc:"): pid for name, pid in named if name.startswith("tc:")}

    def decoding_process(self, stream: str) -> int | None:
        """Return the process id of a stream's decoding process, None where there is none."""
        pids = [pid for server in self.fork_servers() for pid in children(server)]
        return next((pid for pid in pids if process_name(pid) == f"td:{stream[:12]}"), None)

    def worker(self, stream: str) -> int | None:
        """Return the process id of a stream's worker, None where there is no worker."""
        return self.workers().get(stream[:12])

    def decoder(self, stream: str) -> int | None:
        """Return the process id of the process that reads a stream's camera bytes, whether or not the work is split."""
        return self.decoding_process(stream) if self._is_split else self.worker(stream)

    def wait_for_worker(self, stream: str, timeout_s: float, *, other_than: int | None = None) -> int:
        def found() -> int | None:
            pid = self.worker(stream)
            return pid if pid != other_than else None

        return int(wait_for(found, timeout_s, f"a worker of {stream}"))

    def wait_until_playing(self, *streams: str, timeout_s: float = 30.0) -> None:
        """Wait until these streams show their cameras: on a busy machine, a reader that comes sooner gets a slate."""

        def is_playing() -> bool:
            return set(streams) <= {event["stream"] for event in self.events("plays")}

        wait_for(is_playing, timeout_s, f"{', '.join(streams)} play")

    def wait_for_briefed_worker(self, stream: str, timeout_s: float, *, other_than: int | None = None) -> int:
        """Wait for a worker that was given the current group of pictures; before that, none of them can kill it."""

        def found() -> int | None:
            with urllib.request.urlopen(f"{self._api}/api/v1/streams/{stream}", timeout=30) as answer:  # noqa: S310  # of our own gateway
                pid = json.load(answer)["state"]["worker"]["pid"]
            return pid if pid != other_than else None

        return int(wait_for(found, timeout_s, f"a worker of {stream} that has pictures"))

    def processes(self) -> list[int]:
        """Return the ids of all processes that belong to the gateway."""
        found = [self.pid]
        for pid in found:
            found += children(pid)
        return found

    def terminate(self, timeout_s: float = 12.0) -> int:
        """Send SIGTERM, and return the gateway's exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)
