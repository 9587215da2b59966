"""The lines about changes: the writer, the key, the old and the new value, and never a secret."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from structlog.testing import capture_logs

from tests.support.kept_store import KeptStore
from tests.support.stream_parts import KeptStream
from transcoder import clock
from transcoder.config import Config, ConfigFile, load_file
from transcoder.config.difference import difference
from transcoder.config.overlay import EffectiveConfig
from transcoder.control import Writer
from transcoder.control.change_log import MAX_LINES, ChangeLog, keys_for_next_start
from transcoder.control.controller import Controller
from transcoder.rejection import Rejected
from transcoder.service.gateway import Gateway
from transcoder.service.reader_register import OnEvent

FRONT: dict[str, Any] = {"source": "rtsp://admin:hunter2@10.0.0.2/live?user=admin&password=hunter3"}
OPS = Writer(interface="http", name="ops")


def file_of(folder: Path, document: dict[str, Any]) -> ConfigFile:
    path = folder / "gateway.yaml"
    path.write_text(yaml.safe_dump({"streams": {"front": FRONT}, **document}))
    return load_file(path)


def make_gateway(config: Config, on_event: OnEvent) -> Gateway:
    return Gateway(config, on_event, make_stream=KeptStream)


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    effective = EffectiveConfig.build(file_of(tmp_path, {}), {})
    return Controller(effective, KeptStore(), b"k" * 32, make_gateway=make_gateway)


async def test_a_change_has_its_author_and_both_values(controller: Controller) -> None:
    with capture_logs() as lines:
        await controller.update("front", {"video": {"fps": 3, "bitrate_kbps": 900}}, OPS)
    [line] = [line for line in lines if line["event"] == "changed"]
    assert line["words"].startswith("changed by http:ops: ")
    assert set(line["words"].removeprefix("changed by http:ops: ").split(", ")) == {
        "front.video.fps null -> 3",
        "front.video.bitrate_kbps 4000 -> 900",
    }
    assert (line["stream"], line["by"]) == ("front", "http:ops")
    assert line["changes"] == {"video.fps": [None, 3], "video.bitrate_kbps": [4000, 900]}


async def test_no_secret_is_told(controller: Controller) -> None:
    with capture_logs() as lines:
        await controller.update("front", {"source": "rtsp://u2:swordfish@10.0.0.9/s?user=u2&password=swordfish1"}, OPS)
    [line] = [line for line in lines if line["event"] == "changed"]
    for secret in ("hunter2", "hunter3", "swordfish", "swordfish1", "admin", "u2"):
        assert secret not in str(line)
    assert "10.0.0.2" in line["words"]
    assert "10.0.0.9" in line["words"]


async def test_streams_that_come_and_go_are_told_with_their_writer(controller: Controller) -> None:
    with capture_logs() as lines:
        await controller.add("gate", {"source": "rtsp://10.0.0.3/live"}, OPS)
        await controller.restart("gate", OPS)
        await controller.remove("gate", OPS)
    words = [line["words"] for line in lines if "by" in line]
    assert words == ["added by http:ops: gate", "restarted by http:ops: gate", "removed by http:ops: gate"]


async def test_a_refusal_is_one_sentence(controller: Controller) -> None:
    with capture_logs() as lines, pytest.raises(Rejected):
        await controller.update("front", {"video": {"fps": 999}}, OPS)
    [line] = lines
    assert line["words"].startswith("change by http:ops refused: front: ")
    assert "video.fps" in line["words"]


async def test_a_file_says_what_changed_and_what_waits_for_a_start(controller: Controller, tmp_path: Path) -> None:
    before = {"listen": "127.0.0.1:8080", "tokens": {"ops": {"token": "x" * 20, "role": "control"}}}
    await controller.reload(file_of(tmp_path, {"http": before}))
    after = {"listen": "127.0.0.1:9090", "tokens": {"ops": {"token": "y" * 20, "role": "control"}}}
    with capture_logs() as lines:
        await controller.reload(
            file_of(tmp_path, {"http": after, "node": "gw9", "streams": {"front": {**FRONT, "video": {"fps": 5}}}})
        )
    words = [line["words"] for line in lines if "words" in line]
    assert words == [
        "changed by file: front.video.fps null -> 5",
        "node: taken up at the next start",
        "http.listen: taken up at the next start",
        "configuration reloaded: streams: 1 changed; sections: node, http",
    ]


def test_what_is_taken_up_at_once_waits_for_no_start(tmp_path: Path) -> None:
    old = file_of(tmp_path, {"http": {"listen": "127.0.0.1:8080"}}).config
    new = file_of(
        tmp_path,
        {
            "http": {"listen": "127.0.0.1:8080", "open_metrics": True},
            "rtsp": {"users": {"vms": {"password": "secret", "streams": ["*"]}}},
            "sources": {"allow": ["10.0.0.0/8"]},
            "admission": "refuse",
        },
    ).config
    assert keys_for_next_start(old, new, difference(old, new).sections) == []
    none = file_of(tmp_path, {}).config
    assert keys_for_next_start(none, new, difference(none, new).sections) == ["http"]


def test_a_flood_of_changes_fills_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    written = ChangeLog()
    with capture_logs() as lines:
        for _ in range(500):
            written.note("restarted", "front", "mqtt")
        now += 1.5
        written.note("restarted", "front", "mqtt")
    assert len(lines) == MAX_LINES + 1
    assert lines[-1]["words"] == f"restarted by mqtt: front (and {500 - MAX_LINES} more, see the audit log)"


def test_long_values_and_many_keys_are_cut(tmp_path: Path) -> None:
    polygon = [[i / 100, (i * i) / 10000] for i in range(60)]
    old = file_of(tmp_path, {}).config
    new = file_of(tmp_path, {"streams": {"front": {**FRONT, "masks": [{"polygon": polygon}]}}}).config
    with capture_logs() as lines:
        ChangeLog().write(old, new, difference(old, new), "file")
    [line] = lines
    assert line["words"].startswith("changed by file: front.masks [] -> [{")
    assert len(line["words"]) < 200


async def test_of_an_asset_the_keys_are_told_and_no_value(controller: Controller) -> None:
    with capture_logs() as lines:
        await controller.assets.add("pole-17", {"serial": "SERIAL-1"}, OPS, confidential=True)
        await controller.assets.update("pole-17", {"serial": "SERIAL-2", "owner": "x"}, OPS, confidential=True)
        await controller.assets.remove("pole-17", OPS)
    assert [line["words"] for line in lines if "by" in line] == [
        "added by http:ops: asset pole-17",
        "changed by http:ops: asset pole-17 (serial, owner)",
        "removed by http:ops: asset pole-17",
    ]
    assert "SERIAL" not in str(lines)
