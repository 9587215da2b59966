"""Inputs to begin with, from the case tables of the other tests."""

import struct
import tomllib
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"
FOUND = DATA / "fuzz"
SSRC = 0x0A1B2C3D

H264_SETS = (
    bytes.fromhex("674d401fda0586e840000003004000000783c60ca8"),
    bytes.fromhex("68ef0f2c80"),
)
H265_SETS = (
    bytes.fromhex("40010c01ffff01600000030090000003000003003c959809"),
    bytes.fromhex("42010101600000030090000003000003003ca00b080d165959a4932b9a020000030002000003001e10"),
    bytes.fromhex("4401c172b46240"),
)


MPEG4 = (
    bytes.fromhex("000001b001000001b58913000001000000012000c48d8800cd0204061443"),
    bytes.fromhex("000001b001000001b58913000001000000012000c48d8800cd0204061443000001b24c6176000001b3001007")
    + bytes.fromhex("000001b6106051b6dfc6db7f1b6dfc6db7ef0000a091b6dfc6db7f1b6dfc6db7ef0000c091b6dfc6db7f1b6dfc6db7ef"),
    bytes.fromhex("000001b610e051976d8b8bc6db7f1b6dfc6db7ef0000a091976d8b8bc6db7f1b6dfc6db7ef"),
)
"""Layer; layer, user data, group and I-VOP; VOP, of FFmpeg's encoder at 64x48."""

TUNNEL = b"HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"


OPENINGS = [
    b"GET /front HTTP/1.0\r\nx-sessioncookie: abc\r\n\r\n",
    b"POST /front HTTP/1.0\r\nx-sessioncookie: abc\r\nContent-Length: 32767\r\n\r\nT1BUSU9OUyAqIFJUU1AvMS4wDQoNCg==",
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n\r\n"
    + bytes.fromhex("818537fa213d7f9f4d5158898537fa213d7f9f4d5158888237fa213d3412"),
]


def table(name: str) -> dict[str, Any]:
    """A case table of tests/data."""
    return tomllib.loads((DATA / f"{name}.toml").read_text())


def found(target: str) -> list[bytes]:
    """Inputs that a fault was found with."""
    return [path.read_bytes() for path in sorted((FOUND / target).glob("*"))]


def descriptions() -> list[bytes]:
    """Session descriptions of every peculiarity."""
    return [case["body"].strip().replace("\n", "\r\n").encode() for case in table("sdp")["case"] if "body" in case]


def wire() -> list[bytes]:
    """What servers send on an RTSP connection."""
    data = table("wire")
    cases = []
    for case in data["case"]:
        text = case["text"].replace("\n", "\r\n").encode()
        for name, digits in data["hex"].items():
            text = text.replace(f"@{name}@".encode(), bytes.fromhex(digits))
        cases.append(text)
    return cases


