"""Fragments and aggregates of H.264 and H.265 payloads are put together, taken apart and written here."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice

from transcoder.codecs.nal import MAX_NAL_UNIT_SIZE, MAX_NAL_UNITS, has_start_code, split_byte_stream

MAX_FRAGMENTS = 16_384
"""The largest number of fragments of one NAL unit: MAX_NAL_UNIT_SIZE in packets of 512 bytes."""
MAX_AGGREGATED = 128
"""The largest number of NAL units of one aggregation packet."""
MAX_PINNED = MAX_NAL_UNIT_SIZE
"""Bytes of receive buffers that waiting fragments may keep alive; beyond that, small fragments in large buffers are
copied."""

AGGREGATE_BELOW = 256
"""Bytes below which NAL units are aggregated: parameter sets and the like share a packet; a slice gains nothing by it.
"""

_BUFFERS = (bytes, bytearray)


def packetize(
    nal_units: Sequence[bytes],
    max_payload: int,
    *,
    header_size: int,
    aggregate: Callable[[Sequence[bytes]], bytes],
    fragment: Callable[[bytes], tuple[bytes, int]],
) -> list[bytes]:
    """Return the RTP payloads of one access unit, in order.

    Small neighbours share an aggregation packet; large NAL units become fragments of nearly equal size, so that no
    packet is a stub.

    Args:
        nal_units: the NAL units without start codes, none shorter than its header.
        max_payload: the bytes that an RTP payload may have, at least 64.
        header_size: the bytes of a NAL unit header, and so of a payload header.
        aggregate: makes the payload header of an aggregation packet of these units.
        fragment: makes the payload header of a unit's fragments, and the type that their fragment headers carry.

    Source: RFC 6184 sections 5.7.1 and 5.8; RFC 7798 sections 4.4.2 and 4.4.3.
    """
    payloads: list[bytes] = []
    group: list[bytes] = []
    group_size = header_size

    def flush() -> None:
        nonlocal group, group_size
        if len(group) == 1:
            payloads.append(group[0])
        elif group:
            parts = [aggregate(group)]
            for unit in group:
                parts += (len(unit).to_bytes(2), unit)
            payloads.append(b"".join(parts))
        group, group_size = [], header_size

    for unit in nal_units:
        size = len(unit)
        if size < AGGREGATE_BELOW and header_size + 2 + size <= max_payload:
            if group_size + 2 + size > max_payload:
                flush()
            group.append(unit)
            group_size += 2 + size
            continue
        flush()
        if size <= max_payload:
            payloads.append(unit)
            continue
        header, kind = fragment(unit)
        count = -(-(size - header_size) // (max_payload - header_size - 1))
        step = -(-(size - header_size) // count)
        payloads.append(header + bytes((0x80 | kind,)) + unit[header_size : header_size + step])
        middle, last = header + bytes((kind,)), header_size + (size - header_size - 1) // step * step
        payloads += [middle + unit[start : start + step] for start in range(header_size + step, last, step)]
        payloads.append(header + bytes((0x40 | kind,)) + unit[last:])
    flush()
    return payloads


Completed = tuple[Sequence[bytes], Sequence[bytes]]
"""The NAL units that a payload completes, in order: (before, units).

