"""A camera that writes a serial number wherever it may: pages, metrics, MQTT and the log of a gateway are searched."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_world import BASE, PLAYING, Broker, Cameras, Gateway, Listener, running
from tests.support.gateway_process import CONSOLE_SCRIPT, wait_for

pytestmark = pytest.mark.e2e

SERIAL = "UNITSERIAL0042"
PAGES = (
    "/metrics", "/readyz", "/healthz", "/api/v1/info", "/api/v1/stats", "/api/v1/streams", "/api/v1/streams/a",
    "/api/v1/streams/a/ledger", "/api/v1/streams/b", "/api/v1/sessions",
)  # fmt: skip


def probed(url: str) -> str:
    command = [*CONSOLE_SCRIPT, "probe", url, "--seconds", "1", "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return answer.stdout + answer.stderr


async def test_no_page_shows_a_serial_number(tmp_path: Path, state_dir: Path) -> None:
    broker = Broker(tmp_path)
    cameras = Cameras(tmp_path, 1, "--set", f"vendor_media={SERIAL}", "--set", f"reason={SERIAL}")
    with running(broker, cameras):
        url = cameras.urls[0]
        streams: dict[str, Any] = {"a": {"source": url}, "b": {"source": url.replace("/Streaming", "/Elsewhere")}}
        gateway = Gateway(tmp_path, state_dir / "numba", broker, streams)
        async with Listener(broker.port) as listener:
            with running(gateway):
                await listener.wait_for(f"{BASE}/stream/a/status", *PLAYING, timeout_s=60)
                kinds = {(item["layer"], item["kind"]) for item in gateway.http("GET", "/api/v1/streams/a/ledger")[2]}
                assert {("rtsp_media", "metadata media"), ("rtsp_media", "private media")} <= kinds
                # the two streams take turns at the host, and nothing says which is answered first
                problem = wait_for(lambda: gateway.stream("b")["state"]["problem"], 15, "b has a problem")
                assert problem.startswith("DESCRIBE was answered 404 Not Found")
                for page in PAGES:
                    body = gateway.http("GET", page)[2]
                    text = body.decode() if isinstance(body, bytes) else json.dumps(body)
                    assert SERIAL.lower() not in text.lower(), page
                    assert SERIAL.encode().hex() not in text, page
        assert listener.messages
        for topic, payload, _ in listener.messages:
            assert SERIAL.lower() not in payload.decode().lower(), topic
        assert SERIAL.lower() not in gateway.log.read_text().lower()
        # the control: a probe does show what the camera calls its media, and what it says when it refuses
        assert f"smart/1/90000/{SERIAL}" in probed(url)
        assert SERIAL in probed(streams["b"]["source"])