def dialogs() -> list[bytes]:
    """The server's side of whole conversations, then frames."""
    description = descriptions()[0]
    challenges = [
        "WWW-Authenticate: " + value for case in table("challenges")["case"] for value in case.get("values", [])
    ]
    frames = b"$\0\0\x0e" + packet(1, 9000, H264_SETS[1][:2]) + b"\r\n$\x01\0\x08\x80\xc9\0\x01\0\0\0\x07"
    found_dialogs = []
    for index, dialog in enumerate(table("dialogs")["dialog"]):
        parts = []
        cseq = 0
        for step in ("options", "describe", "setup", "play"):
            fields = list(dialog.get(step, ()))
            body = description if step == "describe" else b""
            if step == "describe":
                cseq += 1
                challenge = challenges[index % len(challenges)]
                parts.append(f"RTSP/1.0 401 Unauthorized\r\nCSeq: {cseq + 1}\r\n{challenge}\r\n\r\n".encode())
                fields.append(f"Content-Length: {len(body)}")
            cseq += 1
            head = "\r\n".join(["RTSP/1.0 200 OK", f"CSeq: {cseq}", *fields])
            parts.append(head.encode() + b"\r\n\r\n" + body)
        found_dialogs.append(b"".join(parts) + frames + b"OPTIONS rtsp://192.0.2.7/ RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    return found_dialogs


def packet(
    sequence_number: int, timestamp: int, payload: bytes, *, marker: bool = False, payload_type: int = 96
) -> bytes:
    """An RTP packet (RFC 3550 section 5.1)."""
    second = payload_type | (0x80 if marker else 0)
    return struct.pack("!BBHII", 0x80, second, sequence_number & 0xFFFF, timestamp & 0xFFFFFFFF, SSRC) + payload


def framed(packets: list[bytes], flags: int = 0) -> bytes:
    """How the targets of RTP read several packets from one input: a byte of flags, then 16-bit size and packet."""
    return bytes((flags,)) + b"".join(len(each).to_bytes(2) + each for each in packets)


def streams(codec: str) -> list[bytes]:
    """Packets of the streams of one codec with the peculiarities of cameras, over TCP and over UDP."""
    cases = []
    for stream in table("rtp_streams")["stream"]:
        if stream["codec"] != codec:
            continue
        packets = []
        for row in stream["packets"]:
            extra = row if isinstance(row, dict) else {}
            number, timestamp, marker, payload = extra.get("packet", row)
            payload_type = extra.get("payload_type", 96)
            packets.append(packet(number, timestamp, bytes.fromhex(payload), marker=marker, payload_type=payload_type))
        cases += [framed(packets), framed(packets, 1)]
    return cases


def numbered_streams(codec: str) -> list[bytes]:
    """Packets with decoding order numbers (RFC 6184 section 5.7, 5.8; RFC 7798 section 4.4), and streams without."""
    payloads = {
        "H264": [
            "7d85000a8811", "7c4522", "79000d0003419a44", "790008 0003674d40 000368ee3c",
            "7a000b 0003000000419a33 0003040e10419a55", "7b0012 00030000000041ab66", "7800026588", "41e077", "7fb2b2",
        ],
        "H265": [
            "02010004d011", "6201930003af22", "62015333", "60010000 000340010c 00 0003420101 00 00034401c1",
            "02010005d044", "64012638abcdef0006af88", "02010007d055", "7e01000855",
        ],
    }  # fmt: skip
    packets = [packet(n, 3600 * (n // 3), bytes.fromhex(each)) for n, each in enumerate(payloads[codec] * 2)]
    return [framed(packets), framed(packets, 1), framed(packets[::-1]), *streams(codec)[:6]]


SENDER_REPORT = struct.pack("!BBHIQIII", 0x80, 200, 6, SSRC, 0xE9A1B2C3D4E5F607, 9000, 3, 900)
SOURCE_DESCRIPTION = struct.pack("!BBHIBB", 0x81, 202, 3, SSRC, 1, 6) + b"camera\0\0"


def reports() -> list[bytes]:
    """Compound RTCP packets."""
    receiver_report = struct.pack("!BBHIIIIIII", 0x81, 201, 7, 7, SSRC, 0x01FFFFFF, 70_000, 12, 0, 0)
    application = b"\x80\xcc\0\x03" + SSRC.to_bytes(4) + b"INFOabcd"
    goodbye = b"\x81\xcb\0\x01" + SSRC.to_bytes(4)
    return [SENDER_REPORT, SENDER_REPORT + SOURCE_DESCRIPTION, receiver_report + application + goodbye]


def mpeg4_streams() -> list[bytes]:
    """Pictures of MPEG-4 Part 2: whole, in two packets, and in order of another kind."""
    pictures = [packet(index, 3600 * index, unit, marker=True) for index, unit in enumerate(MPEG4[1:] * 2)]
    halves = [
        packet(0, 0, MPEG4[1][:60]),
        packet(1, 0, MPEG4[1][60:], marker=True),
        packet(2, 3600, MPEG4[2], marker=True),
    ]
    return [framed(pictures), framed(pictures, 1), framed(halves), framed([packet(0, 0, b"".join(MPEG4))])]


def jpeg_streams() -> list[bytes]:
    """Pictures by RFC 2435: tables by quality and in the packet, restart markers, ONVIF's extension."""
    entropy = bytes(range(1, 64)) + b"\xff\0" + bytes(40)
    by_quality = b"\0\0\0\0\x01\x32\x14\x0f"
    with_tables = b"\0\0\0\0\0\xff\x14\x0f" + b"\0\0\0\x80" + bytes(range(1, 129))
    restarts = b"\0\0\0\0\x41\x32\x14\x0f" + b"\0\x04\xff\xff"
    streams_found = []
    for head in (by_quality, with_tables, restarts):
        later = head[:1] + len(entropy).to_bytes(3) + head[4:8] + (head[8:12] if head is restarts else b"")
        packets = []
        for index in range(2):
            packets.append(packet(2 * index, 3600 * index, head + entropy))
            packets.append(packet(2 * index + 1, 3600 * index, later + entropy + b"\xff\xd9", marker=True))
        streams_found += [framed(packets), framed(packets, 1)]
    segment = b"\xff\xd8\xff\xc0\0\x11\x08\x08\x70\x0f\0\x03\x01\x22\0\x02\x11\x01\x03\x11\x01\xff\xfe\0\x06name"
    segment += bytes(-len(segment) % 4)
    extension = b"\xff\xd8" + (len(segment) // 4).to_bytes(2) + segment
    extended = packet(0, 0, extension + by_quality + entropy, marker=True)
    return [*streams_found, framed([b"\x90" + extended[1:]])]


def aac_streams() -> list[bytes]:
    """AAC by RFC 3640: one frame, two frames, one in two packets, one behind an ADTS header."""
    one = b"\0\x10" + (8 << 3).to_bytes(2) + b"aacframe"
    two = b"\0\x20" + (4 << 3).to_bytes(2) + (4 << 3).to_bytes(2) + b"aacframe"
    part = b"\0\x10" + (16 << 3).to_bytes(2) + b"aacframe"
    adts = b"\0\x10" + (15 << 3).to_bytes(2) + bytes.fromhex("fff15040017ffc") + b"aacframe"
    packets = [packet(0, 0, one, marker=True), packet(1, 1024, two, marker=True), packet(2, 3072, part)]
    packets += [packet(3, 3072, part, marker=True), packet(4, 4096, adts, marker=True)]
    return [framed(packets), framed(packets, 1), framed(packets[:1])]


def opus_streams() -> list[bytes]:
    """Opus by RFC 7587: one frame, two, a number of them, none."""
    payloads = (b"\xf8frame", b"\xf9frameframe", b"\xfb\x03frameframeframe", b"\xf8")
    packets = [packet(index, 960 * index, payload) for index, payload in enumerate(payloads)]
    return [framed(packets), framed(packets, 1)]