`before` is the unit that was open, where this payload is the first to tell that the unit had ended: it belongs to the
packet before and has that packet's timestamp. `before` has more than one unit where a byte stream stood in place of a
unit. `units` belong to this payload.
"""
NOTHING: Completed = ((), ())
"""The result for a payload that completes no unit; most payloads do, so this one object is returned for all of them."""


class Reassembly:
    """Makes NAL units of fragments and aggregates.

    Tolerated, each counted in `faults` under its name: start and end in one fragment (CostarHD), empty fragments
    (retina#115), another type in later fragments (Tiandy: the first one holds), no end bit, byte streams with start
    codes where one NAL unit belongs (V380, Amatek).

    Every unit that leaves is free of start codes, whatever packet it came in: behind a start code, a unit that the
    allow-list has not seen would reach the decoder.

    Attributes:
        faults: the number of faults by kind.
        continuation: the first bytes of a payload that is a fragment from the middle of the open unit; empty where no
            unit is open.
    """

    def __init__(self) -> None:
        self._parts: list[bytes | memoryview] = []
        self._size = 0
        self._pinned = 0
        self._buffer: object = None
        self._lost = False
        self._ended_by_marker = False
        self._marker_ends_unit = True
        self.faults: Counter[str] = Counter()
        self.continuation = b""

    def lose(self) -> None:
        """Take note that packets are missing before the next one, so that the open unit can't be completed."""
        if self._parts:
            self.faults["unit lost with a packet"] += 1
        self._drop()
        self._lost = True
        self._ended_by_marker = False

    def fragment(self, header: bytes, body: memoryview, *, start: bool, end: bool, marker: bool) -> Completed:
        """Take a fragment.

        Args:
            header: the NAL unit header rebuilt from the fragment; only that of the first fragment is used.
            body: the fragment's part of the unit.
            start: the start bit.
            end: the end bit.
            marker: the marker bit: it ends a unit whose end bit is missing, until a marker turns out to stand inside a
                unit.
        """
        before: Sequence[bytes] = ()
        if start:
            before = self.cut_off()
            self._parts = [header]
            self._size = len(header)
        elif not self._parts:
            if self._ended_by_marker:
                self._marker_ends_unit = self._ended_by_marker = False
                self.faults["marker inside a unit"] += 1
            elif not self._lost:
                self.faults["fragment without start"] += 1
            return NOTHING
        self._ended_by_marker = marker and not end and self._marker_ends_unit
        if not body:
            self.faults["empty fragment"] += 1
        if self.middles([body], len(body)) and (end or self._ended_by_marker):
            if start:
                self.faults["start and end in one fragment"] += 1
            return before, self._complete()
        return (before, ()) if before else NOTHING

    def fragmentation_unit(self, payload: memoryview, at: int, first: bytes, *, marker: bool) -> Completed:
        """Take a payload that is a fragment, and note how the payloads begin that continue its unit.

        Args:
            payload: the payload of the packet.
            at: the position where the part of the unit begins; the byte before it is the FU header: start bit, end bit
                and type.
            first: the NAL unit header rebuilt from the fragment; used where the start bit is set.
            marker: the marker bit of the packet.
        """
        flags = payload[at - 1]
        start = flags >= 0x80
        completed = self.fragment(first, payload[at:], start=start, end=flags & 0x40 != 0, marker=marker)
        if start and self._parts:
            self.continuation = bytes(payload[: at - 1]) + bytes((flags & 0x3F,))
        return completed

    def middles(self, bodies: list[memoryview], size: int) -> bool:
        """Take parts of the open unit: fragments from its middle without the marker, or the part of any one fragment.

        Args:
            bodies: the fragments' parts of the unit: the payloads without the bytes of `continuation`. All of them lie
                in one receive buffer.
            size: bytes of all bodies together.

        Returns:
            Whether the unit is still open. A unit that grows without an end is given up.
        """
        self._parts += bodies
        self._size += size
        if bodies[0].obj is not self._buffer:
            self._pin(bodies[0])
        if self._size <= MAX_NAL_UNIT_SIZE and len(self._parts) <= MAX_FRAGMENTS:
            return True
        self.faults["unit over the size limit"] += 1
        self._drop()
        return False

    def cut_off(self) -> list[bytes]:
        """Return the unit whose end bit never came, now that the next one begins.

        Nothing of the unit is missing, so it is complete.
        """
        self._lost = self._ended_by_marker = False
        if not self._parts:
            return []
        self.faults["fragments without end"] += 1
        return self._complete()

    def single(self, payload: memoryview) -> list[bytes]:
        """Return the unit of a single NAL unit packet, or several units where a byte stream was put there (V380)."""
        return self.split(bytes(payload))

    def aggregate(self, payload: memoryview, *, minimum: int) -> list[bytes]:
        """Return the units of an aggregation packet after its header: 16-bit size and unit, repeated."""
        units: list[bytes] = []
        position = 0
        while position + 2 <= len(payload) and len(units) < MAX_AGGREGATED:
            size = (payload[position] << 8) | payload[position + 1]
            position += 2
            if size < minimum:
                self.faults["aggregate padded"] += 1
                break
            if position + size > len(payload):
                self.faults["aggregate cut short"] += 1
                break
            units.extend(self.split(bytes(payload[position : position + size])))
            position += size
        return units

    def _pin(self, body: memoryview) -> None:
        """Keep small fragments from keeping all of the receive buffers that they came in."""
        self._buffer = buffer = body.obj
        self._pinned += len(buffer) if isinstance(buffer, _BUFFERS) else len(body)
        if self._pinned > MAX_PINNED:
            self._parts = [b"".join(self._parts)]
            self._pinned = 0

    def _complete(self) -> list[bytes]:
        unit = b"".join(self._parts)
        self._drop()
        return self.split(unit)

    def split(self, unit: bytes) -> list[bytes]:
        """Return a NAL unit, or the units of the byte stream that stands in its place; none where the unit is empty."""
        if not has_start_code(unit):
            # a unit never ends in zeros (trailing_zero_8bits belong to the byte stream)
            unit = unit.rstrip(b"\x00") if unit.endswith(b"\x00") else unit
            return [unit] if unit else []
        self.faults["byte stream in a unit"] += 1
        units = list(islice(split_byte_stream(unit), MAX_NAL_UNITS + 1))
        if len(units) > MAX_NAL_UNITS:
            self.faults["too many units in a unit"] += 1
            units.pop()
        return units

    def _drop(self) -> None:
        self.continuation = b""
        self._parts = []
        self._size = 0
        self._pinned = 0
        self._buffer = None
