"""RTP packets become access units here where NAL units are sent in decoding order (H.264 and H.265)."""

from collections import Counter
from typing import Protocol

from typing_extensions import override

from transcoder.codecs.access_unit import AccessUnit, AccessUnitAssembler
from transcoder.codecs.nal import Codec
from transcoder.formats.depacketizer import DepacketizerOptions, RtpPacket, RunDepacketizer
from transcoder.formats.fragments import NOTHING, Completed, Reassembly


class PayloadReader(Protocol):
    """Takes RTP payloads in order and gives NAL units.

    Attributes:
        reassembly: puts the fragments together; it counts the reader's faults too.
    """

    reassembly: Reassembly

    def receive(self, payload: memoryview, *, marker: bool) -> Completed:
        """Return the NAL units that this payload completes, in order.

        Args:
            payload: the payload of one packet, in sequence order.
            marker: the marker bit of the packet; it ends a fragmented unit whose end bit is missing.
        """
        ...


class NalUnitDepacketizer(RunDepacketizer):
    """Depacketizes a media whose NAL units come in decoding order.

    Args:
        codec: the codec of the NAL units.
        reader: reads the format's payloads.
        options: the options of the media.
    """

    def __init__(self, codec: Codec, reader: PayloadReader, options: DepacketizerOptions) -> None:
        self._assembler = AccessUnitAssembler(
            codec, proofs=options.marker_proofs, parameter_sets=options.parameter_sets
        )
        self._reader = reader
        self._reassembly = reader.reassembly
        self._timestamp = 0

    @property
    @override
    def faults(self) -> Counter[str]:
        return self._reassembly.faults + self._assembler.faults

    @property
    @override
    def continuation(self) -> bytes:
        return self._reassembly.continuation

    @override
    def receive_middles(self, bodies: list[memoryview], size: int) -> bool:
        return self._reassembly.middles(bodies, size)

    @override
    def receive_end(self, body: memoryview, timestamp: int, now: float) -> None:
        _, units = self._reassembly.fragment(b"", body, start=False, end=True, marker=True)
        for unit in units:
            if len(unit) >= 2:
                self._assembler.add(unit, timestamp, now)
        self._timestamp = timestamp
        self._assembler.end_of_packet(marker=True)

    @override
    def receive(self, packet: RtpPacket, now: float) -> None:
        assembler, marker, timestamp = self._assembler, packet.marker, packet.timestamp
        completed = self._reader.receive(packet.payload, marker=marker)
        if completed is not NOTHING:
            before, units = completed
            for unit in before:
                if len(unit) >= 2:
                    assembler.add(unit, self._timestamp, now)
            for unit in units:
                if len(unit) >= 2:
                    assembler.add(unit, timestamp, now)
        self._timestamp = timestamp
        if marker:
            assembler.end_of_packet(marker=True)

    @override
    def lose(self, *, restart: bool) -> None:
        is_open = self._reassembly.continuation != b""
        self._reassembly.lose()
        if restart:
            if is_open:
                self._assembler.lose()
            self._assembler.restart()
        else:
            self._assembler.lose()

    @property
    @override
    def held_since(self) -> float | None:
        return None if self._reassembly.continuation else self._assembler.held_since

    @override
    def release_picture(self) -> None:
        self._assembler.release()

    @override
    def next_access_unit(self) -> AccessUnit | None:
        ready = self._assembler.ready  # asked after every run
        return ready.popleft() if ready else None
