"""Payloads of H.26x packets are read by a format's reader here, as the tests of both formats do."""

from collections.abc import Callable, Sequence
from random import Random

from hypothesis import strategies as st

from transcoder.formats.h264 import InOrderReader as H264Reader
from transcoder.formats.h265 import InOrderReader as H265Reader

Reader = H264Reader | H265Reader


def depacketize_with(
    reader: Reader, payloads: Sequence[str | bytes], markers: list[bool] | None = None
) -> tuple[list[bytes], dict[str, int]]:
    """Read all payloads, by default with the marker on the last one; return the units and the faults."""
    units: list[bytes] = []
    for index, payload in enumerate(payloads):
        data = bytes.fromhex(payload) if isinstance(payload, str) else payload
        marker = markers[index] if markers else index == len(payloads) - 1
        before, completed = reader.receive(memoryview(data), marker=marker)
        units += [*before, *completed]
    return units, dict(reader.reassembly.faults)


def any_payloads(headers: list[bytes], letters: list[bytes], size: int) -> st.SearchStrategy[list[bytes]]:
    """Payloads of any bytes, of these headers and any bytes, and of these letters."""
    return st.lists(
        st.one_of(
            st.binary(max_size=12),
            st.tuples(st.sampled_from(headers), st.binary(max_size=size)).map(b"".join),
            st.lists(st.sampled_from(letters), max_size=12).map(b"".join),
        ),
        max_size=25,
    )


def units_with_losses(
    reader: Reader, payloads: list[bytes], chance: Random, check: Callable[[bytes, bytes], None]
) -> None:
    """Read payloads while packets are lost and markers come by chance; check every unit with its payload."""
    for payload in payloads:
        if chance.random() < 0.1:
            reader.reassembly.lose()
        before, completed = reader.receive(memoryview(payload), marker=chance.random() < 0.3)
        for unit in [*before, *completed]:
            check(payload, unit)
