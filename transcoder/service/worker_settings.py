"""The settings of a stream's workers are kept here, for the present worker and later ones. Sans-IO."""

from collections.abc import Mapping
from dataclasses import replace

from transcoder.codecs.picture_codec import is_sane_size
from transcoder.service.worker_reports import PictureFormat
from transcoder.worker_options import OutputFormat, OutputOptions, WorkerOptions


class WorkerSettings:
    """Keeps settings that outlive a worker.

    Args:
        options: the options as they are configured.

    Attributes:
        options: the options as they are configured, with the size of the slate.
        outputs_told: the largest number of outputs that the present worker was told to make: what it made of one that
            is gone may still be on its way.
    """

    def __init__(self, options: WorkerOptions) -> None:
        self.options = _asleep_as(options)
        self._formats: dict[int, PictureFormat] = {}
        self._given = self.options
        self.outputs_told = len(options.outputs)

    def change(self, options: WorkerOptions) -> None:
        """Go on with other options; formats that depend on the changed ones are forgotten."""
        options = _asleep_as(options, self.options.outputs)
        kept = zip(options.shapes, self.options.shapes, strict=False)
        same = {number for number, (shape, before) in enumerate(kept) if shape == before}
        self._formats = {number: made for number, made in self._formats.items() if number in same}
        self.outputs_told = max(self.outputs_told, len(options.outputs))
        self.options = options

    def set_awake(self, number: int, *, is_awake: bool) -> bool:
        """Make an output that is made on demand, or let it sleep; return whether that changed the options."""
        outputs = list(self.options.outputs)
        if number >= len(outputs) or outputs[number].asleep is not is_awake:
            return False
        outputs[number] = replace(outputs[number], asleep=not is_awake)
        self.options = replace(self.options, outputs=tuple(outputs))
        return True

    def change_slate_size(self, size: tuple[int, int]) -> bool:
        """Give the slate the size that the camera claims, so that it need not be given up for the camera's pictures.

        Returns:
            Whether that changed the options, which happens before the first picture only.
        """
        width, height = size[0] & ~1, size[1] & ~1
        if self._formats or not is_sane_size(width, height) or (width, height) == self.options.slate_size:
            return False
        self.options = replace(self.options, slate_size=(width, height))
        return True

    def note_format(self, report: PictureFormat) -> None:
        """Remember the format of an output: readers were told of it."""
        self._formats[report.output_number] = report

    def frame_rate(self, number: int) -> float | None:
        """Return the pictures a second of an output, as the worker told them; None where it has not."""
        made = self._formats.get(number)
        return made.output.frame_rate if made is not None else None

    def is_told(self, number: int, size: tuple[int, int]) -> bool:
        """Return whether pictures of an output may have a size: the one that the worker told readers of, if it has."""
        made = self._formats.get(number)
        return made is None or (made.output.width, made.output.height) == size

    def forget_formats(self) -> None:
        """Let the next worker find every output's format anew."""
        self._formats.clear()

    def for_new_worker(self) -> WorkerOptions:
        """Return the options of a worker that starts now: it keeps the formats that readers know, but not a slate's."""
        self.outputs_told = len(self.options.outputs)
        known = self._formats.items()
        self._given = self._with_fixed({number: made.output for number, made in known if not made.is_slate})
        return self._given

    def changed_since(self) -> bool:
        """Return whether the options differ from the options that for_new_worker() gave."""
        fixed = {number: output.fixed for number, output in enumerate(self._given.outputs)}
        return self._with_fixed(fixed) != self._given

    def _with_fixed(self, fixed: Mapping[int, OutputFormat | None]) -> WorkerOptions:
        outputs = enumerate(self.options.outputs)
        return replace(
            self.options, outputs=tuple(replace(output, fixed=fixed.get(number)) for number, output in outputs)
        )


def _asleep_as(options: WorkerOptions, before: tuple[OutputOptions, ...] = ()) -> WorkerOptions:
    """Return options in which an output on demand sleeps or is awake as it was, and sleeps at first.

    Where that is wrong, because an output has another place, the output tells soon.
    """
    outputs = list(options.outputs)
    for number, output in enumerate(outputs):
        known = before[number] if number < len(before) and before[number].on_demand else None
        if output.on_demand:
            outputs[number] = replace(output, asleep=known is None or known.asleep)
    return replace(options, outputs=tuple(outputs))
