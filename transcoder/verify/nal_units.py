"""NAL units are searched for everything that they say besides pixels."""

import re
from collections import Counter
from dataclasses import dataclass

from transcoder.errors import BitstreamError
from transcoder.verify.codec import Codec
from transcoder.verify.own_text import shown
from transcoder.verify.search import Search, short_marks
from transcoder.verify.sequence_parameter_set import SequenceParameterSet, read_sps

MIN_RUN = 8
"""The number of printable characters in a row that are shown as text."""
MIN_TEXT = 12
"""The number of printable characters in a row that are shown of a parameter set: chance writes eight in a row once in a
hundred sets, twelve once in a hundred thousand."""
MAX_KINDS = 64
_MAX_RANDOM_ACCESS = 1 << 16

_RUN = re.compile(rb"[\x20-\x7e]{%d,}" % MIN_RUN)


@dataclass(slots=True)
class SeiKind:
    """Counts SEI messages of one payload type."""

    count: int = 0
    first: bytes = b""
    """The first bytes of the first message, its type and size included."""


class NalUnits:
    """Looks at NAL units in decoding order.

    Attributes:
        types: the number of NAL units by nal_unit_type.
        sei: the SEI messages by payload type.
        texts: printable runs in NAL units that are no slices, with how often they occurred.
        sets: the distinct SPS that could be read.
        pictures: the number of pictures, counted where a first slice stands.
        random_access: the index of each picture that decoding can start at.
        problems: the reasons why the stream is not clean.
    """

    def __init__(self, codec: Codec, search: Search, problems: Counter[str]) -> None:
        self.codec = codec
        self._search = search
        self.problems = problems
        self.types: Counter[int] = Counter()
        self.sizes: Counter[int] = Counter()
        self.sei: dict[int, SeiKind] = {}
        self.texts: Counter[str] = Counter()
        self.sets: dict[bytes, SequenceParameterSet] = {}
        self.pictures = 0
        self.random_access: list[int] = []
        self._known: set[bytes] = set()

    @property
    def latest_sps(self) -> SequenceParameterSet | None:
        """Return the SPS that was read last for the first time, None where none was read."""
        return next(reversed(self.sets.values()), None)

    @property
    def macroblocks(self) -> int:
        """Return the macroblocks of 16x16 samples in a picture of the latest SPS, 0 where none was read."""
        sps = self.latest_sps
        return 0 if sps is None else -(-sps.width // 16) * -(-sps.height // 16)

    def look(self, unit: bytes) -> bool:
        """Look at a NAL unit, and return whether it is the first slice of a picture."""
        codec, size = self.codec, self.codec.nal_header_size
        if len(unit) <= size:
            self.problems["a NAL unit of its header alone"] += 1
            return False
        self._search.feed("NAL units", unit)
        kind = codec.nal_unit_type(unit)
        self.types[kind] += 1
        self.sizes[kind] += len(unit)
        if unit[0] & 0x80:
            self.problems["a NAL unit with its forbidden bit set"] += 1
        if codec is Codec.H265 and ((unit[0] & 1) << 5 | unit[1] >> 3):
            self.problems["a NAL unit of another layer"] += 1
        if b"\x00\x00\x01" in unit or b"\x00\x00\x00" in unit:
            self.problems["a start code or zeros inside a NAL unit"] += 1
        if kind in codec.slice_types:
            return self._slice(unit, kind, size)
        in_set = kind in codec.parameter_set_types
        self._no_slice(unit, kind, in_set=in_set)
        if not in_set:
            self.problems[f"NAL units of type {codec.nal_unit_name(kind)}"] += 1
        return False

    def _slice(self, unit: bytes, kind: int, size: int) -> bool:
        if unit[size] < 0x80:  # first_mb_in_slice 0 and first_slice_segment_in_pic_flag are one set bit each
            return False
        if kind in self.codec.random_access_types and len(self.random_access) < _MAX_RANDOM_ACCESS:
            self.random_access.append(self.pictures)
        self.pictures += 1
        return True

    def _no_slice(self, unit: bytes, kind: int, *, in_set: bool) -> None:
        if in_set and unit in self._known:
            return
        plain = unit.replace(b"\x00\x00\x03", b"\x00\x00")
        if plain is not unit and plain != unit:
            self._search.feed("NAL units without emulation prevention", plain)
        name = self.codec.nal_unit_name(kind)
        for run in _RUN.findall(plain[:65536])[:MAX_KINDS]:
            text = f"{name}: {shown(run.decode())}"
            if text in self.texts or len(self.texts) < MAX_KINDS:
                self.texts[text] += 1
            if in_set and len(run) >= MIN_TEXT:
                self.problems[f"text in a parameter set ({name})"] += 1
        for mark in short_marks(plain):
            self.problems[f"mark {mark} in a NAL unit of type {name}"] += 1
        if in_set:
            if len(self._known) < MAX_KINDS:
                self._known.add(unit)
            self._parameter_set(unit, kind)
        elif kind in self.codec.sei_types:
            self._sei(plain[self.codec.nal_header_size :])

    def _parameter_set(self, unit: bytes, kind: int) -> None:
        if kind != self.codec.sps_type:
            return
        try:
            parsed = read_sps(self.codec, unit)
        except BitstreamError as error:
            self.problems[f"an SPS that can't be read: {error}"] += 1
            return
        if len(self.sets) < MAX_KINDS:
            self.sets[unit] = parsed
        if parsed.bytes_behind:
            self.problems["an SPS with bytes behind its end"] += 1

    def _sei(self, data: bytes) -> None:
        """Count the messages of an SEI NAL unit.

        A malformed message still shows its type and first bytes (H.264 7.3.2.3.1).
        """
        position = 0
        for _ in range(MAX_KINDS):
            if position >= len(data) or data[position:] == b"\x80":
                return
            begin = position
            numbers = []
            for _ in range(2):
                number = 0
                while position < len(data) and data[position] == 0xFF:
                    number += 255
                    position += 1
                if position < len(data):
                    number += data[position]
                    position += 1
                numbers.append(number)
            payload_type, size = numbers
            if payload_type in self.sei or len(self.sei) < MAX_KINDS:
                entry = self.sei.setdefault(payload_type, SeiKind())
                entry.count += 1
                entry.first = entry.first or data[begin : position + size][:24]
            if position + size > len(data):
                self.problems["an SEI message whose size is wrong"] += 1
                return
            position += size


def guess_codec(units: list[bytes]) -> Codec | None:
    """Return the codec whose SPS is among NAL units, or None."""
    for codec in (Codec.H265, Codec.H264):
        for unit in units:
            if len(unit) > 4 and codec.nal_unit_type(unit) == codec.sps_type:
                try:
                    read_sps(codec, unit)
                except BitstreamError:
                    continue
                return codec
    return None
