"""The neighbour table, as the kernel writes it."""

import struct

from transcoder.net.neighbours import neighbours, parse_answer, parse_arp

# proc_net(5), with an entry that waits for its answer
ARP = """IP address       HW type     Flags       HW address            Mask     Device
192.168.10.21    0x1         0x2         44:19:b6:3f:5e:51     *        eth1
192.168.10.22    0x1         0x0         00:00:00:00:00:00     *        eth1
192.168.10.23    0x1         0x2         00:00:00:00:00:00     *        eth1
short line
"""


def test_the_table_of_ipv4() -> None:
    assert parse_arp(ARP) == {"192.168.10.21": "44:19:b6:3f:5e:51"}
    assert parse_arp("") == {}


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def message(kind: int, *attributes: bytes) -> bytes:
    body = struct.pack("=BBHiHBB", 10, 0, 0, 2, 2, 0, 1) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, 2, 1, 0) + body


ADDRESS = bytes.fromhex("fe80000000000000000000000000002a")


def test_the_table_of_ipv6() -> None:
    data = message(28, attribute(1, ADDRESS), attribute(2, bytes.fromhex("c47905000001")), attribute(3, b"\1\2\3\4"))
    data += message(28, attribute(1, ADDRESS[:15] + b"\x2b"))  # nobody answered
    assert parse_answer(data) == ({"fe80::2a": "c4:79:05:00:00:01"}, False)
    assert parse_answer(data + message(3)) == ({"fe80::2a": "c4:79:05:00:00:01"}, True)


def test_what_the_kernel_never_sends() -> None:
    assert parse_answer(b"") == ({}, False)
    assert parse_answer(b"\0" * 64) == ({}, True)
    assert parse_answer(message(28, attribute(1, ADDRESS))[:-3]) == ({}, False)
    assert parse_answer(message(2)) == ({}, True)
    cut = message(28, attribute(1, b"\x0a\0\0\1"), b"\0\0\0\0" * 2)
    assert parse_answer(cut) == ({}, False)


def test_this_machine() -> None:
    for address, mac in neighbours().items():
        assert address.count(".") == 3 or ":" in address
        assert len(mac) == 17
