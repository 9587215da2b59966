"""A controller whose streams pull nothing, and what it told."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.kept_store import KeptStore
from tests.support.stream_parts import KeptStream
from transcoder.config import Config, ConfigFile, load_file
from transcoder.config.overlay import EffectiveConfig
from transcoder.control import Writer
from transcoder.control.controller import Controller
from transcoder.control.interfaces import NoInterfaces
from transcoder.service.gateway import Gateway
from transcoder.service.reader_register import OnEvent

FRONT: dict[str, Any] = {"source": "rtsp://u:hunter2@10.0.0.2/live", "video": {"fps": 10}}
OPS = Writer(interface="http", name="ops")


class Noted(NoInterfaces):
    """Interfaces that note what they are to take up."""

    api_url = "http://192.0.2.1:8080"

    def __init__(self) -> None:
        self.taken_up: list[Config] = []

    def take_up(self, config: Config) -> None:
        self.taken_up.append(config)


class World:
    """A controller, its streams, and the events that were told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[KeptStream] = []
        self.store, self.interfaces = KeptStore(), Noted()
        self.controller = Controller(
            EffectiveConfig.build(self.file(front=FRONT, yard=FRONT), {}),
            self.store,
            b"k" * 32,
            self.interfaces,
            make_gateway=self._make_gateway,
        )
        self.feed = self.controller.events()

    def file(self, **streams: Any) -> ConfigFile:
        path = self.folder / "gateway.yaml"
        path.write_text(yaml.safe_dump({"streams": streams}))
        return load_file(path)

    def _make_gateway(self, config: Config, on_event: OnEvent) -> Gateway:
        def make_stream(*arguments: Any) -> KeptStream:
            self.made.append(KeptStream(*arguments))
            return self.made[-1]

        return Gateway(config, on_event, make_stream=make_stream)

    def stream(self, name: str = "front") -> KeptStream:
        return next(stream for stream in reversed(self.made) if stream.name == name)

    def told(self) -> list[tuple[str, str | None, dict[str, Any]]]:
        """The events since this was asked for."""
        told: list[tuple[str, str | None, dict[str, Any]]] = [
            (event.event_type, event.stream, event.detail) for event in self.feed._waiting
        ]
        self.feed._waiting.clear()
        return told


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.controller.gateway.apply(made.controller.config, made.controller.config.streams)
    yield made
    for stream in made.made:
        await stream.stop()
    made.controller.close()
