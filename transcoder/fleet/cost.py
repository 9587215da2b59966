"""A stream costs cores: so many are estimated by its keys here, or taken from what running gateways measured.

The figures are those of docs/performance.md: `capacity-noisy` at 1920x1080, 25 pictures a second, and
`capacity-street` at 768x576, 10 a second. Each part costs some time for a picture and some more for each of its pixels;
the two measurements give both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from transcoder.config import StreamConfig
from transcoder.config.stream import OutputConfig
from transcoder.worker_options import MAIN

ASSUMED_SIZE: Final = (1920, 1080)
"""Pixels: the size of a stream that names none, the size of most cameras, and the larger of the two that were measured.
"""
ASSUMED_FPS: Final = 25.0
"""Pictures a second of a camera: what the cameras of all measurements send, but for small ones."""
H265_FACTOR: Final = 2.0
"""How much more time the encoding of a picture in H.265 takes. It was not measured; a `cost` in the file is better."""
MAX_COST: Final = 64.0
"""Cores that a stream may cost: twice those of 8K at 60 pictures a second by the estimate."""
MEASURED_PICTURES: Final = 100
"""Pictures that a stream must have encoded for its measured cost to be believed, as for `admission`."""


@dataclass(frozen=True, slots=True)
class _Time:
    """Says how long one part of the work takes."""

    picture_ms: float
    """Milliseconds for each picture, whatever its size."""
    megapixel_ms: float
    """Milliseconds for each million pixels of the picture."""

    def cores(self, size: tuple[int, int], fps: float) -> float:
        return (self.picture_ms + self.megapixel_ms * size[0] * size[1] / 1e6) * fps / 1e3


# milliseconds a picture at 2.07 and 0.44 megapixels: service 0.85 and 0.69, decode 4.92 and 2.02, stages and encode
# 7.16 and 3.05, the worker's rest 0.28 and 0.33
_SERVICE: Final = _Time(0.65, 0.1)
_DECODE: Final = _Time(1.55, 1.75)
_ENCODE: Final = _Time(1.9, 2.55)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Holds what a stream costs while it plays.

    Attributes:
        cores: processor cores, those of its workers and its share of the service.
        service: the part of these that the service's one thread takes.
        origin: who says so.
    """

    cores: float
    service: float
    origin: str = "estimated"


def estimate(stream: StreamConfig) -> Cost:
    """Estimate what a stream costs by its keys: size, rate, codec and renditions, each as if somebody read it."""
    if not stream.enabled:
        return Cost(cores=0.0, service=0.0)
    size = stream.video.dimensions or ASSUMED_SIZE
    service = _SERVICE.cores(size, ASSUMED_FPS)
    if stream.video.mode == "relay":
        return Cost(cores=service, service=service)
    outputs = stream.outputs
    encoding = sum(_encoding(output, size) for output in outputs.values())
    service += sum(_SERVICE.cores(*_shape(output, size)) for name, output in outputs.items() if name != MAIN)
    return Cost(cores=service + _DECODE.cores(size, ASSUMED_FPS) + encoding, service=service)


def _shape(output: OutputConfig, size: tuple[int, int]) -> tuple[tuple[int, int], float]:
    return output.dimensions or size, min(output.fps or ASSUMED_FPS, ASSUMED_FPS)


def _encoding(output: OutputConfig, size: tuple[int, int]) -> float:
    return _ENCODE.cores(*_shape(output, size)) * (H265_FACTOR if output.codec == "h265" else 1.0)


def cost_of(stream: StreamConfig, given: float | None, measured: float | None) -> Cost:
    """Return what a stream costs: as the file says, else as its worker was measured, else by estimate.

    Args:
        stream: the stream.
        given: the cores that the file says.
        measured: the share of a core that the workers took; the service's share is added.
    """
    estimated = estimate(stream)
    if not stream.enabled:
        return estimated
    if given is not None:
        return Cost(cores=given, service=min(estimated.service, given), origin="given")
    if measured is not None:
        return Cost(cores=measured + estimated.service, service=estimated.service, origin="measured")
    return estimated


def measured_shares(document: object) -> dict[str, float]:
    """Return the share of a core that each stream's workers took, of the answer to `GET /api/v1/streams`.

    A stream is left out that does not play or has not yet shown enough pictures. One that sheds pictures is taken for
    what it would need if it shed none.

    Args:
        document: the answer's JSON.

    Raises:
        ValueError: the document is no such answer.
    """
    streams = document.get("streams") if isinstance(document, Mapping) else None
    if not isinstance(streams, list):
        raise ValueError("is no answer to GET /api/v1/streams: it has no list `streams`")  # noqa: TRY004  # a value of a file
    return dict(_shares(streams))


def _shares(streams: Iterable[Any]) -> Iterable[tuple[str, float]]:
    for each in streams:
        try:
            name, state = each["id"], each["state"]
            cpu, divisor, pictures = state["cpu"], state.get("rate_divisor", 1), state["output"]["pictures"]
            is_believed = state["state"] == "playing" and pictures >= MEASURED_PICTURES and 0 < cpu <= MAX_COST
            if is_believed and isinstance(name, str) and 1 <= divisor <= MAX_COST:
                yield name, min(float(cpu) * divisor, MAX_COST)
        except (KeyError, TypeError, AttributeError):
            raise ValueError("is no answer to GET /api/v1/streams: a stream lacks its state") from None
