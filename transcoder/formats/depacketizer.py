"""This is the interface between reception and a payload format: an RTP packet, and the depacketizer that takes it."""

from collections import Counter
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from transcoder.codecs.access_unit import AccessUnit
from transcoder.ledger import Ledger


@dataclass(slots=True, kw_only=True)
class RtpPacket:
    """Holds one received RTP packet.

    Attributes:
        payload_type: 0..127.
        sequence_number: 0..65535, as sent.
        timestamp: 0..2**32-1 ticks, as sent.
        ssrc: the sender's synchronization source.
        marker: the M bit.
        payload: a view into the received buffer; padding and extension are outside it.
        extension_profile: the 16 bits "defined by profile", or None without a header extension.
        extension: the extension's words, for counting and examples.
        csrc_count: 0..15.
        padding: bytes of padding that were cut off.
    """

    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    marker: bool
    payload: memoryview
    extension_profile: int | None = None
    extension: bytes = b""
    csrc_count: int = 0
    padding: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingOrder:
    """Holds the parameters of NAL units that come with decoding order numbers (DON).

    A parameter that is not given is None.

    Attributes:
        depth: NAL units that may have to wait: sprop-interleaving-depth (H.264, slices only), sprop-depack-buf-nalus.
        max_don_diff: sprop-max-don-diff: the most by which the numbers of waiting units may differ.
        buffer_size: bytes of waiting units: sprop-deint-buf-req, sprop-depack-buf-bytes.

    Source: RFC 6184 section 8.1, RFC 7798 section 7.1.
    """

    depth: int | None = None
    max_don_diff: int | None = None
    buffer_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DepacketizerOptions:
    """Holds the options of one media's depacketizer; each format takes the options that it needs.

    Attributes:
        ledger: the ledger of the stream.
        parameter_sets: the parameter sets of the session description; cameras may send them nowhere else.
        picture_size: (width, height) of the session description; only JPEG over 2040 pixels needs it.
        marker_proofs: pictures that the marker of H.264 and H.265 has to end rightly before it is believed.
        decoding_order: the parameters of the session description, where NAL units come with decoding order numbers.
    """

    ledger: Ledger
    parameter_sets: tuple[bytes, ...] = ()
    picture_size: tuple[int, int] | None = None
    marker_proofs: int = 0
    decoding_order: DecodingOrder | None = None


class Depacketizer(Protocol):
    """Takes the RTP packets of one video media and gives access units.

    A depacketizer raises nothing: a payload that can't be read is counted in `faults` and passed over.
    """

    @property
    def faults(self) -> Counter[str]:
        """Return the number of faults that were tolerated so far, by kind."""
        ...

    def receive(self, packet: RtpPacket, now: float) -> None:
        """Take one packet; packets come in the order of their sequence numbers.

        Args:
            packet: the packet, whose payload is not kept beyond the access unit that it belongs to.
            now: monotonic seconds.
        """
        ...

    def lose(self, *, restart: bool) -> None:
        """Take note that packets are missing before the next one, or that the source begins anew (restart)."""
        ...

    def next_access_unit(self) -> AccessUnit | None:
        """Return the next complete access unit, or None."""
        ...

    @property
    def held_since(self) -> float | None:
        """Return when the last packet came of a picture that is held back until the next one begins, or None.

        Such a picture is held back because nothing but the next one tells its end.
        """
        return None

    def release_picture(self) -> None:
        """Take the picture that is held back for complete: nothing came after it for a while."""
        return


@runtime_checkable
class RunDepacketizer(Depacketizer, Protocol):
    """Takes a run as well: many fragments from the middle of one NAL unit in one call."""

    @property
    def continuation(self) -> bytes:
        """Return the first bytes of a payload that continues the open NAL unit; empty where no NAL unit is open."""
        ...

    def receive_middles(self, bodies: list[memoryview], size: int) -> bool:
        """Take the fragments of a run.

        Args:
            bodies: the payloads, each without the bytes of `continuation` that it began with.
            size: bytes of all bodies together.

        Returns:
            Whether the unit is still open, so that the next run may continue it.
        """
        ...

    def receive_end(self, body: memoryview, timestamp: int, now: float) -> None:
        """Take the fragment that ends the open NAL unit, in a packet with the marker.

        Args:
            body: the payload without the bytes that stand for `continuation`.
            timestamp: the timestamp of the packet.
            now: monotonic seconds.
        """
        ...
