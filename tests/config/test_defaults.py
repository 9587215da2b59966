"""`defaults.source`: what all cameras share, and which camera gets which login."""

from pathlib import Path

import pytest

from transcoder.config import Config, load_file, parse
from transcoder.config.defaults import with_defaults
from transcoder.config.overlay import EffectiveConfig
from transcoder.errors import ConfigError


def _login(config: Config, stream: str) -> tuple[str | None, str | None]:
    source = config.streams[stream].source
    return tuple(None if each is None else each.get_secret_value() for each in (source.username, source.password))  # type: ignore[return-value]


def _parse(text: str) -> Config:
    return parse(text, Path("/nonexistent"), {})


def test_cameras_share_a_login_from_a_file_a_transport_and_an_interface(tmp_path: Path) -> None:
    (tmp_path / "cameras.secret").write_text("shared\n")
    path = tmp_path / "gateway.yaml"
    path.write_text("""
defaults:
  source: {username: viewer, password_file: cameras.secret, transport: tcp, bind_address: 10.0.0.2,
           timeouts: {silence_s: 5}}
streams:
  a: {source: rtsp://10.0.0.3/}
  b: {source: {url: rtsp://10.0.0.4/, transport: udp, timeouts: {connect_s: 3}}}
""")
    config = load_file(path).config
    assert _login(config, "a") == _login(config, "b") == ("viewer", "shared")
    a, b = config.streams["a"].source, config.streams["b"].source
    assert (a.transport, a.bind_address, a.timeouts.silence_s) == ("tcp", "10.0.0.2", 5)
    assert (b.transport, b.timeouts.silence_s, b.timeouts.connect_s) == ("udp", 5, 3)


@pytest.mark.parametrize(
    ("shared", "source", "login"),
    [
        ("username: u, password: p", "rtsp://10.0.0.3/", ("u", "p")),
        ("username: u, password: p", "rtsp://own:word@10.0.0.3/", ("own", "word")),
        ("username: u, password: p", "rtsp://own@10.0.0.3/", ("own", None)),
        ("username: u, password: p", "{url: rtsp://10.0.0.3/, username: own}", ("own", None)),
        ("username: u, password: p", "{url: rtsp://10.0.0.3/, username: null}", (None, None)),
        ("username: u, password: p", "{url: rtsp://10.0.0.3/, password: word}", ("u", "word")),
        ("password: p", "{url: rtsp://10.0.0.3/, username: own}", ("own", "p")),
        ("password: p", "{url: rtsp://10.0.0.3/, username: null}", (None, None)),
        ("password: p", "rtsp://own@10.0.0.3/", ("own", None)),
    ],
)
def test_a_password_stays_with_its_user(shared: str, source: str, login: tuple[str | None, str | None]) -> None:
    assert _login(_parse(f"defaults: {{source: {{{shared}}}}}\nstreams: {{a: {{source: {source}}}}}"), "a") == login


def test_a_url_is_no_default() -> None:
    with pytest.raises(ConfigError) as caught:
        _parse("defaults: {source: {url: rtsp://10.0.0.3/, username: u}}\nstreams: {a: {source: rtsp://10.0.0.3/}}")
    assert caught.value.problems == ["defaults.source.url: not allowed here: each stream has a url of its own"]


def test_a_problem_of_a_shared_source_is_said_once() -> None:
    with pytest.raises(ConfigError) as caught:
        _parse(
            "defaults: {source: {transport: x}}\nstreams: {a: {source: rtsp://10.0.0.3/}, b: {source: rtsp://10.0.0.4/}}"
        )
    (line,) = caught.value.problems
    assert line.startswith("defaults.source.transport: must be 'auto'")


@pytest.fixture
def effective(tmp_path: Path) -> EffectiveConfig:
    path = tmp_path / "gateway.yaml"
    path.write_text("""
defaults: {source: {username: viewer, password: shared, transport: tcp}}
streams: {a: {source: rtsp://10.0.0.3/}}
""")
    return EffectiveConfig.build(load_file(path), {})


def test_a_camera_that_is_named_at_runtime_never_gets_the_shared_login(effective: EffectiveConfig) -> None:
    """Whoever may name one could otherwise have the login sent to a host of his own."""
    own = {"source": "rtsp://10.6.6.6/"}
    for changed, stream in (
        (effective.add("b", own), "b"),
        (effective.add("b", {"source": {"url": "rtsp://10.6.6.6/", "transport": "tcp"}}), "b"),
        (effective.add("b", own).update("b", {"audio": "reencode"}), "b"),
        (effective.update("a", own), "a"),
        (effective.replace("a", own), "a"),
        (effective.with_file(effective.file).update("a", own), "a"),
    ):
        assert _login(changed.config, stream) == (None, None)
        assert changed.config.streams[stream].source.transport == "tcp"
        kept = EffectiveConfig.build(effective.file, changed.overlays)  # as after a restart
        assert _login(kept.config, stream) == (None, None)
    assert effective.source_of("rtsp://10.6.6.6/").source.password is None


def test_other_keys_of_a_source_leave_the_shared_login_where_it_is(effective: EffectiveConfig) -> None:
    changed = effective.update("a", {"source": {"transport": "udp"}})
    assert _login(changed.config, "a") == ("viewer", "shared")
    assert changed.config.streams["a"].source.transport == "udp"


def test_a_relayed_stream_takes_nothing_of_encoding_from_defaults_but_masks() -> None:
    mask = {"polygon": [[0, 0], [1, 0], [1, 1]]}
    defaults = {"vms": "nx", "audio": "reencode", "video": {"bitrate_kbps": 900, "codec": "h265"}, "masks": [mask]}
    merged = with_defaults(defaults, {"source": "rtsp://h/", "video": {"mode": "relay", "gop_s": 2}})
    assert merged["video"] == {"mode": "relay", "codec": "h265", "gop_s": 2}
    assert not {"renditions", "audio", "encoder"} & merged.keys()
    assert merged["masks"] == [mask]
