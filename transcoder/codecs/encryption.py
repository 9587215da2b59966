"""The slice check tells whether slices can be real: some cameras encrypt slices and leave everything else readable.

Hikvision's stream encryption covers the first 4096 bytes of each slice behind its NAL unit header. Such a slice begins
with random bits: about one in five of them makes a slice header that could stand there, so a few pictures are enough to
tell.
"""

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


class SliceCheck:
    """Looks at the start of each slice.

    Attributes:
        checked: the number of slices looked at.
        implausible: the number of slices whose start can't be a slice header.
        sps: the latest SPS that could be read.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._pps: dict[int, PictureParameterSet] = {}
        self._timestamp: int | None = None
        self.sps: SequenceParameterSet | None = None
        self.checked = 0
        self.implausible = 0

    @property
    def suspicious(self) -> bool:
        """Return whether the slices seen so far are more likely encrypted than not."""
        return self.implausible > 0 and self.implausible * 2 >= self.checked

    @property
    def is_decided(self) -> bool:
        """Return whether enough slices were seen to tell."""
        return self.checked >= MIN_SLICES

    @property
    def encrypted(self) -> bool:
        """Return whether the slices can't be real, while the parameter sets can be read."""
        return self.sps is not None and self.is_decided and self.implausible * 2 > self.checked

    def look(self, unit: bytes, timestamp: int) -> None:
        """Look at a NAL unit of the picture with this timestamp."""
        codec = self._codec
        unit_type = nal_unit_type(codec, unit)
        try:
            if unit_type == (H264_SPS if codec is Codec.H264 else H265_SPS):
                self.sps = parse_sps(codec, unit)
            elif unit_type == (H264_PPS if codec is Codec.H264 else H265_PPS):
                pps = parse_pps(codec, unit)
                self._pps[pps.id] = pps
        except BitstreamError:
            return
        if unit_type in {H264_SLICE, H264_IDR} if codec is Codec.H264 else is_vcl(codec, unit_type):
            self.checked += 1
            self.implausible += not self._is_plausible(unit, unit_type, timestamp)

    def _is_plausible(self, unit: bytes, unit_type: int, timestamp: int) -> bool:
        new = timestamp != self._timestamp
        self._timestamp = timestamp
        size = header_size(self._codec)
        bits = BitReader(remove_emulation_prevention(unit[size:], _HEADER_SIZE))
        try:
            if self._codec is Codec.H264:
                return self._is_h264_header(bits, unit_type, unit[0], new=new)
            return self._is_h265_header(bits, unit_type, new=new)
        except BitstreamError:
            return False

    def _is_h264_header(self, bits: BitReader, unit_type: int, first_byte: int, *, new: bool) -> bool:
        """Return whether the bits can be an H.264 slice header.

        Source: H.264 section 7.3.3, 7.4.3, table 7-6.
        """
        first_mb, slice_type, pps_id = bits.ue(), bits.ue(), bits.ue()
        if (new and first_mb) or slice_type > 9 or pps_id > 255 or (self._pps and pps_id not in self._pps):
            return False
        return unit_type != H264_IDR or (slice_type % 5 in {2, 4} and bool(first_byte & 0x60))

    def _is_h265_header(self, bits: BitReader, unit_type: int, *, new: bool) -> bool:
        """Return whether the bits can be an H.265 slice header.

        Source: H.265 section 7.3.6.1, 7.4.7.1, table 7-7.
        """
        first = bits.flag()
        random_access = is_random_access(self._codec, unit_type)
        if random_access:
            bits.u(1)  # no_output_of_prior_pics_flag
        pps = self._pps.get(bits.ue())
        if (new and not first) or (self._pps and pps is None):
            return False
        if not first or pps is None:
            return True
        bits.u(pps.extra_slice_header_bits)
        slice_type = bits.ue()
        return slice_type == 2 if random_access else slice_type <= 2
