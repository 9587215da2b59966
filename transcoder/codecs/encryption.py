"""The slice check tells whether slices can be real: some cameras encrypt slices and leave everything else readable.

Hikvision's stream encryption covers the first 4096 bytes of each slice behind its NAL unit header. Such a slice begins
with random bits: about one in five of them makes a slice header that could stand there, so a few pictures are enough to
tell.
"""

from collections.abc import Iterable

from transcoder.codecs.bit_reader import BitReader
from transcoder.codecs.nal import (
    H264_IDR,
    H264_PPS,
    H264_SLICE,
    H264_SPS,
    H265_PPS,
    H265_SPS,
    Codec,
    header_size,
    is_parameter_set,
    is_random_access,
    is_vcl,
    nal_unit_type,
    remove_emulation_prevention,
)
from transcoder.codecs.parameter_sets import PictureParameterSet, SequenceParameterSet, parse_pps, parse_sps
from transcoder.errors import BitstreamError

MIN_SLICES = 24
"""The number of slices to check: of so many random slices, less than half are implausible in under 1 of 1000 cases."""
_HEADER_SIZE = 24
"""Bytes that hold every field of a slice header that is looked at."""


_USUAL = frozenset(bytes((byte,)) for byte in (0x9A, 0x9B, *range(0xE0, 0x100)))
"""The first bytes of nearly all slice headers of P pictures in H.264: first_mb_in_slice is 0, slice_type 5 or 0,
pic_parameter_set_id 0 (Exp-Golomb 1 00110 1 and 1 1 1)."""
MAX_MISSING = 4
"""The largest number of ids of sets that are called missing; the first bits of encrypted slices name more."""
_IMPOSSIBLE_SHARE = 8
"""One slice in so many at most is impossible with any set where sets are missing; of encrypted ones every second is."""


class SliceCheck:
    """Looks at the start of each slice.

    Args:
        codec: the codec of the stream.
        described: the parameter sets of the session description: cameras may send a part of them nowhere else.

    Attributes:
        checked: the number of slices looked at.
        implausible: the number of slices whose start can't be a slice header with any parameter set that is known.
        sps: the latest SPS that could be read.
    """

    def __init__(self, codec: Codec, described: Iterable[bytes] = ()) -> None:
        self._codec = codec
        self._pps: dict[int, PictureParameterSet] = {}
        self._timestamp: int | None = None
        self._impossible = 0
        self._unknown: set[int] = set()
        self.sps: SequenceParameterSet | None = None
        self.checked = 0
        self.implausible = 0
        for unit in described:
            if unit and is_parameter_set(codec, nal_unit_type(codec, unit)):
                self.look(unit, 0)

    @property
    def suspicious(self) -> bool:
        """Return whether the slices seen so far are more likely encrypted than not."""
        return self.implausible > 0 and self.implausible * 2 >= self.checked

    @property
    def is_decided(self) -> bool:
        """Return whether enough slices were seen to tell."""
        return self.checked >= MIN_SLICES

    @property
    def missing(self) -> tuple[int, ...]:
        """Return the ids of the PPS that the camera never gave and most slices refer to.

        Such slices are plausible but for their few ids, while encrypted ones are at odds with their place as well.
        """
        few = len(self._unknown) <= MAX_MISSING and self._impossible * _IMPOSSIBLE_SHARE <= self.checked
        return tuple(sorted(self._unknown)) if few and self.is_decided and self.suspicious else ()

    @property
    def encrypted(self) -> bool:
        """Return whether the slices can't be real, while the parameter sets can be read."""
        return self.sps is not None and self.is_decided and self.implausible * 2 > self.checked and not self.missing

    @property
    def evidence(self) -> str:
        """Return in words how many slices could not be read."""
        return f"{self.implausible} of {self.checked} slices fit none of {len(self._pps)} PPS"

    def forget(self) -> None:
        """Judge the camera anew, because it may be set up otherwise by now; a verdict holds until others refute it."""
        verdict = MIN_SLICES if self.encrypted or self.missing else 0
        self._impossible = MIN_SLICES if self.encrypted else 0
        if not verdict:
            self._unknown.clear()
        self.checked = self.implausible = verdict

    def look(self, unit: bytes, timestamp: int) -> bool:
        """Look at a NAL unit of the picture with this timestamp; return False for a slice that can't be read."""
        codec = self._codec
        unit_type = nal_unit_type(codec, unit)
        if unit_type == H264_SLICE and codec is Codec.H264 and unit[1:2] in _USUAL and 0 in self._pps:
            self._timestamp = timestamp
            self.checked += 1
            return True
        try:
            if unit_type == (H264_SPS if codec is Codec.H264 else H265_SPS):
                self.sps = parse_sps(codec, unit)
            elif unit_type == (H264_PPS if codec is Codec.H264 else H265_PPS):
                pps = parse_pps(codec, unit)
                self._pps[pps.id] = pps
        except BitstreamError:
            return True
        if unit_type in {H264_SLICE, H264_IDR} if codec is Codec.H264 else is_vcl(codec, unit_type):
            plausible = self._is_plausible(unit, unit_type, timestamp)
            self.checked += 1
            self.implausible += not plausible
            return plausible
        return True

    def _is_plausible(self, unit: bytes, unit_type: int, timestamp: int) -> bool:
        new = timestamp != self._timestamp
        self._timestamp = timestamp
        size = header_size(self._codec)
        bits = BitReader(remove_emulation_prevention(unit[size:], _HEADER_SIZE))
        try:
            if self._codec is Codec.H264:
                pps_id = self._h264_header(bits, unit_type, unit[0], new=new)
            else:
                pps_id = self._h265_header(bits, unit_type, new=new)
        except BitstreamError:
            pps_id = None
        if pps_id is None:
            self._impossible += 1
            return False
        if not self._pps or pps_id in self._pps:
            return True
        if len(self._unknown) <= MAX_MISSING:
            self._unknown.add(pps_id)
        return False

    @staticmethod
    def _h264_header(bits: BitReader, unit_type: int, first_byte: int, *, new: bool) -> int | None:
        """Return the PPS that the bits name if they can be an H.264 slice header with some PPS, else None.

        Source: H.264 section 7.3.3, 7.4.3, table 7-6.
        """
        first_mb, slice_type, pps_id = bits.ue(), bits.ue(), bits.ue()
        if (new and first_mb) or slice_type > 9 or pps_id > 255:
            return None
        is_possible = unit_type != H264_IDR or (slice_type % 5 in {2, 4} and bool(first_byte & 0x60))
        return pps_id if is_possible else None

    def _h265_header(self, bits: BitReader, unit_type: int, *, new: bool) -> int | None:
        """Return the PPS that the bits name if they can be an H.265 slice header with some PPS, else None.

        Source: H.265 section 7.3.6.1, 7.4.7.1, table 7-7.
        """
        first = bits.flag()
        random_access = is_random_access(self._codec, unit_type)
        if random_access:
            bits.u(1)  # no_output_of_prior_pics_flag
        pps_id = bits.ue(63)
        pps = self._pps.get(pps_id)
        if new and not first:
            return None
        if not first or pps is None:
            return pps_id
        bits.u(pps.extra_slice_header_bits)
        slice_type = bits.ue()
        return pps_id if slice_type == 2 or (slice_type < 2 and not random_access) else None
