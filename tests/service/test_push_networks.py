"""Which addresses a stream may be sent to: those of the file's targets, and what the file allows beside them."""

from pathlib import Path
from typing import Any

import yaml

from transcoder.config import Config, StreamConfig, parse
from transcoder.config.push import PushConfig
from transcoder.service.push_networks import AllowedTarget
from transcoder.service.source_networks import SourceNetworks


def configured(push: Any, allow: list[str]) -> Config:
    stream = {"source": "rtsp://10.0.0.2/live", "push": push}
    return parse(yaml.safe_dump({"streams": {"front": stream}, "push": {"allow": allow}}), Path("/nonexistent"), {})


def allowed(url: str, allow: list[str], *, of_file: dict[str, StreamConfig] | None = None) -> AllowedTarget:
    config = configured({"vms": url}, allow)
    networks = SourceNetworks(lambda: config)
    if of_file is not None:
        networks.streams_of_file = lambda: of_file
    return AllowedTarget.of(networks, PushConfig(url=url))


def test_a_target_of_the_file_may_be_anywhere() -> None:
    assert allowed("rtsp://vms.example/in", [])("203.0.113.7")


def test_one_that_was_named_at_runtime_may_be_nowhere() -> None:
    assert not allowed("rtsp://10.9.9.9/in", [], of_file={})("10.9.9.9")
    assert not allowed("rtsp://127.0.0.1:6379/in", [], of_file={})("127.0.0.1")


def test_but_in_the_networks_of_the_file() -> None:
    target = allowed("rtsp://vms.example/in", ["10.9.0.0/16"], of_file={})
    assert target("10.9.9.9")
    assert target("::ffff:10.9.9.9")
    assert not target("10.8.9.9")  # whatever the name resolves to


def test_another_port_of_a_host_of_the_file_is_another_target() -> None:
    of_file = dict(configured({"vms": "rtsp://10.9.9.9:554/in"}, []).streams)
    assert not allowed("rtsp://10.9.9.9:22/in", [], of_file=of_file)("10.9.9.9")
    assert allowed("rtsp://10.9.9.9:554/other", [], of_file=of_file)("10.9.9.9")
