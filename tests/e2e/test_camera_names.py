"""Names of cameras with several addresses, of which one answers, behind one gateway: each plays, none waits long."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_defects import DefectiveCamera, simulator
from tests.support.gateway_process import GatewayProcess, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("patience")]

HOLE = "127.0.0.3"
"""An address whose handshakes are never answered, on the camera's port."""
MUTE = "127.0.0.4"
"""An address that takes connections and answers nothing, on the camera's port."""
NAMES = {
    "refuses.example": ["::1", "127.0.0.1"],
    "says-nothing.example": [HOLE, "127.0.0.1"],
    "both.example": ["::1", HOLE, "127.0.0.1"],
    "none.example": ["::1", HOLE],
    "mute.example": [MUTE, "127.0.0.1"],
}
CHANNELS = 5
"""Streams of the name whose first address says nothing: each waits a quarter of a second for that address."""
PATCHED = """
import sys
from transcoder.net import names
NAMES = {names!r}
real = names._getaddrinfo
async def getaddrinfo(host, port):
    if host not in NAMES:
        return await real(host, port)
    return [(None, None, 6, "", (address, port)) for address in NAMES[host]]
names._getaddrinfo = getaddrinfo
from transcoder.cli.main import main
main()
"""
"""The gateway with a resolver of ours: tests leave the machine's file of hosts alone."""


@contextlib.contextmanager
def hole(port: int) -> Iterator[None]:
    """Fill the queue of a listener that takes nobody in: Linux drops what comes then (listen(2))."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOLE, port))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex((HOLE, port))
        time.sleep(0.1)
        probe = stack.enter_context(socket.socket())
        probe.settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            probe.connect((HOLE, port))
            pytest.skip("this system takes connections in that nobody accepts")
        yield


def test_each_address_is_tried(tmp_path: Path, state_dir: Path) -> None:
    with simulator({"camera": DefectiveCamera("longse")}, tmp_path / "content") as (described,):
        port = int(described["url"].rpartition(":")[2].partition("/")[0])
        urls = {name.partition(".")[0]: described["url"].replace("127.0.0.1", name) for name in NAMES}
        streams = {name: {"source": url} for name, url in urls.items()}
        streams |= {f"channel{number}": {"source": urls["says-nothing"]} for number in range(CHANNELS)}
        streams["mute"]["source"] = {"url": urls["mute"], "timeouts": {"reply_s": 1}}
        streams["none"]["source"] = {"url": urls["none"], "timeouts": {"connect_s": 2}}
        command = (sys.executable, "-c", PATCHED.replace("{names!r}", repr(NAMES)))
        with (
            hole(port),
            socket.create_server((MUTE, port)),
            GatewayProcess(tmp_path / "gateway", state_dir, streams, command=command) as gateway,
        ):
            began = time.monotonic()
            alive = set(streams) - {"none"}
            wait_for(lambda: alive <= {event["stream"] for event in gateway.events("source connected")}, 15, "all play")
            assert time.monotonic() - began < 15
            read = ["ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", gateway.url("both"), "-frames:v", "5"]
            subprocess.run([*read, "-f", "null", "-"], check=True, timeout=30, stdin=subprocess.DEVNULL)
            told = wait_for(
                lambda: [e for e in gateway.events("source lost") if e["stream"] == "none"], 20, "it is told"
            )
            assert "no connection to port" in told[0]["reason"]
            assert {event["stream"] for event in gateway.events("source lost")} == {"none", "mute"}
            assert not [event for event in gateway.events("source connected") if event["stream"] == "none"]
