"""The assembler finds where one picture ends and the next begins, by the rules of the bitstream.

Neither the RTP marker nor the timestamp can be trusted alone: markers stand on parameter sets (Tapo, Reolink) or
nowhere (FLIR), and parameter sets carry the previous picture's timestamp (Reolink). The first slice of a picture tells
where the picture begins.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from transcoder.codecs.nal import (
    H264_SEI,
    H264_SPS,
    H265_SEI_PREFIX,
    MAX_ACCESS_UNIT_SIZE,
    MAX_NAL_UNITS,
    Codec,
    is_allowed,
    is_first_slice,
    is_parameter_set,
    is_random_access,
    is_vcl,
    join_byte_stream,
    layer_id,
    nal_unit_type,
)
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.codecs.recovery_point import RecoveryPoint, recovery_frames, recovery_point
from transcoder.codecs.slice_header import SliceComparison, is_intra
from transcoder.ledger import Ledger


@dataclass(slots=True, kw_only=True)
class AccessUnit:
    """Holds the NAL units of one coded picture, in decoding order.

    Attributes:
        nal_units: the NAL units without start codes; of JPEG and MPEG-4, the part of the picture that the allow-list
            let through.
        timestamp: the RTP timestamp of its first slice.
        random_access: decoding may start here: IDR in H.264 (where a stream has none, an I picture behind its own
            parameter sets, with a RecoveryPoint of ours in it), IRAP in H.265; in both, where none comes, the camera's
            recovery point, with one of ours.
        damaged: True where a part of the picture was lost.
        arrival: monotonic seconds at its first packet.
        completed: monotonic seconds at its last packet.
    """

    codec: SourceCodec
    timestamp: int
    nal_units: list[bytes] = field(default_factory=list)
    random_access: bool = False
    damaged: bool = False
    arrival: float = 0.0
    completed: float = 0.0

    @property
    def size(self) -> int:
        """Return the bytes of all NAL units together."""
        return sum(map(len, self.nal_units))


_H264_PRECEDES = frozenset({6, 7, 8, 9, 14, 15, 16, 17, 18})
"""NAL unit types that open the next access unit when a slice stands before them (H.264 section 7.4.1.2.3)."""
_H265_PRECEDES = frozenset({32, 33, 34, 35, 39, 41, 42, 43, 44, *range(48, 56)})
"""NAL unit types that open the next access unit when a slice stands before them (H.265 section 7.4.2.4.4)."""

_SLICES = {
    codec: frozenset(kind for kind in range(64) if is_vcl(codec, kind) and is_allowed(codec, kind)) for codec in Codec
}
"""The types of slices; decoders ignore the reserved types."""

RECOVERY_POINT = recovery_point(0)
"""The message at which a decoder begins and shows the picture behind it."""
RECOVERY_WAIT_S = 5.0
"""Seconds without an IDR after which a decoder begins at a recovery point of the camera; smart codecs send an IDR up to
20 s late, and no recovery points."""
RECOVERY_AFTER = 2
"""The number of I pictures with parameter sets after which a stream without any IDR begins at an I picture: a decoder
has to begin somewhere (open GOP, recovery points), and a stream that has IDR pictures sends one before its second I
picture. I pictures without sets of their own, which are given elsewhere, count after RECOVERY_WAIT_S: in streams with
IDR pictures such ones are no place to begin."""

NEVER = 1 << 62
"""The number of proofs for a marker that is never believed."""
MARKERLESS = 8
"""The number of pictures in a row without a marker after which a sender has none."""
PROOFS = 2
"""The number of pictures after which the marker of an unknown sender is believed."""


class AccessUnitAssembler:
    """Takes NAL units in decoding order and gives access units.

    Args:
        codec: the codec of the stream.
        proofs: the number of pictures that the marker has to end rightly before it is believed; until then a picture
            ends where the next one starts. GStreamer sets the marker on every slice, and the first picture is the worst
            one to lose.
        parameter_sets: the parameter sets of the session description.

    Attributes:
        ready: the access units that next_access_unit() returns; a depacketizer takes them off the left end itself.
        faults: the number of faults by kind.
        marker_is_reliable: False once a slice followed a marker within its own picture; then a picture ends only where
            the next one starts, which costs a frame of delay.
    """

    def __init__(self, codec: Codec, *, proofs: int = 0, parameter_sets: Sequence[bytes] = ()) -> None:
        self._codec = codec
        self._comparison = SliceComparison(codec)
        for unit in parameter_sets:
            self._comparison.note(unit)
        self._slice: bytes | None = None
        self._first_slice = 0
        self._has_sps = False
        self._knows_sps = codec is Codec.H264 and any(nal_unit_type(codec, unit) == H264_SPS for unit in parameter_sets)
        """Whether an SPS was given at any time, in the description too."""
        self._idr_seen = False
        self._last_idr: float | None = None
        """Monotonic seconds of the last IDR, or of the beginning."""
        self._recovery: int | None = None
        """The recovery_frame_cnt of the open access unit."""
        self._intra = 0
        self._slices = _SLICES[codec]
        self._sei = H264_SEI if codec is Codec.H264 else H265_SEI_PREFIX
        self._precedes = _H264_PRECEDES if codec is Codec.H264 else _H265_PRECEDES
        self._units: list[bytes] = []
        self._size = 0
        self._has_slice = False
        self._random_access = False
        self._damaged = False
        self._overflow = False
        self._timestamp = 0
        self._arrival = 0.0
        self._last = 0.0
        self._closed_timestamp: int | None = None
        self._lost = False
        self.ready: deque[AccessUnit] = deque()
        self._proofs = proofs
        self._marked = False
        self._unmarked = 0
        """The number of pictures in a row that ended without a marker."""
        self._released = False
        self.marker_is_reliable = True
        self.faults: Counter[str] = Counter()

    def add(self, unit: bytes, timestamp: int, now: float) -> None:
        """Take one NAL unit, which is not empty and has no start code."""
        codec = self._codec
        unit_type = nal_unit_type(codec, unit)
        if unit_type in self._slices:
            first = is_first_slice(codec, unit)
            if self._has_slice:
                within = not first and (timestamp == self._timestamp or self._continues(unit))
                if self._marked:
                    self._prove(within=within)
                if not within:
                    self._close()
                elif timestamp != self._timestamp:
                    self.faults["timestamp changes inside a picture"] += 1
            if not self._has_slice:
                if not first and not self._lost and (timestamp == self._closed_timestamp or self._continues(unit)):
                    if self._released:
                        self.faults["pause inside a picture"] += 1
                    else:
                        self.marker_is_reliable = False
                        self.faults["marker inside a picture"] += 1
                self._released = False
                self._has_slice = True
                self._first_slice = len(self._units)
                self._timestamp = timestamp
                self._damaged = self._damaged or not first
                if not self._units:
                    self._arrival = now
            if is_random_access(codec, unit_type):
                self._random_access = True
            self._lost = False
            self._slice = unit
        else:
            if self._has_slice and unit_type in self._precedes:
                if self._marked:
                    self._prove(within=False)
                self._close()
            if unit_type == self._sei and (frames := recovery_frames(unit, codec)) is not None:
                self._recovery = frames
            if is_parameter_set(codec, unit_type):
                self._comparison.note(unit)
                self._has_sps = self._has_sps or (codec is Codec.H264 and unit_type == H264_SPS)
                self._knows_sps = self._knows_sps or self._has_sps
        if not self._units:
            self._arrival = now
        self._last = now
        self._size += len(unit)
        if self._size > MAX_ACCESS_UNIT_SIZE or len(self._units) >= MAX_NAL_UNITS:
            self._overflow = True
            self._units.clear()
            self._size = 0
            return
        self._units.append(unit)

    def end_of_packet(self, *, marker: bool) -> None:
        """Take note that a packet is over; a marker that can be trusted says that the picture is complete."""
        if marker and self._has_slice:
            self._unmarked = -1
        if marker and self._has_slice and self.marker_is_reliable:
            if self._proofs <= 0:
                self._close()
            else:
                self._marked = True

    def _continues(self, unit: bytes) -> bool:
        """Return whether a slice that is not its picture's first belongs to the picture of the slice before it.

        The timestamp does not count, unless a part between the two slices was lost: then only the timestamp tells.
        """
        return not self._lost and self._slice is not None and self._comparison.is_one_picture(self._slice, unit)

    def _prove(self, *, within: bool) -> None:
        """Take note that a picture's first marker was followed by another picture, or by a slice of the same one."""
        self._marked = False
        if not within:
            self._proofs -= 1
        elif not self._lost:
            self.marker_is_reliable = False
            self.faults["marker inside a picture"] += 1

    def lose(self) -> None:
        """Take note that something is missing between the last NAL unit and the next one."""
        self._lost = True
        if self._has_slice:
            self._damaged = True

    def restart(self) -> None:
        """Give up the unfinished picture, because the source begins anew.

        A picture is finished where its marker came, or where pictures have none and no part of it is missing.
        """
        if self._has_slice and not self._lost and (self._marked or self._unmarked >= MARKERLESS):
            self._close()
        elif self._units:
            self.faults["cut off by a restart"] += 1
        self._begin()
        self._closed_timestamp = None
        self._slice = None
        self._idr_seen = False
        self._last_idr = None
        self._intra = 0
        self._lost = False
        self._marked = False

    @property
    def held_since(self) -> float | None:
        """Return the arrival of the last packet of a picture that is held back until the next one begins, or None.

        A picture is held back because its marker is missing or not proven. Where markers are believed, a picture
        without one lacks its last packet.
        """
        return self._last if self._has_slice and (self._proofs > 0 or not self.marker_is_reliable) else None

    def release(self) -> None:
        """Take the picture that is held back for complete, because nothing came after it for a while."""
        if self.held_since is None:
            return
        if self._marked:
            self._prove(within=False)
        self._close()
        self._released = True

    def next_access_unit(self) -> AccessUnit | None:
        """Return the next complete access unit, or None."""
        return self.ready.popleft() if self.ready else None

    def _close(self) -> None:
        if self._overflow:
            self.faults["over the size limit"] += 1
        else:
            self._idr_seen = self._idr_seen or self._random_access
            if self._last_idr is None or self._random_access:
                self._last_idr = self._last
            has_sps = self._has_sps or (self._knows_sps and self._waited_s >= RECOVERY_WAIT_S)
            if has_sps and not self._idr_seen and not self._damaged:
                self._look_for_recovery()
            if self._recovery is not None and not self._damaged:
                self._begin_at_recovery_point(self._recovery)
            self.ready.append(
                AccessUnit(
                    codec=self._codec,
                    timestamp=self._timestamp,
                    nal_units=self._units,
                    random_access=self._random_access,
                    damaged=self._damaged,
                    arrival=self._arrival,
                    completed=self._last,
                )
            )
        self._closed_timestamp = self._timestamp
        self._unmarked += 1
        self._begin()

    @property
    def _waited_s(self) -> float:
        """Return for how many seconds no IDR has come."""
        return self._last - (self._last if self._last_idr is None else self._last_idr)

    def _look_for_recovery(self) -> None:
        """Look whether a decoder can begin at an H.264 picture that is no IDR, and put a recovery point there if so."""
        slices = [
            unit for unit in self._units[self._first_slice :] if is_vcl(self._codec, nal_unit_type(self._codec, unit))
        ]
        if len(self._units) >= MAX_NAL_UNITS or not all(is_intra(unit) for unit in slices):
            return
        self._intra += 1
        if self._intra >= RECOVERY_AFTER:
            self._units.insert(self._first_slice, RECOVERY_POINT)
            self._random_access = True
            self.faults["begun without an IDR"] += 1

    def _begin_at_recovery_point(self, frames: int) -> None:
        """Let a decoder begin where the camera says that everything is refreshed `frames` frames later."""
        if self._random_access or self._waited_s < RECOVERY_WAIT_S or len(self._units) >= MAX_NAL_UNITS:
            return
        self._units.insert(self._first_slice, recovery_point(frames, self._codec))
        self._random_access = True
        self.faults["begun at a recovery point"] += 1

    def _begin(self) -> None:
        self._recovery = None
        self._has_sps = False
        self._first_slice = 0
        self._units = []
        self._size = 0
        self._has_slice = False
        self._random_access = False
        self._damaged = False
        self._overflow = False


