"""Alerts and dashboard on a live Prometheus: each of their expressions has an answer, where a real gateway runs."""

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from typing_extensions import override

from tests.support.control_world import Broker, Cameras, Gateway, Process, free_port
from tests.support.gateway_process import wait_for
from transcoder.api import metrics_reference

CAMERA_NETWORK = "transcoder_camera_network_dropped_packets_total"
TEXTFILE_MTIME = 'node_textfile_mtime_seconds{file="/var/lib/prometheus/node-exporter/cameras.prom"}'
COMPARISON = re.compile(r" (==|>=|>) (?=[\d(])")
"""A comparison of an alert: it has to have an answer on good days, too."""
MACROS = {"$instance": ".*", "$stream": ".*"}
"""Variables of the dashboard, with all of their values."""


def alerts(deploy: Path) -> list[str]:
    document = yaml.safe_load((deploy / "prometheus/transcoder.rules.yml").read_text(encoding="utf-8"))
    return [COMPARISON.sub(r" \1 bool ", rule["expr"]) for group in document["groups"] for rule in group["rules"]]


def panels(deploy: Path) -> list[str]:
    document = json.loads((deploy / "grafana/transcoder.json").read_text(encoding="utf-8"))
    found = [target["expr"] for panel in document["panels"] for target in panel["targets"]]
    for name, value in MACROS.items():
        found = [expression.replace(name, value) for expression in found]
    return found


def test_every_metric_of_the_dashboard_is_one_of_ours(deploy: Path) -> None:
    ours = set(re.findall(r"`(transcoder_\w+)`", metrics_reference.metrics_page())) | {CAMERA_NETWORK}
    used = {name for expression in panels(deploy) for name in re.findall(r"transcoder_\w+", expression)}
    assert {name.removesuffix("_bucket") for name in used} <= ours
    assert len(used) > 15


def test_every_panel_has_a_place_of_its_own(deploy: Path) -> None:
    document = json.loads((deploy / "grafana/transcoder.json").read_text(encoding="utf-8"))
    cells = [
        (place["x"] + column, place["y"] + row)
        for place in (panel["gridPos"] for panel in document["panels"])
        for column in range(place["w"])
        for row in range(place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(column for column, _ in cells) < 24


class CameraNetwork(BaseHTTPRequestHandler):
    """What node_exporter tells of the file that the script for the counters writes."""

    def do_GET(self) -> None:
        lines = [
            f'{CAMERA_NETWORK}{{reason="{name}"}} 1' for name in ("calls_home", "to_gateway", "spoofed", "discovery")
        ]
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write("\n".join([*lines, f"{TEXTFILE_MTIME} {time.time()}", ""]).encode())

    @override
    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Prometheus(Process):
    """Runs Prometheus on the alerts of deploy/, looking every second."""

    def __init__(self, program: str, deploy: Path, folder: Path, gateway: int, node: int) -> None:
        self.port = free_port()
        document = yaml.safe_load((deploy / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
        document["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        document["rule_files"] = [str(deploy / "prometheus/transcoder.rules.yml")]
        for job, port in zip(document["scrape_configs"], (gateway, node), strict=True):
            job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
        config = folder / "prometheus.yml"
        config.write_text(yaml.safe_dump(document))
        options = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'series'}"]
        super().__init__([program, *options, f"--web.listen-address=127.0.0.1:{self.port}"], folder / "prometheus.log")

    def ask(self, expression: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=10) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            pytest.fail(f"{expression}: {error.read()!r}")
        return [series for series in found if series["value"][1] != "NaN"]


@pytest.fixture(scope="module")
def prometheus(
    program: Callable[[str], str], deploy: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("monitoring")
    found, ffmpeg = program("prometheus"), program("ffmpeg")
    with ExitStack() as stack:
        broker, cameras = Broker(folder), Cameras(folder, 1)
        node = HTTPServer(("127.0.0.1", 0), CameraNetwork)
        stack.callback(node.shutdown)
        Thread(target=node.serve_forever, daemon=True).start()
        for process in (broker, cameras):
            stack.callback(process.close)
            process.start()
        gateway = Gateway(
            folder,
            folder / "numba",
            broker,
            {"front": {"source": cameras.urls[0], "push": {"nobody": f"udp://127.0.0.1:{free_port()}"}}},
            verify={"every_h": 0.1, "seconds": 5},
        )
        stack.callback(gateway.close)
        gateway.start()
        wait_for(lambda: gateway.stream("front")["state"]["status"] == "online", 60, "the camera plays")
        assert gateway.http("POST", "/api/v1/streams/front/verdicts")[0] < 300
        reader = Process(
            [ffmpeg, "-v", "error", "-rtsp_transport", "tcp", "-i", gateway.url("front"), "-f", "null", "-"],
            folder / "reader.log",
        )
        stack.callback(reader.close)
        reader.start()
        made = Prometheus(found, deploy, folder, gateway.http_port, node.server_port)
        stack.callback(made.close)
        made.start()
        wait_for(lambda: made.log.read_text().count("Server is ready"), 60, "Prometheus is ready")
        yield made


@pytest.mark.process
@pytest.mark.long
@pytest.mark.timeout(400)
def test_every_expression_has_an_answer(prometheus: Prometheus, deploy: Path) -> None:
    unanswered = {*alerts(deploy), *panels(deploy)}
    assert len(unanswered) > 35
    deadline = time.monotonic() + 90  # verification takes some seconds
    while unanswered and time.monotonic() < deadline:
        time.sleep(2)
        unanswered -= {expression for expression in unanswered if prometheus.ask(expression)}
    assert unanswered == set()
    assert prometheus.ask("transcoder_invented") == []


@pytest.mark.process
@pytest.mark.long
def test_a_good_day_has_no_alert_but_of_the_camera_that_was_made_up(prometheus: Prometheus) -> None:
    firing = {series["metric"]["alertname"] for series in prometheus.ask('ALERTS{alertstate="firing"}')}
    assert firing <= {"CameraCallsHome"}
