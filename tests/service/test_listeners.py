"""The listeners are those of the configuration."""

from pathlib import Path

from transcoder.config import parse
from transcoder.service.listeners import listeners_of


def test_plain_listeners_come_first_and_all_of_tls_have_one_certificate(tmp_path: Path) -> None:
    text = """
    rtsp:
      listen: ["127.0.0.1:8554", "[::1]:8555"]
      tls: {listen: ["127.0.0.1:8322", "[::1]:8323"]}
    streams: {}
    """
    listeners = listeners_of(parse(text, tmp_path, {}))
    assert [(each.scheme, each.host, each.port) for each in listeners] == [
        ("rtsp", "127.0.0.1", 8554),
        ("rtsp", "::1", 8555),
        ("rtsps", "127.0.0.1", 8322),
        ("rtsps", "::1", 8323),
    ]
    assert listeners[2].certificate is listeners[3].certificate is not None


def test_without_tls_there_are_plain_listeners_alone(tmp_path: Path) -> None:
    assert [each.key for each in listeners_of(parse("streams: {}", tmp_path, {}))] == ["rtsp.listen 127.0.0.1:8554"]
