"""JPEG files are made with FFmpeg and packetized by hand (T.81 Annex B, RFC 2435), without the product's code."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np


def encode(width: int, height: int, pixel_format: str = "yuvj420p", *, slices: int = 1, seed: int = 1) -> bytes:
    """Encode a picture of slopes and noise; with slices there are restart markers."""
    context = av.CodecContext.create("mjpeg", "w")
    context.width, context.height = width, height
    context.pix_fmt = pixel_format
    context.color_range = 2
    context.time_base = Fraction(1, 25)
    context.thread_count = slices
    context.thread_type = "SLICE" if slices > 1 else "NONE"
    context.options = {"huffman": "default"}
    context.open()
    noise = np.random.default_rng(seed)
    frame = av.VideoFrame(width, height, pixel_format)
    for plane in frame.planes:
        rows = (2 * np.arange(plane.height)).astype(np.uint8)[:, np.newaxis]
        columns = np.arange(plane.line_size).astype(np.uint8)
        samples = noise.integers(0, 16, (plane.height, plane.line_size), np.uint8)
        plane.update((samples + rows + columns).tobytes())
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


def decode(data: bytes) -> np.ndarray:
    """Decode a file with FFmpeg, and return all planes in a row."""
    context = av.CodecContext.create("mjpeg", "r")
    context.thread_count = 1
    packet = av.Packet(len(data))
    packet.update(data)
    (frame,) = context.decode(packet)
    assert not frame.is_corrupt
    planes = []
    planes_of_frame: list[Any] = list(frame.planes)
    for plane in planes_of_frame:
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        planes.append(rows[:, : plane.width].reshape(-1))
    return np.concatenate(planes)


def aspect_ratio(data: bytes) -> Fraction:
    context = av.CodecContext.create("mjpeg", "r")
    packet = av.Packet(len(data))
    packet.update(data)
    assert context.decode(packet)
    assert context.sample_aspect_ratio is not None
    return context.sample_aspect_ratio


@dataclass
class File:
    width: int
    height: int
    kind: int
    """The type of RFC 2435 without the restart bit: 0 for 4:2:2, 1 for 4:2:0."""
    tables: list[bytes]
    restart_interval: int
    scan: bytes
    segments: list[tuple[int, bytes]] = field(default_factory=list)


def segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield the marker, body and end of every segment from SOI to SOS."""
    position = 2
    while data[position + 1] != 0xDA:
        size = int.from_bytes(data[position + 2 : position + 4])
        yield data[position + 1], data[position + 4 : position + 2 + size], position + 2 + size
        position += 2 + size
    size = int.from_bytes(data[position + 2 : position + 4])
    yield 0xDA, data[position + 4 : position + 2 + size], position + 2 + size


def read(data: bytes) -> File:
    found = File(0, 0, 0, [], 0, b"")
    for marker, body, end in segments(data):
        found.segments.append((marker, body))
        if marker == 0xDB:
            found.tables += [body[at + 1 : at + 65] for at in range(0, len(body), 65)]
        elif marker == 0xDD:
            found.restart_interval = int.from_bytes(body)
        elif marker == 0xC0:
            found.height, found.width = struct.unpack("!HH", body[1:5])
            found.kind = {0x21: 0, 0x22: 1}[body[7]]
        elif marker == 0xDA:
            found.scan = data[end : data.rindex(b"\xff\xd9")]
    return found


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack("!H", len(body) + 2) + body


def payloads(
    file: File,
    *,
    quality: int = 255,
    with_tables: bool = True,
    size: int = 500,
    type_specific: int = 0,
    dimensions: tuple[int, int] | None = None,
) -> list[bytes]:
    """Return the RTP payloads of a picture (RFC 2435 section 3.1)."""
    width, height = dimensions if dimensions is not None else (-(-file.width // 8), -(-file.height // 8))
    restart = bool(file.restart_interval)
    result = []
    for offset in range(0, len(file.scan), size):
        kind = file.kind | (0x40 if restart else 0)
        data = bytes((type_specific,)) + offset.to_bytes(3) + bytes((kind, quality, width, height))
        if restart:
            data += struct.pack("!HH", file.restart_interval, 0xFFFF)
        if offset == 0 and quality >= 128:
            tables = b"".join(file.tables) if with_tables else b""
            data += struct.pack("!BBH", 0, 0, len(tables)) + tables
        result.append(data + file.scan[offset : offset + size])
    return result


def words(data: bytes) -> bytes:
    """Padded with 0xFF to whole words, before what stands last (ONVIF Streaming, JPEG over RTP)."""
    return b"\xff" * (-len(data) % 4) + data
