"""The control world is a broker, cameras and a gateway as processes, and a client that controls the gateway by MQTT."""

import asyncio
import contextlib
import itertools
import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

import aiomqtt
import pytest
import yaml
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from typing_extensions import override

from tests.support import warm_start
from tests.support.gateway_process import START_S, wait_for
from tests.support.picture_readers import FfmpegReader
from tests.support.plugin import excuse
from tests.support.warm_start import WarmProcess

NODE = "gw1"
BASE = f"transcoder/{NODE}"
WIDTH, HEIGHT, FPS = 320, 180, 5


def free_port() -> int:
    """Return a port for a server that starts later, and again: outside of the range that the kernel gives to others."""
    while True:
        port = random.randrange(10_000, 32_768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Process:
    """Runs a process that can be killed and started again."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.command = command
        self.log = log
        self.process: subprocess.Popen[bytes] | WarmProcess | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = self.run_into(log)

    def run_into(self, log: IO[bytes]) -> subprocess.Popen[bytes] | WarmProcess:
        return subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @property
    def started(self) -> subprocess.Popen[bytes] | WarmProcess:
        assert self.process is not None
        return self.process

    def end(self, number: int) -> int:
        with contextlib.suppress(ProcessLookupError):
            self.started.send_signal(number)
        return self.started.wait(20)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Broker(Process):
    """Runs mosquitto, which keeps retained messages over SIGKILL only if it had the time to write them."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            pytest.skip("mosquitto is not installed")
        self.port = free_port()
        config = folder / "mosquitto.conf"
        # started by root, mosquitto would become another user, who may not read this folder
        user = f"user {pwd.getpwuid(os.getuid()).pw_name}\n"
        config.write_text(f"{user}listener {self.port} 127.0.0.1\n{extra or 'allow_anonymous true'}\n")
        super().__init__([program, "-c", str(config)], folder / "mosquitto.log")

    def start(self) -> None:
        super().start()
        wait_for(self._answers, 10, "mosquitto listens")

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Cameras(Process):
    """Runs simulated cameras, each on a port of its own."""

    def __init__(self, folder: Path, count: int, *arguments: str) -> None:
        self.urls: list[str] = []
        self._count = count
        command = ["--cameras", str(count), "--list", "--counter"]
        command += ["--width", str(WIDTH), "--height", str(HEIGHT), "--fps", str(FPS), "--seconds", "40"]
        command += ["--family", "hikvision", "--gop-s", "1", "--cache", str(folder.parent / "camera-cache"), *arguments]
        super().__init__(command, folder / "cameras.log")

    @override
    def run_into(self, log: IO[bytes]) -> WarmProcess:
        return warm_start.start(self.command, log, program=warm_start.CAMERAS)

    def start(self) -> None:
        super().start()
        self.urls = wait_for(self._ready, 90, "the cameras are ready")

    def _ready(self) -> list[str]:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        events = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        if not any(event.get("event") == "ready" for event in events):
            return []
        return [event["url"] for event in events if event.get("event") == "camera"]


class Gateway(Process):
    """Runs `transcoder run`.

    Attributes:
        limits: the values that constants of the product have in the gateway, by module and name, from its next start.
    """

    def __init__(self, folder: Path, numba: Path, broker: Broker | None, streams: dict[str, Any], **keys: Any) -> None:
        self.rtsp_port, self.http_port = free_port(), free_port()
        self.config = folder / "gateway.yaml"
        self.state_dir = folder / "state"
        self.state_dir.mkdir()
        numba.mkdir(exist_ok=True)
        (self.state_dir / "numba").symlink_to(numba)
        self.document: dict[str, Any] = {
            "node": NODE,
            "rtsp": {"listen": f"127.0.0.1:{self.rtsp_port}", "udp_ports": [0, 0]},
            "http": {"listen": f"127.0.0.1:{self.http_port}"},
            "defaults": {"video": {"bitrate_kbps": 500, "preset": "ultrafast"}},
            "streams": streams,
            **({"mqtt": {"url": f"mqtt://127.0.0.1:{broker.port}"}} if broker is not None else {}),
            **keys,
        }
        self.limits: dict[str, float] = {}
        self.write()
        super().__init__(["run", str(self.config), "--log-json"], folder / "gateway.log")

    @override
    def run_into(self, log: IO[bytes]) -> WarmProcess:
        return warm_start.start(self.command, log, limits=self.limits)

    def write(self) -> None:
        self.config.write_text(yaml.safe_dump(self.document))

    def start(self) -> None:
        super().start()
        wait_for(self.is_ready, START_S, "the gateway is ready")

    def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            return self.http("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def url(self, stream: str) -> str:
        return f"rtsp://127.0.0.1:{self.rtsp_port}/{stream}"

    def picture_reader(self, stream: str, folder: Path, transport: str = "tcp") -> FfmpegReader:
        """Return a reader of a stream of these cameras."""
        return FfmpegReader(self.url(stream), (WIDTH, HEIGHT), transport, folder)

    def http(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        data = json.dumps(body).encode() if body is not None else None
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is not None:
            given.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}", data, given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # http:// above
                return answer.status, dict(answer.headers), _decoded(answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), _decoded(error.headers, error.read())

    def stream(self, stream: str) -> dict[str, Any]:
        status, _, document = self.http("GET", f"/api/v1/streams/{stream}")
        assert status == 200, document
        return document

    def streams(self) -> dict[str, dict[str, Any]]:
        return {item["id"]: item for item in self.http("GET", "/api/v1/streams")[2]["streams"]}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command of the command line, on the same file."""
        return warm_start.run([*arguments, str(self.config)], 60)


def _decoded(headers: Any, body: bytes) -> Any:
    return json.loads(body) if body and "json" in headers.get("Content-Type", "") else body


class Client:
    """Controls the gateway over MQTT 5, with request and response."""

    def __init__(self, port: int) -> None:
        self._mqtt = aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5, timeout=5)
        self._reply = f"{BASE}/reply/{os.urandom(4).hex()}"
        self._numbers = itertools.count(1)
        self._waiting: dict[bytes, asyncio.Future[dict[str, Any]]] = {}

    async def __aenter__(self) -> Self:
        await self._mqtt.__aenter__()
        await self._mqtt.subscribe(self._reply, qos=1)
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(aiomqtt.MqttError):
            await self._mqtt.__aexit__(None, None, None)

    async def _listen(self) -> None:
        async for message in self._mqtt.messages:
            answered: Any = message.properties
            waiting = self._waiting.pop(answered.CorrelationData, None)
            if waiting is not None:
                waiting.set_result(json.loads(message.payload))

    async def request(self, topic: str, payload: str | dict[str, Any] = "", timeout_s: float = 10) -> dict[str, Any]:
        """Publish a message below the gateway's tree, and return the answer.

        Raises:
            TimeoutError: no answer came; the gateway may have carried out the request all the same.
            aiomqtt.MqttError: the broker is gone.
        """
        properties: Any = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic = self._reply
        properties.CorrelationData = str(next(self._numbers)).encode()
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[properties.CorrelationData] = answer
        text = payload if isinstance(payload, str) else json.dumps(payload)
        text = text or ("{}" if topic.startswith("cmd/") else "")
        await self._mqtt.publish(f"{BASE}/{topic}", text, qos=1, properties=properties)
        async with asyncio.timeout(timeout_s):
            return await answer


class Listener:
    """Keeps all messages on the broker, until the broker goes away."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.messages: list[tuple[str, bytes, bool]] = []
        self.retained: dict[str, bytes] = {}

    async def __aenter__(self) -> Self:
        self._ready = asyncio.Event()
        self._task = asyncio.create_task(self._listen())
        await asyncio.wait_for(self._ready.wait(), 10)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                async with aiomqtt.Client("127.0.0.1", self._port, timeout=5) as client:
                    await client.subscribe("#", qos=1)
                    self._ready.set()
                    async for message in client.messages:
                        payload = message.payload if isinstance(message.payload, bytes) else b""
                        self.messages.append((str(message.topic), payload, bool(message.retain)))
                        self.retained[str(message.topic)] = payload
            except (aiomqtt.MqttError, OSError):
                await asyncio.sleep(0.2)

    async def wait_for(self, topic: str, *payloads: bytes, timeout_s: float = 15) -> None:
        """Wait until the last message of a topic is one of these."""
        deadline = time.monotonic() + timeout_s
        while self.retained.get(topic) not in payloads:
            assert time.monotonic() < deadline, f"{topic}: {self.retained.get(topic)!r}, not {payloads!r}"
            await asyncio.sleep(0.02)


PLAYING = (b"online", b"degraded")
"""The status of a stream whose readers get pictures; "degraded" where this machine has no time for all pictures."""


@contextlib.contextmanager
def running(*processes: Process) -> Iterator[None]:
    """Start processes in this order, and end them in the other order."""
    started: list[Process] = []
    try:
        for process in processes:
            process.start()
            started.append(process)
        yield
    finally:
        for process in reversed(started):
            process.close()


KILL = int(signal.SIGKILL)


async def wait_until_playing(gateway: Gateway, *streams: str) -> None:
    """Wait until pictures of these streams are served."""
    for stream in streams:
        for _ in range(600):
            state = (await asyncio.to_thread(gateway.stream, stream))["state"]
            if state["status"] in {"online", "degraded"}:
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError(state)


def is_gapless(counters: list[int]) -> bool:
    """Return whether each picture came once and in order; the camera's footage begins again at 0."""
    steps = {later - earlier for earlier, later in itertools.pairwise(counters)}
    return steps <= {1, 1 - 40 * FPS}


def was_overloaded(gateway: Gateway) -> bool:
    """Return whether the machine had no time for all pictures: some were left out on purpose, which proves nothing."""
    overloaded = "overloaded: some pictures are left out" in gateway.log.read_text()
    if overloaded:
        excuse("the gateway left out pictures")
    return overloaded
