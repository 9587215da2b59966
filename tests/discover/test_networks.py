"""Networks that are looked at: small, and inside the allowed ones."""

import ipaddress

import pytest

from transcoder.config.source import SourcesConfig
from transcoder.discover.networks import networks_to_look_at, number_of_targets, ports_to_look_at, targets

ALLOWED = SourcesConfig().allow


def test_networks() -> None:
    found = networks_to_look_at(["192.168.10.0/30", "fc00::/126"], ALLOWED)
    assert list(targets(found, (554, 8554)))[:4] == [
        ("192.168.10.1", 554),
        ("192.168.10.2", 554),
        ("fc00::1", 554),
        ("fc00::2", 554),
    ]
    assert number_of_targets(found, (554, 8554)) == len(list(targets(found, (554, 8554))))


def test_one_port_of_every_host_before_the_next_port() -> None:
    found = list(targets(networks_to_look_at(["10.0.0.0/29"], ALLOWED), (554, 8554)))
    assert [port for _, port in found] == [554] * 6 + [8554] * 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("192.0.2.0/24", "192.0.2.0/24: is not inside one of the networks of sources.allow"),
        ("10.0.0.0/19", "10.0.0.0/19: 8192 addresses are too many"),
        ("10.0.0.0/8", "too many"),
        ("0.0.0.0/0", "is not inside"),
        ("fc00::/64", "too many"),
        ("192.168.10.7/24", "the network is 192.168.10.0/24"),
        ("camera", "is no network"),
        ("", "is no network"),
    ],
)
def test_networks_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        networks_to_look_at([text], ALLOWED)


def test_the_limit_holds_for_all_networks_together() -> None:
    assert networks_to_look_at(["10.0.0.0/20"], ALLOWED)
    with pytest.raises(ValueError, match="too many"):
        networks_to_look_at(["10.0.0.0/20", "10.1.0.0/30"], ALLOWED)


def test_a_network_that_is_larger_than_the_allowed_one() -> None:
    with pytest.raises(ValueError, match="is not inside"):
        networks_to_look_at(["10.0.0.0/24"], (ipaddress.ip_network("10.0.0.0/25"),))


def test_ports() -> None:
    assert ports_to_look_at("554, 8554,554") == (554, 8554)
    for text in ("", "0", "65536", "x", "554,", "-1", "²", ",".join(map(str, range(1, 18)))):
        with pytest.raises(ValueError):
            ports_to_look_at(text)
