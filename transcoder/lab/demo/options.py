"""This module holds the options of a demo and checks them before anything is started."""

import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from transcoder.config import Config
from transcoder.errors import ConfigError

HOST = "127.0.0.1"
OWN_STREAM = "source"
"""Name of the stream of the user's own URL."""
MAX_CAMERAS = 100
MAX_SECONDS = 7 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """Holds the options of a demo.

    Attributes:
        cameras: number of simulated cameras.
        seconds: seconds for which the streams are watched, from the first moment at which all play.
        source: a file that the cameras show, or an rtsp:// URL that is one more stream.
        vendor: family of all cameras, or "mixed".
        settings: `name=value` switches of all cameras.
        port: port of the RTSP listener; 0: any.
        json: whether standard output carries the verdict as one JSON object, and nothing else.
    """

    cameras: int = 4
    seconds: float = 30.0
    source: str | None = None
    vendor: str = "mixed"
    settings: tuple[str, ...] = ()
    port: int = 0
    json: bool = False

    @property
    def source_url(self) -> str | None:
        """Return the source if it is a URL."""
        return self.source if self.source is not None and "://" in self.source else None

    @property
    def source_file(self) -> Path | None:
        """Return the source if it is a file."""
        return Path(self.source) if self.source is not None and "://" not in self.source else None

    def check(self) -> None:
        """Find the problems that would make the demo fail, before anything is started.

        Raises:
            ConfigError: every problem, one line each.
        """
        problems = []
        least = 0 if self.source_url else 1
        if not least <= self.cameras <= MAX_CAMERAS:
            problems.append(f"--cameras: {self.cameras} is not {least} to {MAX_CAMERAS}")
        if not 0 < self.seconds <= MAX_SECONDS:
            problems.append(f"--seconds: {self.seconds:g} is not more than 0 and at most {MAX_SECONDS:g}")
        problems += self._source_problems()
        if not 0 <= self.port <= 65_535:
            problems.append(f"--port: {self.port} is not 0 to 65535")
        elif self.port and (problem := _port_problem(self.port)):
            problems.append(f"--port: {self.port}: {problem}")
        if problems:
            raise ConfigError(problems)

    def _source_problems(self) -> list[str]:
        if self.source_file is not None:
            try:
                with self.source_file.open("rb") as file:
                    file.read(1)
            except OSError as error:
                return [f"--source: {self.source}: {error.strerror or error}"]
        elif self.source_url is not None and not self.source_url.lower().startswith("rtsp://"):
            return ["--source: a URL must begin with rtsp://"]
        elif self.source_url is not None:
            try:
                configuration(self, {OWN_STREAM: self.source_url}, Path())
            except ConfigError as error:
                return error.problems
        return []


def _port_problem(port: int) -> str:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return ""


def state_dir() -> Path:
    """Choose the folder that keeps compiled kernels between demos: the user's cache folder, or a temporary one."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "transcoder" / "demo"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="transcoder-demo-"))


def configuration(options: DemoOptions, sources: dict[str, str], state: Path, *, is_contained: bool = False) -> Config:
    """Make the gateway's configuration, as a file with nothing but streams would give it, on a port of its own.

    Args:
        options: options of the demo.
        sources: camera URLs by stream name.
        state: folder for the files that the gateway keeps.
        is_contained: whether this machine allows every measure of the workers' sandbox, which is then required.

    Raises:
        ConfigError: a source's URL can't be used.
    """
    values = {
        "rtsp": {"listen": f"{HOST}:{options.port}", "udp_ports": [0, 0]},
        "state_dir": state,
        "sandbox": "required" if is_contained else "best_effort",
        "streams": {name: {"source": url} for name, url in sources.items()},
    }
    # its cameras are on loopback; the user typed --source in, so that no list of networks has to allow it
    values["sources"] = {"allow": ["0.0.0.0/0", "::/0"] if options.source_url else ["127.0.0.0/8", "::1/128"]}
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        problems = [f"--source: {item['msg'].removeprefix('Value error, ')}" for item in error.errors()]
        raise ConfigError(list(dict.fromkeys(problems))) from None
