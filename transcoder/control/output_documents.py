"""Documents of a stream's outputs are made here: of its own picture, and of its renditions."""

from collections.abc import Mapping
from typing import Any, Final

from transcoder.config import StreamConfig
from transcoder.config.stream import OutputConfig
from transcoder.control.documents import OutputDocument, RenditionDocument
from transcoder.output.status import OutputStatus
from transcoder.service.status import StreamStatus
from transcoder.text import printable
from transcoder.worker_options import MAIN

MAX_CODEC: Final = 64
"""Characters of a codec's name, at most."""


class OutputRates:
    """Measures the rates of a stream's outputs between looks."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[int, int]] = {}
        self._at: float | None = None
        self._rates: dict[str, tuple[float, float]] = {}

    def sample(self, outputs: Mapping[str, OutputStatus], now: float) -> None:
        """Note the counts of now; to be called about once a second.

        Args:
            outputs: the outputs by name.
            now: monotonic seconds.
        """
        counts = {name: (output.pictures, output.bytes) for name, output in outputs.items()}
        if self._at is not None and now > self._at:
            span = now - self._at
            self._rates = {
                name: (max(pictures - before[0], 0) / span, max(size - before[1], 0) / span / 125)
                for name, (pictures, size) in counts.items()
                if (before := self._before.get(name)) is not None
            }
        self._before, self._at = counts, now

    def of(self, name: str) -> tuple[float, float]:
        """Return pictures and kbit a second of an output over the last second."""
        return self._rates.get(name, (0.0, 0.0))


def output_document(status: StreamStatus, config: StreamConfig, rates: OutputRates) -> OutputDocument:
    """Make the document of the stream's own picture; its readers are those of all outputs."""
    facts = output_facts(status.output, config.video, main_rates(status, rates))
    return OutputDocument(**facts, readers=status.readers)


def main_rates(status: StreamStatus, rates: OutputRates) -> tuple[float, float]:
    """Return pictures and kbit a second of the stream's own picture."""
    kbps = rates.of(MAIN)[1] if len(status.outputs) > 1 else status.rates.kbps_out  # which is of all outputs together
    return status.rates.fps_out, kbps


def rendition_documents(status: StreamStatus, config: StreamConfig, rates: OutputRates) -> dict[str, RenditionDocument]:
    """Make the document of each rendition that is configured and served, by its name."""
    return {
        name: RenditionDocument(
            **output_facts(output, config.outputs[name], rates.of(name)),
            readers=output.readers,
            asleep=not output.is_awake,
        )
        for name, output in status.outputs.items()
        if name != MAIN and name in config.outputs
    }


def output_facts(output: OutputStatus, video: OutputConfig, rates: tuple[float, float]) -> dict[str, Any]:
    """Return what every document of an output tells of it, by the names of the fields.

    Args:
        output: the status of the output.
        video: the keys of the output.
        rates: pictures and kbit a second.
    """
    made, delay_s = output.format, output.delay_s()
    codec, frame_rate = made.get("codec"), made.get("frame_rate")
    return {
        "codec": printable(codec, MAX_CODEC) if isinstance(codec, str) and codec else None,
        "width": _number(made.get("width")),
        "height": _number(made.get("height")),
        "frame_rate": round(float(frame_rate), 3) if isinstance(frame_rate, int | float) else None,
        "fps": round(rates[0], 2),
        "kbps": round(rates[1], 1),
        "bitrate_kbps": video.bitrate_kbps,
        "gop_s": video.gop_s,
        "pictures": output.pictures,
        "repeated": output.repeated,
        "idr": output.idr,
        "bytes": output.bytes,
        "delay_s": round(max(delay_s, 0.0), 4) if delay_s is not None else None,
    }


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
