"""This module keeps the encoded content that cameras loop, in memory as access units and as files in the cache folder.

One content is two files: `NAME.h264` or `NAME.h265`, a byte stream that any player opens, and `NAME.json`, which says
how the stream is cut. The JSON file is put in place last, by renaming, so a content is there whole or not at all.
"""

import json
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from transcoder.codecs.nal import START_CODE, is_parameter_set, join_byte_stream, nal_unit_type
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec, source_codec
from transcoder.errors import MediaError

CLOCK_RATE = 90_000


class Coding(StrEnum):
    """Says how a camera chooses what to spend bits on.

    QUALITY is what native streams look like: samples of full range, and macroblocks that show nothing but the sensor's
    noise are skipped; the bitrate is a cap. BITRATE spends the whole bitrate, on noise where there is nothing else, in
    limited range.
    """

    QUALITY = "quality"
    BITRATE = "bitrate"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessUnit:
    """Holds one coded picture.

    Attributes:
        nal_units: without start codes, emulation prevention in place; in-band parameter sets are included. For JPEG:
            the file, of MPEG-4 its elements with their start codes.
        random_access: whether decoding may start here.
        duration_ticks: time to the next access unit, 90 kHz.
    """

    nal_units: tuple[bytes, ...]
    random_access: bool
    duration_ticks: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Content:
    """Holds a loop of access units in decoding order, which is display order; the first is a random access point.

    Attributes:
        codec: codec of the NAL units.
        width: luma pixels shown.
        height: luma pixels shown.
        access_units: at least one.
    """

    codec: SourceCodec
    width: int
    height: int
    access_units: tuple[AccessUnit, ...]

    @property
    def duration_ticks(self) -> int:
        """Return the length of one loop, 90 kHz."""
        return sum(unit.duration_ticks for unit in self.access_units)

    @property
    def fps(self) -> float:
        """Return the mean pictures a second."""
        return len(self.access_units) * CLOCK_RATE / self.duration_ticks

    @property
    def bitrate_kbps(self) -> float:
        """Return the mean bitrate of the NAL units, without RTP."""
        size = sum(len(nal_unit) for unit in self.access_units for nal_unit in unit.nal_units)
        return size * 8 * CLOCK_RATE / self.duration_ticks / 1000

    @property
    def parameter_sets(self) -> tuple[bytes, ...]:
        """Return the parameter sets of the first access unit: (VPS,) SPS, PPS; JPEG and MPEG-4 have none."""
        if isinstance(self.codec, PictureCodec):
            return ()
        return tuple(
            nal_unit
            for nal_unit in self.access_units[0].nal_units
            if is_parameter_set(self.codec, nal_unit_type(self.codec, nal_unit))
        )


def store(content: Content, folder: Path, name: str) -> None:
    """Write a content to the cache folder; make the folder if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    index = {
        "codec": content.codec.value,
        "width": content.width,
        "height": content.height,
        "access_units": [
            [unit.random_access, unit.duration_ticks, [len(nal_unit) for nal_unit in unit.nal_units]]
            for unit in content.access_units
        ],
    }
    stream = b"".join(join_byte_stream(unit.nal_units) for unit in content.access_units)
    for path, data in (
        (_stream_path(folder, name, content.codec), stream),
        (folder / f"{name}.json", json.dumps(index).encode()),
    ):
        temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
        temporary.write_bytes(data)
        temporary.replace(path)


def load(folder: Path, name: str) -> Content | None:
    """Read a content back; return None where the folder does not hold the content.

    Raises:
        MediaError: the files don't fit each other.
    """
    try:
        index = json.loads((folder / f"{name}.json").read_bytes())
        codec = source_codec(index["codec"])
        stream = _stream_path(folder, name, codec).read_bytes()
    except FileNotFoundError:
        return None
    units = []
    position = 0
    for random_access, duration_ticks, sizes in index["access_units"]:
        nal_units = []
        for size in sizes:
            position += len(START_CODE)
            nal_units.append(stream[position : position + size])
            position += size
        units.append(AccessUnit(nal_units=tuple(nal_units), random_access=random_access, duration_ticks=duration_ticks))
    if position != len(stream):
        raise MediaError(f"cached content {name} is broken: remove {folder / name}.*")
    return Content(codec=codec, width=index["width"], height=index["height"], access_units=tuple(units))


def _stream_path(folder: Path, name: str, codec: SourceCodec) -> Path:
    return folder / f"{name}.{codec.value.lower()}"
