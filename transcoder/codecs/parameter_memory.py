"""Parameter sets are remembered here by their ids, so that every random access point is decodable by itself.

Some cameras send their parameter sets in the session description only, or once at the start of a session, or a part of
them in each place. A worker that begins at an IDR needs every set that the pictures behind it may refer to: no slice
says in advance which ones those are, so each set that was ever given counts until another one of its id replaces it.
"""

from transcoder.codecs.nal import (
    H264_PPS,
    H264_SPS,
    H265_PPS,
    H265_SPS,
    H265_VPS,
    Codec,
    is_parameter_set,
    nal_unit_type,
)
from transcoder.codecs.parameter_sets import MAX_SIZE, parameter_set_id, parse_pps, parse_sps
from transcoder.errors import BitstreamError

MAX_SETS = 32 + 256
"""The largest number of parameter sets that are remembered: one for each id of SPS and PPS in H.264."""
MAX_BYTES = 256 << 10
"""Bytes of all remembered sets together, at most; cameras have two or three sets of under 100 bytes each."""

_BEGINNINGS = {
    codec: frozenset(first for first in range(256) if is_parameter_set(codec, nal_unit_type(codec, bytes((first,)))))
    for codec in Codec
}
"""The first bytes of parameter sets: every NAL unit is compared with them."""

_Key = tuple[int, int | None]
"""The type and the id of a set; the id is None where it can't be read."""


class ParameterSetMemory:
    """Remembers the latest parameter set of each type and id of one stream.

    Args:
        codec: the codec of the stream.
        described: the sets of the session description; those that can be read count until the stream sends others of
            their ids.

    Attributes:
        completed: the number of random access points that had to be given their sets.
    """

    def __init__(self, codec: Codec, described: tuple[bytes, ...]) -> None:
        self._codec = codec
        self._sets: dict[_Key, list[bytes]] = {}
        self._size = 0
        self._ordered: list[bytes] = []
        self._beginnings = _BEGINNINGS[codec]
        self._needed = {H264_SPS, H264_PPS} if codec is Codec.H264 else {H265_VPS, H265_SPS, H265_PPS}
        self.completed = 0
        if all(described):  # an empty set: the whole line is broken
            self._remember([unit for unit in described if _is_readable(codec, unit)])

    def complete(self, nal_units: list[bytes], *, random_access: bool) -> list[bytes]:
        """Return the NAL units of an access unit; a random access point without its sets gets remembered ones."""
        codec = self._codec
        own = [unit for unit in nal_units if unit[0] in self._beginnings]
        if own:
            self._remember(own)
        if not random_access or not self._is_complete:
            return nal_units
        if own:
            present = {self._key(unit) for unit in own}
            if all(key in present for key in self._sets):
                return nal_units
        self.completed += 1
        rest = (unit for unit in nal_units if not is_parameter_set(codec, nal_unit_type(codec, unit)))
        return [*self._ordered, *rest]  # a PPS can't be read before its SPS, whichever of the two the access unit has

    @property
    def _is_complete(self) -> bool:
        """Return whether there is a set of each type: fewer are of no use to a decoder."""
        return self._needed.issubset(kind for kind, _ in self._sets)

    def _key(self, unit: bytes) -> _Key:
        return nal_unit_type(self._codec, unit), parameter_set_id(self._codec, unit)

    def _remember(self, units: list[bytes]) -> None:
        """Remember sets that came together; they replace the earlier sets of their ids."""
        given: dict[_Key, list[bytes]] = {}
        for unit in units:
            if len(unit) <= MAX_SIZE:
                given.setdefault(self._key(unit), []).append(unit)
        if all(self._sets.get(key) == same for key, same in given.items()):
            return  # what most cameras send: the same sets with every IDR
        for key, same in given.items():
            self._forget(key)
            self._sets[key] = same[-MAX_SETS:]
            self._size += sum(map(len, self._sets[key]))
        while sum(map(len, self._sets.values())) > MAX_SETS or self._size > MAX_BYTES:
            self._forget(next(iter(self._sets)))  # the set that was not given for the longest time
        order = {H265_VPS: 0, H264_SPS: 1, H265_SPS: 1}
        by_type = sorted(self._sets, key=lambda key: order.get(key[0], 2))
        self._ordered = [unit for key in by_type for unit in self._sets[key]]

    def _forget(self, key: _Key) -> None:
        self._size -= sum(map(len, self._sets.pop(key, ())))


def _is_readable(codec: Codec, unit: bytes) -> bool:
    """Return whether a described set can be read: cameras describe the impossible."""
    kind = nal_unit_type(codec, unit)
    try:
        if kind == (H264_SPS if codec is Codec.H264 else H265_SPS):
            parse_sps(codec, unit)
        elif kind == (H264_PPS if codec is Codec.H264 else H265_PPS):
            parse_pps(codec, unit)
    except BitstreamError:
        return False
    return is_parameter_set(codec, kind)
