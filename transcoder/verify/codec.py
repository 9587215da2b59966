"""The two codecs that are served, and the names of their NAL units, stand here.

Source: H.264 table 7-1, H.265 table 7-1.
"""

from enum import Enum


class Codec(Enum):
    """Names a video codec as SDP does."""

    H264 = "H264"
    H265 = "H265"

    @property
    def nal_header_size(self) -> int:
        """Return the number of bytes in front of the payload of a NAL unit."""
        return 1 if self is Codec.H264 else 2

    def nal_unit_type(self, unit: bytes) -> int:
        """Return the type of a NAL unit that is not empty."""
        return unit[0] % 32 if self is Codec.H264 else unit[0] // 2 % 64

    def nal_unit_name(self, kind: int) -> str:
        """Return the number of a type with the standard's word for it."""
        return f"{kind} {_NAMES[self].get(kind, 'reserved or unspecified')}"

    @property
    def slice_types(self) -> frozenset[int]:
        """Return the types of slices that a clean stream is made of."""
        return _SLICES[self]

    @property
    def random_access_types(self) -> frozenset[int]:
        """Return the types of slices of a picture that decoding can start at."""
        return _RANDOM_ACCESS[self]

    @property
    def parameter_set_types(self) -> frozenset[int]:
        """Return the types of parameter sets that a clean stream is made of."""
        return _PARAMETER_SETS[self]

    @property
    def sps_type(self) -> int:
        """Return the type of a sequence parameter set."""
        return 7 if self is Codec.H264 else 33

    @property
    def sei_types(self) -> frozenset[int]:
        """Return the types of NAL units that hold SEI messages."""
        return frozenset({6}) if self is Codec.H264 else frozenset({39, 40})


_SLICES = {Codec.H264: frozenset({1, 5}), Codec.H265: frozenset({*range(10), *range(16, 22)})}
_RANDOM_ACCESS = {Codec.H264: frozenset({5}), Codec.H265: frozenset(range(16, 22))}
_PARAMETER_SETS = {Codec.H264: frozenset({7, 8}), Codec.H265: frozenset({32, 33, 34})}
_NAMES = {
    Codec.H264: dict(
        enumerate(
            ("slice", "partition A", "partition B", "partition C", "IDR slice", "SEI", "SPS", "PPS", "AUD",
             "end of sequence", "end of stream", "filler", "SPS extension", "prefix", "subset SPS",
             "depth parameter set"), start=1,
        ),
    ) | {19: "auxiliary slice", 20: "slice extension", 21: "3D slice extension"},
    Codec.H265: dict(
        enumerate(
            ("TRAIL_N", "TRAIL_R", "TSA_N", "TSA_R", "STSA_N", "STSA_R", "RADL_N", "RADL_R", "RASL_N", "RASL_R"),
        ),
    ) | dict(
        enumerate(("BLA_W_LP", "BLA_W_RADL", "BLA_N_LP", "IDR_W_RADL", "IDR_N_LP", "CRA"), start=16),
    ) | dict(
        enumerate(
            ("VPS", "SPS", "PPS", "AUD", "end of sequence", "end of bitstream", "filler", "prefix SEI", "suffix SEI"),
            start=32,
        ),
    ),
}  # fmt: skip