def filter_nal_units(
    access_unit: AccessUnit, ledger: Ledger, allowed: Callable[[Codec, int], bool], layer: str
) -> list[bytes]:
    """Return the NAL units that an allow-list lets through; the others are counted by type.

    Args:
        access_unit: the access unit, which is not changed.
        ledger: the ledger of the stream.
        allowed: the allow-list, codecs.nal.is_allowed.
        layer: the ledger's name for the caller's place.
    """
    codec = access_unit.codec
    if isinstance(codec, PictureCodec):
        return access_unit.nal_units  # the reception of these codecs lets nothing else through
    kept = []
    beginnings = _beginnings(codec, allowed)
    for unit in access_unit.nal_units:
        if codec is Codec.H265 and layer_id(unit):  # of an enhancement layer, which no decoder here reads
            ledger.count(layer, "h265 layer above 0", size=len(unit), example=unit)
        elif (why_not := beginnings[unit[0]]) is None or isinstance(unit, RecoveryPoint):
            kept.append(unit)
        else:
            ledger.count(layer, why_not, size=len(unit), example=unit)
    return kept


@cache
def _beginnings(codec: Codec, allowed: Callable[[Codec, int], bool]) -> tuple[str | None, ...]:
    """Return, for each first byte of a NAL unit, the ledger's word for a unit that is not let through, else None."""
    types = [nal_unit_type(codec, bytes((first,))) for first in range(256)]
    return tuple(None if allowed(codec, kind) else f"{codec.value.lower()} type {kind}" for kind in types)


def decoder_input(codec: SourceCodec, units: list[bytes]) -> bytes:
    """Return a decoder's input for an access unit: an Annex B byte stream, or the elements one behind the other."""
    return b"".join(units) if isinstance(codec, PictureCodec) else join_byte_stream(units)
