"""Coded pictures that pass undecoded are reduced here to parameter sets of our own writing and the camera's slices.

The bits of slices behind their headers are not read: that would take a decoder. What a camera hides there, and what it
does to the decoder of a reader, passes.
"""

from collections import Counter
from typing import Final

from transcoder.codecs.bit_reader import BitReader
from transcoder.codecs.nal import (
    H264_IDR,
    H264_SLICE,
    Codec,
    has_start_code,
    header_size,
    is_allowed,
    is_parameter_set,
    is_vcl,
    layer_id,
    nal_unit_type,
    remove_emulation_prevention,
)
from transcoder.codecs.relayed_sets import relayed_set
from transcoder.errors import BitstreamError

MAX_KNOWN: Final = 64
"""Parameter sets whose bytes are remembered, so that each is read once; cameras have two or three."""
_HEADER_SIZE: Final = 20
"""Bytes that hold first_mb_in_slice and slice_type."""
_B_SLICES: Final = frozenset({1, 6})
"""slice_type of B slices (H.264 table 7-6)."""


class RelayedPictures:
    """Lets the pictures of one camera through.

    Args:
        codec: the codec that readers are told.

    Attributes:
        dropped: the NAL units that were left out, by kind.
    """

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.dropped: Counter[str] = Counter()
        self._known: dict[bytes, tuple[bytes, ...]] = {}

    def take(self, units: list[bytes]) -> list[bytes]:
        """Return the NAL units of an access unit as readers get them.

        Raises:
            BitstreamError: the access unit can't pass undecoded.
        """
        passed: list[bytes] = []
        for unit in units:
            kind = nal_unit_type(self.codec, unit)
            if len(unit) <= header_size(self.codec) or not is_allowed(self.codec, kind):
                self.dropped["not allowed"] += 1
            elif has_start_code(unit):
                # a reader that writes a byte stream would find another NAL unit behind it
                raise BitstreamError("a start code within a NAL unit")
            elif is_parameter_set(self.codec, kind):
                passed += self._set(unit)
            elif is_vcl(self.codec, kind):
                self._check_slice(unit, kind)
                passed.append(unit)
            else:
                self.dropped["not allowed"] += 1
        return passed

    def _set(self, unit: bytes) -> tuple[bytes, ...]:
        if unit not in self._known:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[unit] = relayed_set(self.codec, unit)
        return self._known[unit]

    def _check_slice(self, unit: bytes, kind: int) -> None:
        if unit[0] & 0x80:  # a bit that is free to whoever hides something, and that readers may stumble over
            raise BitstreamError("a slice whose forbidden_zero_bit is 1")
        if self.codec is Codec.H265:
            if layer_id(unit):
                raise BitstreamError("a slice of another layer")
            if not unit[1] & 0x07:
                raise BitstreamError("a slice whose nuh_temporal_id_plus1 is 0")
            return
        if kind not in {H264_SLICE, H264_IDR}:
            raise BitstreamError("a partition of a slice")
        bits = BitReader(remove_emulation_prevention(unit[1:_HEADER_SIZE]))
        bits.ue()  # first_mb_in_slice
        if bits.ue(9) in _B_SLICES:
            raise BitstreamError("B pictures, which come in another order than they are shown: turn them off")
