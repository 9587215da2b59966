"""A captured H.265 stream through the whole reception path, byte for byte; and one of our own that always runs."""

import random
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.rtp_packets import ENDS
from transcoder.codecs.access_unit import filter_nal_units
from transcoder.codecs.nal import Codec, is_allowed, join_byte_stream
from transcoder.formats.h265 import InOrderReader
from transcoder.ledger import Ledger
from transcoder.rtp.reception import RtpReceiver
from transcoder.rtp.video import VideoReceiver

Build = Callable[..., bytes]


def read_pcap(data: bytes) -> Iterator[tuple[float, bytes]]:
    """Time and payload of every UDP datagram over IPv4 in a capture (libpcap file format, Ethernet or raw IP)."""
    magic = data[:4]
    order = "<" if magic in {b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"} else ">"
    unit_s = 1e-9 if magic in {b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d"} else 1e-6
    link = struct.unpack_from(order + "I", data, 20)[0]
    skip = {1: 14, 101: 0, 113: 16}[link]
    position = 24
    while position + 16 <= len(data):
        seconds, fraction, size, _ = struct.unpack_from(order + "IIII", data, position)
        frame = data[position + 16 + skip : position + 16 + size]
        position += 16 + size
        if len(frame) < 28 or frame[0] >> 4 != 4 or frame[9] != 17:
            continue
        start = 4 * (frame[0] & 15)
        length = struct.unpack_from("!H", frame, start + 4)[0]
        yield seconds + fraction * unit_s, frame[start + 8 : start + length]


def write_pcap(datagrams: list[tuple[float, bytes]]) -> bytes:
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)]
    for time, payload in datagrams:
        udp = struct.pack("!HHHH", 40_000, 40_002, 8 + len(payload), 0) + payload
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), bytes(4)) + udp
        frame = bytes(12) + b"\x08\x00" + ip
        out.append(struct.pack("<IIII", int(time), round(time % 1 * 1e6) % 1_000_000, len(frame), len(frame)) + frame)
    return b"".join(out)


def payload_types(datagrams: list[tuple[float, bytes]]) -> Counter[int]:
    return Counter(data[1] & 0x7F for _, data in datagrams if len(data) > 12 and data[0] >> 6 == 2)


def units_of(stream: bytes) -> list[bytes]:
    """NAL units between 4-byte start codes."""
    return stream.split(b"\x00\x00\x00\x01")[1:]


def is_sei(unit: bytes) -> bool:
    return unit[0] >> 1 & 63 in {39, 40}


def check(capture: bytes, expected: bytes, *, reorder: bool) -> None:
    datagrams = list(read_pcap(capture))
    ((payload_type, _),) = payload_types(datagrams).most_common(1)

    # the depacketizer, before any allow-list
    receiver = RtpReceiver(frozenset({payload_type}), 90_000, Ledger(), reorder=reorder)
    reader = InOrderReader()
    found: list[bytes] = []
    for time, data in datagrams:
        receiver.receive(data, time)
        while (item := receiver.next_packet()) is not None:
            packet, lost, _ = item
            assert not lost
            before, completed = reader.receive(packet.payload, marker=packet.marker)
            found += [*before, *completed]
    assert join_byte_stream(found) == expected

    # the whole path, behind the allow-list
    ledger = Ledger()
    video = VideoReceiver(
        codec=Codec.H265, payload_types=frozenset({payload_type}), clock_rate=90_000, ledger=ledger, reorder=reorder,
        ssrc=1, cname="x",
    )  # fmt: skip
    kept: list[bytes] = []
    pictures = 0

    def drain() -> None:
        nonlocal pictures
        while (unit := video.next_access_unit()) is not None:
            assert not unit.damaged
            pictures += 1
            kept.extend(filter_nal_units(unit, ledger, is_allowed, "nal"))

    for time, data in datagrams:
        video.receive_rtp(data, time)
        drain()
    time, last = datagrams[-1]
    number = (int.from_bytes(last[2:4]) + 1 & 0xFFFF).to_bytes(2)
    video.receive_rtp(bytes((0x80, payload_type)) + number + last[4:12] + ENDS["H265"], time)
    drain()
    units = units_of(expected)
    assert kept == [unit for unit in units if not is_sei(unit)]
    dropped = Counter(f"h265 type {unit[0] >> 1 & 63}" for unit in units if is_sei(unit))
    assert {kind: entry.count for layer, kind, entry in ledger if layer == "nal"} == dropped
    assert sum(dropped.values()) > 0
    assert pictures == sum(1 for unit in units if unit[0] >> 1 & 63 < 32 and unit[2] & 0x80)


