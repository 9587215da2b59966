"""The lines that a probe ends with, as the configuration takes them."""

from pathlib import Path

import pytest

from transcoder.config import load
from transcoder.probe.snippet import snippet
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.urls import PORTS
from transcoder.url import split_url


@pytest.mark.parametrize(
    ("url", "transport", "expected"),
    [
        ("rtsp://192.168.10.21/Streaming/Channels/101", "auto", {"transport": "auto"}),
        ("rtsp://u:se%25cret@192.168.10.21:8554/live?a=1&b=#x", "udp", {"username": "u", "transport": "udp"}),
        ("rtsp://192.168.10.21/user=admin&password=se%cret&channel=1", "http", {"transport": "http"}),
        ('rtsp://192.168.10.21/a"b${HOME}', "tcp", {"transport": "tcp"}),
        ("rtsps://[fd00::7]/x", "auto", {}),
    ],
)
def test_the_configuration_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, transport: str, expected: dict[str, str]
) -> None:
    """The password stands in a file and in the environment, and nowhere in the lines."""
    split = split_url(url, PORTS)
    credentials = None
    if split.username is not None:
        credentials = Credentials(username=split.username, password=split.password or "")
    text = snippet(split, credentials, transport)
    assert "se%cret" not in text
    (tmp_path / "camera.secret").write_text("se%cret\n")
    path = tmp_path / "gateway.yaml"
    path.write_text(text + "\n")
    monkeypatch.setenv("CAMERA_PASSWORD", "se%cret")
    source = load(path).streams["camera"].source
    assert source.url == split.text
    told = {name: getattr(source, name) for name in expected}
    if "username" in expected:
        told["username"] = told["username"].get_secret_value()
        assert source.password is not None
        assert source.password.get_secret_value() == "se%cret"
    assert told == expected
