"""Fragmented MP4 is written here, as browsers and players take it: an init segment, and a fragment for each picture.

A file has one track of pictures that are shown in the order in which they are coded. Parameter sets stand in the init
segment alone (`avc1`, `hvc1`). Nothing of the writer is in it: no names, no dates, no random numbers.

The time of a picture is known when it comes, and how long it is shown only when the next one does. A fragment is not
kept back for that. It begins where the one before ended, and ends at the picture's own time and the usual distance of
pictures: so there is never a gap, the end never drifts from the time of the pictures, and where they come regularly
each begins at its time. After a pause a picture begins early, at the end of the one before. Media Source Extensions
drop everything up to the next IDR picture at a gap in the decoding times of more than twice a picture (section 3.5.8).

Source: ISO/IEC 14496-12 (boxes), ISO/IEC 14496-15 sections 5.3.3, 5.4.2, 8.3.2, E.3 (H.264 and H.265 in them), RFC 6381
section 3.3 and ISO/IEC 14496-15 annex E (codecs parameter).
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import (
    H264_PPS,
    H264_SPS,
    H265_PPS,
    H265_SPS,
    H265_VPS,
    Codec,
    header_size,
    is_parameter_set,
    nal_unit_type,
    remove_emulation_prevention,
)
from transcoder.codecs.parameter_sets import SequenceParameterSet, parse_sps
from transcoder.errors import BitstreamError

TIMESCALE: Final = VIDEO_CLOCK_RATE
TRACK_ID: Final = 1
MAX_USUAL: Final = VIDEO_CLOCK_RATE // 10
"""Ticks for which a picture is shown at least, as long as nothing else is known, at most: so far at most a player is
ahead of the pictures where they come seldom, and it waits with the last one on the screen."""
MIN_DURATION: Final = VIDEO_CLOCK_RATE // 1000
"""Ticks for which a picture is shown at least: a millisecond, the steps of some players."""
FIRST_DURATION: Final = VIDEO_CLOCK_RATE // 25
"""Ticks for which the first picture is shown."""
_FOLLOWS: Final = 8
"""How slowly the usual distance follows the pictures: by an eighth of what they differ."""

_IDENTITY: Final = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
"""The matrix that moves and turns nothing (ISO/IEC 14496-12 section 6.2.2)."""
_UNDETERMINED: Final = 0x55C4
"""The language "und", packed (section 8.4.2.3)."""
_PER_INCH: Final = 0x0048_0000
"""72 dots per inch, which stand in every sample entry (section 12.1.3.2)."""
_DEPTH: Final = 0x18
_SYNC: Final = 0x0200_0000
"""The flags of a sample that depends on no other (section 8.8.3.1)."""
_DEPENDS: Final = 0x0101_0000
"""The flags of a sample that depends on others and is no sync sample."""
_PLAIN_PROFILES: Final = frozenset({66, 77, 88})
"""The profiles whose avcC says nothing of chroma and depths (ISO/IEC 14496-15 section 5.3.3.1.2)."""
_MOOF: Final = struct.Struct(">I4s I4sII I4s I4sII I4sIQ I4sIIIIII I4s")
"""moof (mfhd, traf (tfhd, tfdt, trun)) and the head of mdat, of a fragment with one sample."""
_MOOF_SIZE: Final = _MOOF.size - 8


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full(kind: bytes, flags: int, *parts: bytes, version: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitSegment:
    """Holds what a player is told before the first picture.

    Attributes:
        codec: the codec.
        codecs: the parameter `codecs` of the media type.
        width, height: samples of a picture.
        data: the bytes of the segment.
    """

    codec: Codec
    codecs: str
    width: int
    height: int
    data: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """Return the media type with its parameter, as browsers ask for it."""
        return f'video/mp4; codecs="{self.codecs}"'


def init_segment(codec: Codec, parameter_sets: Iterable[bytes]) -> InitSegment:
    """Return the init segment for pictures with these parameter sets.

    Args:
        codec: the codec.
        parameter_sets: NAL units, of which those that are no parameter sets are left out.

    Raises:
        BitstreamError: a set is missing, or the SPS can't be read.
    """
    sets: dict[int, list[bytes]] = {}
    for unit in parameter_sets:
        kind = nal_unit_type(codec, unit)
        if is_parameter_set(codec, kind):
            sets.setdefault(kind, []).append(unit)
    needed = (H264_SPS, H264_PPS) if codec is Codec.H264 else (H265_VPS, H265_SPS, H265_PPS)
    if any(kind not in sets for kind in needed):
        raise BitstreamError("parameter sets are missing")
    own_sps = sets[needed[-2]][0]
    sps = parse_sps(codec, own_sps)
    if codec is Codec.H264:
        entry, configuration = b"avc1", _box(b"avcC", _avc_configuration(sps, sets))
        codecs = f"avc1.{sps.profile_level_id}"
    else:
        entry, configuration = b"hvc1", _box(b"hvcC", _hevc_configuration(sps, own_sps, sets))
        codecs = _hevc_codecs(own_sps)
    sample_entry = _box(
        entry,
        struct.pack(">6xH16xHHIIIH32xHh", 1, sps.width, sps.height, _PER_INCH, _PER_INCH, 0, 1, _DEPTH, -1),
        configuration,
        _shape(sps),
        _colour(sps),
    )
    data = _box(b"ftyp", b"iso6", bytes(4), b"iso6", b"mp41") + _movie(sps, sample_entry)
    return InitSegment(codec=codec, codecs=codecs, width=sps.width, height=sps.height, data=data)


def _movie(sps: SequenceParameterSet, sample_entry: bytes) -> bytes:
    """Return the box moov (ISO/IEC 14496-12 section 8.2 to 8.8), without samples."""
    shape = sps.sar or (1, 1)
    shown = (sps.width * shape[0] << 16) // shape[1], sps.height << 16
    header = struct.pack(">IIIIIH10x36s24xI", 0, 0, TIMESCALE, 0, 0x10000, 0x100, _IDENTITY, TRACK_ID + 1)
    # enabled, in the movie, in its preview
    track = struct.pack(">IIIII8xHHH2x36sII", 0, 0, TRACK_ID, 0, 0, 0, 0, 0, _IDENTITY, *shown)
    return _box(
        b"moov",
        _full(b"mvhd", 0, header),
        _box(
            b"trak",
            _full(b"tkhd", 7, track),
            _box(
                b"mdia",
                _full(b"mdhd", 0, struct.pack(">IIIIHH", 0, 0, TIMESCALE, 0, _UNDETERMINED, 0)),
                _full(b"hdlr", 0, struct.pack(">I4s12x", 0, b"vide"), b"\0"),
                _box(
                    b"minf",
                    _full(b"vmhd", 1, bytes(8)),
                    _box(b"dinf", _full(b"dref", 0, struct.pack(">I", 1), _full(b"url ", 1))),
                    _box(
                        b"stbl",
                        _full(b"stsd", 0, struct.pack(">I", 1), sample_entry),
                        _full(b"stts", 0, bytes(4)),
                        _full(b"stsc", 0, bytes(4)),
                        _full(b"stsz", 0, bytes(8)),
                        _full(b"stco", 0, bytes(4)),
                    ),
                ),
            ),
        ),
        _box(b"mvex", _full(b"trex", 0, struct.pack(">IIIII", TRACK_ID, 1, 0, 0, 0))),
    )


def _shape(sps: SequenceParameterSet) -> bytes:
    """Return the box pasp where samples have a stated shape (ISO/IEC 14496-12 section 12.1.4)."""
    return _box(b"pasp", struct.pack(">II", *sps.sar)) if sps.sar is not None else b""


def _colour(sps: SequenceParameterSet) -> bytes:
    """Return the box colr where the colours are stated (ISO/IEC 14496-12 section 12.1.5)."""
    if sps.colour is None:
        return b""
    return _box(b"colr", b"nclx", struct.pack(">HHHB", *sps.colour, sps.full_range << 7))


def _avc_configuration(sps: SequenceParameterSet, sets: dict[int, list[bytes]]) -> bytes:
    """Return an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1)."""
    profile = bytes.fromhex(sps.profile_level_id)
    parts = [b"\x01", profile, b"\xff", bytes([0xE0 | len(sets[H264_SPS])]), *_counted(sets[H264_SPS])]
    parts += [bytes([len(sets[H264_PPS])]), *_counted(sets[H264_PPS])]
    if profile[0] not in _PLAIN_PROFILES:
        depth = 0xF8 | (sps.bit_depth - 8)
        parts.append(bytes([0xFC | sps.chroma_format, depth, depth, 0]))
    return b"".join(parts)


def _hevc_configuration(sps: SequenceParameterSet, own_sps: bytes, sets: dict[int, list[bytes]]) -> bytes:
    """Return an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 8.3.2.1), with all sets that there are."""
    rbsp = remove_emulation_prevention(own_sps)[header_size(Codec.H265) :]
    layers, nesting = (rbsp[0] >> 1 & 7) + 1, rbsp[0] & 1
    depth = 0xF8 | (sps.bit_depth - 8)
    head = bytes([0xF0, 0, 0xFC, 0xFC | sps.chroma_format, depth, depth, 0, 0, layers << 3 | nesting << 2 | 3, 3])
    parts = [b"\x01", rbsp[1:13], head]
    for kind in (H265_VPS, H265_SPS, H265_PPS):
        parts += [struct.pack(">BH", 0x80 | kind, len(sets[kind])), *_counted(sets[kind])]
    return b"".join(parts)


def _counted(units: Sequence[bytes]) -> list[bytes]:
    return [struct.pack(">H", len(unit)) + unit for unit in units]


def _hevc_codecs(own_sps: bytes) -> str:
    """Return the parameter `codecs` of H.265 (ISO/IEC 14496-15 annex E.3)."""
    rbsp = remove_emulation_prevention(own_sps)[header_size(Codec.H265) :]
    first, compatibility, constraints, level = rbsp[1], rbsp[2:6], rbsp[6:12], rbsp[12]
    space, tier = ("", "A", "B", "C")[first >> 6], "LH"[first >> 5 & 1]
    mirrored = int(f"{int.from_bytes(compatibility):032b}"[::-1], 2)
    tail = "".join(f".{value:X}" for value in constraints.rstrip(b"\0"))
    return f"hvc1.{space}{first & 0x1F}.{mirrored:X}.{tier}{level}{tail}"


def sample(codec: Codec, nal_units: Iterable[bytes]) -> bytes:
    """Return an access unit as a sample: each NAL unit behind its length, without parameter sets."""
    parts: list[bytes] = []
    for unit in nal_units:
        if not is_parameter_set(codec, nal_unit_type(codec, unit)):
            parts += (len(unit).to_bytes(4), unit)
    return b"".join(parts)


class FragmentTimes:
    """Says when the picture of each fragment begins, and for how long it is shown, for one reader.

    Attributes:
        end: the end of the last picture, in ticks.
    """

    def __init__(self) -> None:
        self.end = 0
        self._last: int | None = None
        self._usual = FIRST_DURATION

    def take(self, pts: int, *, follows: bool = True) -> tuple[int, int]:
        """Return the beginning and the duration of the next picture, in ticks.

        Args:
            pts: the time of the picture, in ticks; it is after that of the one before.
            follows: whether it may begin before its time, where the one before ended; False after pictures were left
                out.
        """
        if self._last is not None:
            change = min(pts - self._last, MAX_USUAL) - self._usual
            self._usual += change // _FOLLOWS if abs(change) >= _FOLLOWS else change
        begin = self.end if follows and self._last is not None else max(pts, self.end)
        self._last = pts
        self.end = max(pts + self._usual, begin + MIN_DURATION)
        return begin, self.end - begin


def fragment(number: int, begin: int, duration: int, picture: bytes, *, random_access: bool) -> bytes:
    """Return a fragment of one sample.

    Args:
        number: the number of the fragment, from 1 on (ISO/IEC 14496-12 section 8.8.5).
        begin: the decoding time of the sample, in ticks.
        duration: the duration of the sample, in ticks.
        picture: the sample.
        random_access: whether decoding may begin with it.
    """
    head = _MOOF.pack(
        _MOOF_SIZE, b"moof",
        16, b"mfhd", 0, number & 0xFFFF_FFFF,
        _MOOF_SIZE - 24, b"traf",
        16, b"tfhd", 0x020000, TRACK_ID,  # default-base-is-moof
        20, b"tfdt", 1 << 24, begin,
        32, b"trun", 0x000701, 1, _MOOF_SIZE + 8, duration, len(picture), _SYNC if random_access else _DEPENDS,
        8 + len(picture), b"mdat",
    )  # fmt: skip
    return head + picture
