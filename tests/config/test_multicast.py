"""The section `rtsp.multicast`."""

import ipaddress
from typing import Any

import pytest
from pydantic import ValidationError

from transcoder.config import MulticastConfig


def test_groups_are_a_network_or_one_of_each_version() -> None:
    one = MulticastConfig.model_validate({"groups": "239.192.0.0/16"})
    assert one == MulticastConfig()
    assert one.groups == (ipaddress.ip_network("239.192.0.0/16"),)
    both = MulticastConfig.model_validate({"groups": ["239.1.2.0/24", "ff15::/112"]})
    assert [network.version for network in both.groups] == [4, 6]
    assert both.model_dump()["groups"] == ["239.1.2.0/24", "ff15::/112"]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"groups": "10.0.0.0/8"}, "10.0.0.0/8 is no network of multicast groups"),
        ({"groups": "224.0.0.0/4"}, "has groups of routing protocols"),
        ({"groups": "239.1.2.3/16"}, "did you mean 239.1.0.0/16"),
        ({"groups": ["239.1.0.0/16", "239.2.0.0/16"]}, "one network of IPv4, one of IPv6"),
        ({"groups": []}, "at least 1"),
        ({"groups": ["239.1.0.0/16"] * 3}, "at most 2"),
        ({"port": 20001}, "must be even"),
        ({"port": 80}, "greater than or equal to 1024"),
        ({"port": 65534}, "less than or equal to 65532"),
        ({"ttl": 0}, "greater than or equal to 1"),
        ({"ttl": 256}, "less than or equal to 255"),
        ({"interface": "a/b"}, "match pattern"),
    ],
)
def test_what_is_refused(keys: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        MulticastConfig.model_validate(keys)