def test_recorded_capture(footage: Path) -> None:
    check(
        (footage / "tau_wilson.pcap").read_bytes(),
        (footage / "tau_raw.h265").read_bytes(),
        reorder=True,
    )


def made_stream(seed: int = 7) -> tuple[list[bytes], list[list[bytes]]]:
    """NAL units of an H.265 stream with random bodies that hold no zeros, and the same by picture."""
    chance = random.Random(seed)

    def unit(kind: int, size: int, first: int) -> bytes:
        return bytes((kind << 1, 1, first)) + bytes(chance.randrange(1, 256) for _ in range(size))

    pictures = []
    for index in range(40):
        picture = []
        if index % 10 == 0:
            picture += [unit(32, 20, 0x0C), unit(33, 40, 0x01), unit(34, 6, 0xC1), unit(39, 30, 5)]
        kind = 19 if index % 10 == 0 else 1
        picture.append(unit(kind, chance.choice([50, 900, 3000, 9000]), 0x80))
        if index % 4 == 0:
            picture += [unit(kind, 1500, 0x40), unit(40, 8, 132)]
        pictures.append(picture)
    return [unit for picture in pictures for unit in picture], pictures


def packetize(picture: list[bytes], limit: int) -> list[bytes]:
    """RFC 7798 written down a second time: AP of what comes in a row and fits, FU of what does not."""
    payloads: list[bytes] = []
    waiting: list[bytes] = []

    def flush() -> None:
        if len(waiting) > 1:
            payloads.append(struct.pack("!H", 48 << 9 | 1) + b"".join(struct.pack("!H", len(u)) + u for u in waiting))
        else:
            payloads.extend(waiting)
        waiting.clear()

    for unit in picture:
        if len(unit) > limit:
            flush()
            body = unit[2:]
            pieces = [body[at : at + limit - 3] for at in range(0, len(body), limit - 3)]
            for number, piece in enumerate(pieces):
                flags = (0x80 if number == 0 else 0) | (0x40 if number == len(pieces) - 1 else 0)
                payloads.append(struct.pack("!HB", 49 << 9 | 1, flags | unit[0] >> 1) + piece)
        else:
            if 2 + sum(2 + len(u) for u in [*waiting, unit]) > limit:
                flush()
            waiting.append(unit)
    flush()
    return payloads


def made_capture(rtp: Build, *, shuffle: bool) -> tuple[bytes, bytes]:
    units, pictures = made_stream()
    chance = random.Random(9)
    datagrams = []
    number = 65_000  # wraps
    for index, picture in enumerate(pictures):
        payloads = packetize(picture, 1200)
        for part, payload in enumerate(payloads):
            time = 1_700_000_000 + index * 0.04 + part * 0.0002
            last = part == len(payloads) - 1
            stamp = (0xFFFF_0000 + 3600 * index) & 0xFFFF_FFFF
            datagrams.append((time, rtp(number & 0xFFFF, stamp, payload, payload_type=104, marker=last)))
            number += 1
            if chance.random() < 0.1:
                datagrams.append((time, rtp(number & 0xFFFF, stamp, b"private", payload_type=50)))
    if shuffle:
        keys = [index + chance.random() * 5 for index in range(len(datagrams))]
        keys[0] = -1
        order = sorted(range(len(datagrams)), key=keys.__getitem__)
        datagrams = [(datagrams[at][0], datagrams[index][1]) for at, index in enumerate(order)]
        datagrams[20:20] = [datagrams[19], datagrams[18]]  # and some twice
    return write_pcap(datagrams), b"".join(b"\x00\x00\x00\x01" + unit for unit in units)


def test_made_capture_in_order(rtp: Build) -> None:
    check(*made_capture(rtp, shuffle=False), reorder=False)


def test_made_capture_out_of_order(rtp: Build) -> None:
    check(*made_capture(rtp, shuffle=True), reorder=True)
