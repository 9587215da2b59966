"""The alerts: promtool understands them, and each has a case in which it comes and one in which it does not."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from transcoder.api import metrics_reference

pytestmark = pytest.mark.process

TESTS = ("transcoder.test.yml", "transcoder.days.test.yml")
FOREIGN = {"up", "process_cpu_seconds_total", "node_textfile_mtime_seconds"}
"""Metrics of Prometheus, of its client library and of node_exporter."""
CAMERA_NETWORK = "transcoder_camera_network_dropped_packets_total"


def rules(folder: Path) -> list[dict[str, Any]]:
    document = yaml.safe_load((folder / "transcoder.rules.yml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def cases(folder: Path) -> list[dict[str, Any]]:
    documents = [yaml.safe_load((folder / name).read_text(encoding="utf-8")) for name in TESTS]
    return [case for document in documents for test in document["tests"] for case in test["alert_rule_test"]]


@pytest.fixture
def folder(deploy: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(deploy / "prometheus", tmp_path / "prometheus"))


def promtool(path: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([path, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_the_example_is_a_configuration(program: Callable[[str], str], folder: Path) -> None:
    done = promtool(program("promtool"), "check", "config", "--lint-fatal", "prometheus.yml", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alerts_come_when_they_should(program: Callable[[str], str], folder: Path) -> None:
    done = promtool(program("promtool"), "test", "rules", *TESTS, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_that_looks_at_something_else_is_noticed(program: Callable[[str], str], folder: Path) -> None:
    path = folder / "transcoder.rules.yml"
    text = path.read_text()
    path.write_text(text.replace('{reason="calls_home"}', '{reason="discovery"}'))
    assert path.read_text() != text
    done = promtool(program("promtool"), "test", "rules", TESTS[0], folder=folder)
    assert done.returncode == 1
    assert "CameraCallsHome" in done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_comes(deploy: Path) -> None:
    come = {case["alertname"] for case in cases(deploy / "prometheus") if case["exp_alerts"]}
    assert come == {rule["alert"] for rule in rules(deploy / "prometheus")}


def test_every_metric_of_the_alerts_is_one_of_ours(deploy: Path) -> None:
    words = {
        word for rule in rules(deploy / "prometheus") for word in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", rule["expr"])
    }
    ours = set(re.findall(r"`(transcoder_\w+)`", metrics_reference.metrics_page()))
    assert {word for word in words if word.startswith("transcoder_")} <= ours | {CAMERA_NETWORK}


def test_the_metric_of_the_camera_network_is_the_one_that_is_written(deploy: Path) -> None:
    assert CAMERA_NETWORK in (deploy / "nftables/export-counters.sh").read_text(encoding="utf-8")


def test_the_runbook_says_what_to_do_about_every_alert(deploy: Path) -> None:
    section = (deploy.parent / "docs/runbook.md").read_text(encoding="utf-8").partition("## An alert")[2]
    assert set(re.findall(r"`([A-Z]\w+)`", section)) == {rule["alert"] for rule in rules(deploy / "prometheus")}
