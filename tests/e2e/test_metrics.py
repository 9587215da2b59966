"""What a live gateway shows to Prometheus: a linter accepts it, and nothing of a camera is in it."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.support.control_world import FPS, Broker, Cameras, Gateway, running, wait_until_playing

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

OPENMETRICS = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,*/*;q=0.1"
"""What Prometheus 2.42 asks for."""
LIVE = (
    "transcoder_frames_encoded_total",
    "transcoder_frames_decoded_total",
    "transcoder_audio_units_total",
    "transcoder_glass_latency_seconds_count",
    "transcoder_rtsp_sent_bytes_total",
    "transcoder_sanitized_units_total",
)
"""Each of these is over 0 with a camera that has sound, while somebody reads."""


def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed: see tests/system-packages.sh")
    return found


def value_of(text: str, name: str) -> float:
    found = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
    return sum(map(float, found))


async def test_a_linter_accepts_a_scrape_of_live_streams(tmp_path: Path, numba: Path, broker: Broker) -> None:
    path = promtool()
    cameras = Cameras(tmp_path, 2, "--family", "hikvision,dahua", "--set", "audio=true")
    streams = {name: {"audio": "reencode"} for name in ("one", "two")}
    with running(broker, cameras):
        for name, url in zip(streams, cameras.urls, strict=True):
            streams[name]["source"] = url
        gateway = Gateway(tmp_path, numba, broker, streams, worker={"split": True})
        with running(gateway):
            await wait_until_playing(gateway, *streams)
            with gateway.picture_reader("one", tmp_path, "udp") as reader:
                await asyncio.to_thread(reader.wait_for_pictures, 2 * FPS, 60)
                for _ in range(30):  # sound and reports of workers come a moment later
                    status, headers, body = await asyncio.to_thread(gateway.http, "GET", "/metrics")
                    text = body.decode()
                    if all(value_of(text, name) > 0 for name in LIVE):
                        break
                    await asyncio.sleep(1)
                open_headers, open_body = (
                    await asyncio.to_thread(gateway.http, "GET", "/metrics", None, Accept=OPENMETRICS)
                )[1:]

    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert {name for name in LIVE if value_of(text, name) > 0} == set(LIVE)
    assert 'transcoder_rtsp_sessions{stream="one",transport="udp"} 1.0' in text
    assert "transcoder_mqtt_connected 1.0" in text
    linted = subprocess.run(
        [path, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    assert (linted.returncode, linted.stdout + linted.stderr) == (0, "")
    ports = {url.split(":")[2].split("/")[0] for url in cameras.urls}
    assert not {port for port in ports if port in text}
    assert "127.0.0.1" not in text

    assert open_headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name: family.type for family in text_string_to_metric_families(open_body.decode())}
    assert families["transcoder_glass_latency_seconds"] == "summary"
    assert families["transcoder_encode_seconds"] == "histogram"
    assert families["transcoder_frames_encoded"] == "counter"
