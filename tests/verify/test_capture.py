"""Capture files written by hand from the descriptions of their formats."""

import struct

import pytest

from transcoder.verify.capture import is_capture, read_capture

FLOW = ("192.0.2.1", 5004, "192.0.2.2", 6000)


def udp(payload: bytes) -> bytes:
    return struct.pack("!HHHH", 5004, 6000, 8 + len(payload), 0) + payload


def tcp(number: int, payload: bytes) -> bytes:
    return struct.pack("!HHIIBBHHH", 5004, 6000, number & 0xFFFFFFFF, 0, 0x60, 0x18, 0, 0, 0) + bytes(4) + payload


def ipv4(data: bytes, protocol: int = 17, fragment: int = 0) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), 1, fragment, 64, protocol, 0)
    return head + bytes((192, 0, 2, 1)) + bytes((192, 0, 2, 2)) + data


def ipv6(data: bytes) -> bytes:
    address = bytes.fromhex("20010db8000000000000000000000001")
    return struct.pack("!IHBB", 0x60000000, len(data), 17, 64) + address + address + data


def ethernet(packet: bytes, kind: int = 0x0800) -> bytes:
    return bytes(12) + struct.pack("!H", kind) + packet


def pcap(*frames: bytes, link: int = 1, order: str = "<", magic: int = 0xA1B2C3D4) -> bytes:
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    for index, frame in enumerate(frames):
        data += struct.pack(order + "IIII", index + 1, 500, len(frame), len(frame)) + frame
    return data


def pcapng(frame: bytes, order: str = "<", resolution: bytes = b"") -> bytes:
    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = 12 + len(body)
        return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size)

    section = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    options = struct.pack(order + "HH", 9, 1) + resolution + bytes(3) if resolution else b""
    interface = block(1, struct.pack(order + "HHI", 1, 0, 0) + options)
    packet = struct.pack(order + "IIIII", 0, 0, 3_000_000, len(frame), len(frame)) + frame
    return section + interface + block(6, packet)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("magic", "seconds"), [(0xA1B2C3D4, 1.0005), (0xA1B23C4D, 1.0000005)])
def test_pcap(order: str, magic: int, seconds: float) -> None:
    data = pcap(ethernet(ipv4(udp(b"hello") + b"??")), order=order, magic=magic)
    assert is_capture(data)
    ((flow, payload, at),) = read_capture(data).datagrams
    assert (flow, payload[:5]) == (FLOW, b"hello")
    assert at == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, ethernet(ipv4(udp(b"hello")) + bytes(9))),  # Ethernet fills frames up
        (1, bytes(12) + b"\x81\x00\x00\x07\x08\x00" + ipv4(udp(b"hello"))),
        (113, bytes(14) + b"\x08\x00" + ipv4(udp(b"hello"))),
        (276, b"\x08\x00" + bytes(18) + ipv4(udp(b"hello"))),
        (101, ipv4(udp(b"hello"))),
        (0, bytes(4) + ipv4(udp(b"hello"))),
    ],
)
def test_links(link: int, frame: bytes) -> None:
    ((flow, payload, _),) = read_capture(pcap(frame, link=link)).datagrams
    assert (flow, payload) == (FLOW, b"hello")


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("resolution", "seconds"), [(b"", 3.0), (b"\x03", 3000.0), (b"\x94", 3e6 / 2**20)])
def test_pcapng(order: str, resolution: bytes, seconds: float) -> None:
    data = pcapng(ethernet(ipv6(udp(b"hello")), 0x86DD), order, resolution)
    assert is_capture(data)
    ((flow, payload, at),) = read_capture(data).datagrams
    assert (flow[0], payload) == ("2001:0db8:0000:0000:0000:0000:0000:0001", b"hello")
    assert at == pytest.approx(seconds)


def test_tcp_in_order_once() -> None:
    start = 0xFFFFFFFE  # wraps
    frames = [(0, b"ab"), (4, b"ef"), (2, b"cd"), (2, b"cd"), (5, b"fgh")]
    data = pcap(*(ethernet(ipv4(tcp(start + offset, text), 6)) for offset, text in frames))
    ((flow, pieces),) = read_capture(data).byte_streams()
    assert flow == FLOW
    assert b"".join(piece for piece, _ in pieces) == b"abcdefgh"


def test_what_is_not_read_is_counted() -> None:
    data = pcap(ethernet(ipv4(udp(b"x"), fragment=0x2000)), ethernet(b"\x00" * 30, 0x0806), ethernet(ipv4(b"", 1)))
    capture = read_capture(data)
    assert capture.skipped == {"IP fragment": 1, "no IP": 1, "IP protocol 1": 1}
    assert not capture.datagrams


@pytest.mark.parametrize(
    "make", [lambda: pcap(ethernet(ipv4(udp(b"hello")))), lambda: pcapng(ethernet(ipv4(udp(b"x"))))]
)
def test_cut_off_anywhere(make) -> None:
    data = make()
    for size in range(4, len(data)):
        read_capture(data[:size])
