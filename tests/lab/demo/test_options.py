import os
import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from transcoder.errors import ConfigError
from transcoder.lab.demo.options import DemoOptions, configuration, state_dir


def problems(**options) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        DemoOptions(**options).check()
    return caught.value.problems


def test_defaults_are_fine() -> None:
    DemoOptions().check()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"cameras": 0}, "--cameras: 0 is not 1 to 100"),
        ({"cameras": -1, "source": "rtsp://192.0.2.1/x"}, "--cameras: -1 is not 0 to 100"),
        ({"cameras": 101}, "--cameras: 101 is not 1 to 100"),
        ({"seconds": 0.0}, "--seconds: 0 is not more than 0 and at most 604800"),
        ({"seconds": float("nan")}, "--seconds: nan is not more than 0 and at most 604800"),
        ({"port": 65_536}, "--port: 65536 is not 0 to 65535"),
        ({"source": "/nonexistent.mp4"}, "--source: /nonexistent.mp4: No such file or directory"),
        ({"source": "/"}, "--source: /: Is a directory"),
        ({"source": "http://192.0.2.1/x"}, "--source: a URL must begin with rtsp://"),
        ({"source": "rtsp://"}, "--source: has no host"),
    ],
)
def test_problems(options: dict[str, object], told: str) -> None:
    assert problems(**options) == [told]


def test_all_problems_at_once_and_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert problems(cameras=0, port=port) == [
            "--cameras: 0 is not 1 to 100",
            f"--port: {port}: address already in use",
        ]


def test_configuration_of_a_camera_with_a_login_anywhere(tmp_path: Path) -> None:
    source = "rtsp://user:word@192.0.2.1:554/x"
    config = configuration(DemoOptions(source=source, port=8555), {"source": source}, tmp_path)
    assert [str(endpoint) for endpoint in config.rtsp.listen] == ["127.0.0.1:8555"]
    assert config.streams["source"].source.url == "rtsp://192.0.2.1:554/x"
    assert config.streams["source"].source.password == SecretStr("word")
    assert config.state_dir == tmp_path


def test_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert state_dir() == tmp_path / "transcoder" / "demo"
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    folder = state_dir()
    assert os.access(folder, os.W_OK)
    folder.rmdir()


@pytest.mark.parametrize("is_contained", [True, False])
def test_the_whole_sandbox_is_required_where_the_machine_allows_it(is_contained: bool, tmp_path: Path) -> None:
    config = configuration(DemoOptions(port=8555), {}, tmp_path, is_contained=is_contained)
    assert config.sandbox == ("required" if is_contained else "best_effort")
