"""Parameter sets are remembered here, so that every random access point is decodable by itself.

Some cameras send their parameter sets in the session description only, or once at the start of a session. A worker that
begins at an IDR needs the sets before it.
"""

from transcoder.codecs.nal import H264_PPS, H264_SPS, H265_SPS, H265_VPS, Codec, is_parameter_set, nal_unit_type
from transcoder.codecs.parameter_sets import parse_pps, parse_sps
from transcoder.errors import BitstreamError

MAX_SETS = 64
"""The largest number of parameter sets that are remembered; H.264 allows 32 SPS and 256 PPS, cameras send one of each.
"""


class ParameterSetMemory:
    """Remembers the latest parameter sets of one stream.

    Args:
        codec: the codec of the stream.
        described: the sets of the session description; they are used until the stream has its own, if they can be read
            at all.

    Attributes:
        completed: the number of random access points that had to be given their sets.
    """

    def __init__(self, codec: Codec, described: tuple[bytes, ...]) -> None:
        self._codec = codec
        self._sets = list(described) if _are_complete(codec, described) else []
        self.completed = 0

    def complete(self, nal_units: list[bytes], *, random_access: bool) -> list[bytes]:
        """Return the NAL units of an access unit; a random access point without its sets gets remembered ones."""
        codec = self._codec
        own = [unit for unit in nal_units if is_parameter_set(codec, nal_unit_type(codec, unit))]
        if own:
            self._remember(own)
        if not random_access or not self._sets:
            return nal_units
        present = {nal_unit_type(codec, unit) for unit in own}
        if all(nal_unit_type(codec, unit) in present for unit in self._sets):
            return nal_units
        self.completed += 1
        # a PPS can't be read before its SPS, whichever of the two the access unit has
        return [*self._sets, *(unit for unit in nal_units if not is_parameter_set(codec, nal_unit_type(codec, unit)))]

    def _remember(self, own: list[bytes]) -> None:
        """Remember sets that came together; they replace the earlier sets of their types."""
        types = {nal_unit_type(self._codec, unit) for unit in own}
        kept = [unit for unit in self._sets if nal_unit_type(self._codec, unit) not in types]
        order = {H265_VPS: 0, H264_SPS: 1, H265_SPS: 1}
        merged = sorted([*kept, *own], key=lambda unit: order.get(nal_unit_type(self._codec, unit), 2))
        self._sets = merged[:MAX_SETS]


def _are_complete(codec: Codec, described: tuple[bytes, ...]) -> bool:
    """Return whether the described sets are all there and can be read: cameras describe the impossible."""
    types = [nal_unit_type(codec, unit) for unit in described if unit]
    needed = {H264_SPS, H264_PPS} if codec is Codec.H264 else {H265_VPS, H265_SPS, H265_SPS + 1}
    if not needed.issubset(types) or len(types) != len(described):
        return False
    try:
        for unit, kind in zip(described, types, strict=True):
            if kind in {H264_SPS, H265_SPS}:
                parse_sps(codec, unit)
            elif kind in {H264_PPS, H265_SPS + 1}:
                parse_pps(codec, unit)
    except BitstreamError:
        return False
    return True
