"""The listeners are those of the configuration."""

from pathlib import Path

from transcoder.config import parse
from transcoder.rtsp.multicast_groups import Group
from transcoder.service.listeners import listeners_of, multicast_of


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


def test_multicast_is_what_the_section_says_and_nothing_without_it(tmp_path: Path) -> None:
    assert multicast_of(parse("streams: {}", tmp_path, {})) is None
    text = "rtsp: {multicast: {groups: 239.1.2.3/32, port: 5004, ttl: 8, interface: eth1}}\nstreams: {}"
    found = multicast_of(parse(text, tmp_path, {}))
    assert found is not None
    assert found.interface == "eth1"
    assert found.groups.of("front") == Group(address="239.1.2.3", port=5004, ttl=8)
