"""Which addresses a source may connect to: by the file's networks, and this machine by the file alone."""

from typing import Any

import pytest

from transcoder.config import Config
from transcoder.config.source import SourceConfig
from transcoder.errors import NotConnected
from transcoder.service.source_networks import SourceNetworks

CAMERA, HERE = "10.0.0.2", "127.0.0.1"
SOURCE = SourceConfig(url="rtsp://localhost:8555/x")


def config(**keys: Any) -> Config:
    return Config.model_validate({"streams": {}, **keys})


def test_the_networks_of_the_file_count() -> None:
    allowed = SourceNetworks(lambda: config(sources={"allow": ["10.0.0.0/8"]})).of(SOURCE)
    assert allowed(CAMERA)
    assert not allowed("192.168.0.2")
    assert not allowed(HERE)


@pytest.mark.parametrize("network", ["127.0.0.0/8", "::1/128", "0.0.0.0/0"])
def test_a_file_that_allows_loopback_allows_this_machine(network: str) -> None:
    networks = ["127.0.0.0/8", network]
    assert SourceNetworks(lambda: config(sources={"allow": networks})).of(SOURCE)(HERE)


def test_a_stream_from_elsewhere_at_this_machine_is_not_told_why_it_fails() -> None:
    networks = SourceNetworks(config)
    networks.streams_of_file = dict
    addresses = networks.of(SOURCE)
    assert addresses(CAMERA)
    assert not addresses.conceal()
    assert addresses(HERE)
    assert "sources.allow" in addresses.conceal()


def test_a_probe_from_elsewhere_does_not_connect_to_this_machine() -> None:
    networks = SourceNetworks(config)
    networks.streams_of_file = dict
    allowed = networks.of_probe(SOURCE)
    assert allowed(CAMERA)
    with pytest.raises(NotConnected, match=r"sources\.allow"):
        allowed(HERE)


def test_a_stream_of_the_file_names_its_host_and_port() -> None:
    file = config(streams={"a": {"source": "rtsp://localhost:8555/y"}})
    networks = SourceNetworks(config)
    networks.streams_of_file = lambda: file.streams
    assert networks.of_probe(SOURCE)(HERE)
    for url in ("rtsp://localhost:8556/x", "rtsp://127.0.0.1:8555/x"):
        with pytest.raises(NotConnected):
            networks.of_probe(SourceConfig(url=url))(HERE)
    assert SourceNetworks(lambda: file).of_probe(SOURCE)(HERE)  # without runtime changes, every stream is the file's


def test_a_camera_that_gave_pictures_is_no_secret() -> None:
    playing = config(streams={"a": {"source": "rtsp://localhost:8555/y"}}).streams
    networks = SourceNetworks(config, playing.values)
    networks.streams_of_file = dict
    assert networks.of_probe(SOURCE)(HERE)
    with pytest.raises(NotConnected):
        networks.of_probe(SourceConfig(url="rtsp://localhost:8556/x"))(HERE)
