"""A path keeps its group, and no two paths have one."""

import ipaddress

import pytest

from transcoder.rtsp.multicast_groups import Group, MulticastGroups

SIXTEEN = ipaddress.ip_network("239.192.0.0/16")
IPV6 = ipaddress.ip_network("ff15::1:0/112")


def groups(*networks: str) -> MulticastGroups:
    return MulticastGroups([ipaddress.ip_network(text) for text in networks], 20000, 4)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("front", "239.192.246.175"),  # printf front | sha256sum: digits 29 to 32 are f6af
        ("front/sub", "239.192.149.39"),  # 9527
    ],
)
def test_the_name_decides(path: str, address: str) -> None:
    assert groups("239.192.0.0/16").of(path) == Group(address=address, port=20000, ttl=4)


def test_each_track_has_a_pair_of_ports() -> None:
    group = groups("239.192.0.0/16").of("front")
    assert group is not None
    assert (group.ports(0), group.ports(1)) == ((20000, 20001), (20002, 20003))


def test_names_that_meet_have_groups_of_their_own_which_they_keep() -> None:
    few = groups("239.192.0.0/28")
    paths = [f"camera{number}" for number in range(16)]
    found = [few.of(path) for path in paths]
    assert len({group.address for group in found if group is not None}) == 16
    assert [few.of(path) for path in paths] == found
    assert few.of("one too many") is None
    assert [few.of(path) for path in paths] == found


def test_a_reader_over_ipv6_has_a_group_of_ipv6() -> None:
    both = groups("239.192.0.0/16", "ff15::1:0/112")
    group = both.of("front", is_ipv6=True)
    assert group is not None
    assert ipaddress.ip_address(group.address) in IPV6
    assert groups("239.192.0.0/16").of("front", is_ipv6=True) is None
    assert groups("ff15::1:0/112").of("front") is None
