"""The memory of outputs keeps what readers were told of each, over a restart too: they are answered at once.

Parameter sets are our encoder's, which makes the same ones of the same settings and the same format. Nothing of a
picture is kept.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from transcoder.codecs.audio_codec import AudioCodec
from transcoder.codecs.parameter_sets import picture_size
from transcoder.codecs.picture_codec import is_sane_size
from transcoder.formats.served_audio import ServedAudio
from transcoder.output.output import Output
from transcoder.output.remembered import Remembered
from transcoder.service.settings import StreamSettings
from transcoder.worker_options import MAIN, OutputFormat, WorkerOptions

MAX_OUTPUTS: Final = 10_000
"""The largest number of outputs that are remembered; the one that was noted first is forgotten."""
MAX_SETS: Final = 4
"""Parameter sets of an output at most: VPS, SPS and PPS, or an SPS and two PPS."""
MAX_SET_SIZE: Final = 512
"""Bytes of a parameter set at most; ours have some thirty."""
_PREFIX: Final = "output "


class OutputMemory:
    """Remembers outputs by their paths.

    Attributes:
        has_changed: whether anything was noted since changes() was called last.
    """

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}
        self.has_changed = False

    def note(self, path: str, options: WorkerOptions, number: int, told: Remembered) -> None:
        """Note what the readers of an output are told from now on.

        Args:
            path: the path under which the output is served.
            options: the settings of the output's stream.
            number: the number of the output.
            told: what the readers are told.
        """
        kept = {
            "format": asdict(told.format),
            "sets": [unit.hex() for unit in told.parameter_sets],
            "shape": _shape(options, number),
            "settings": _settings(options, number),
            "audio": None if told.audio is None else _audio_fields(told.audio),
        }
        if self._kept.get(path) == kept:
            return
        self._kept.pop(path, None)
        while len(self._kept) >= MAX_OUTPUTS:
            del self._kept[next(iter(self._kept))]
        self._kept[path] = kept
        self.has_changed = True

    def forget(self, name: str) -> None:
        """Forget the outputs of a stream that is removed: the next one of that name may be of another camera."""
        for path in [path for path in self._kept if path.partition("/")[0] == name]:
            del self._kept[path]
            self.has_changed = True

    def recall(self, path: str, options: WorkerOptions, number: int) -> Remembered | None:
        """Return what is true of an output with these settings; None where nothing is known of it.

        Args:
            path: the path under which the output is served.
            options: the settings of the output's stream.
            number: the number of the output.
        """
        kept = self._kept.get(path)
        if kept is None or kept.get("shape") != _shape(options, number):
            return None
        try:
            made = OutputFormat(**kept["format"])
            sets = tuple(bytes.fromhex(text) for text in kept["sets"])
            audio = None if kept["audio"] is None else _audio(kept["audio"])
        except (KeyError, TypeError, ValueError):
            return None
        if not _is_sane(made):
            return None
        size = picture_size(options.outputs[number].codec, sets)
        is_same = kept.get("settings") == _settings(options, number) and size == (made.width, made.height)
        if not is_same or len(sets) > MAX_SETS or any(len(unit) > MAX_SET_SIZE for unit in sets):
            sets = ()
        return Remembered(format=made, parameter_sets=sets, audio=audio)

    def settings(self, name: str, settings: StreamSettings) -> StreamSettings:
        """Return a stream's settings with the formats that its outputs had before.

        Args:
            name: the stream's name.
            settings: the settings as they are configured.
        """
        worker, outputs = settings.worker, []
        for number, (output, options) in enumerate(settings.named_outputs().items()):
            kept = self.recall(name if output == MAIN else f"{name}/{output}", worker, number)
            outputs.append(replace(options, recalled=None if kept is None else kept.format))
        return replace(settings, worker=replace(worker, outputs=tuple(outputs)))

    def tell(self, outputs: Iterable[Output], settings: StreamSettings) -> None:
        """Have the outputs of a stream tell what they told before this start, those that know nothing else.

        Args:
            outputs: the outputs in their order.
            settings: the settings of the stream.
        """
        for number, output in enumerate(outputs):
            told = self.recall(output.path, settings.worker, number)
            if told is not None:
                is_audible = told.audio is not None and told.audio.codec is settings.audible
                output.recall(told if is_audible else replace(told, audio=None))

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take up what was kept; entries that can't be read are left out when they are asked for."""
        for key, value in list(kept.items()):
            if key.startswith(_PREFIX) and isinstance(value, Mapping) and len(self._kept) < MAX_OUTPUTS:
                self._kept[key.removeprefix(_PREFIX)] = dict(value)

    def changes(self) -> Mapping[str, Any]:
        """Return everything that is remembered, to be kept."""
        self.has_changed = False
        return {f"{_PREFIX}{path}": kept for path, kept in self._kept.items()}


def _shape(options: WorkerOptions, number: int) -> str:
    return _digest(options.display_aspect, options.outputs[number].shape)


def _settings(options: WorkerOptions, number: int) -> str:
    """Return a name for the settings that the parameter sets follow from, beside the format."""
    output = options.outputs[number]
    return _digest(output.codec, output.preset, output.encoder, output.bitrate_kbps)


def _digest(*values: object) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def _is_sane(made: OutputFormat) -> bool:
    numbers = (made.width, made.height, made.matrix)
    if any(type(number) is not int for number in numbers) or not isinstance(made.frame_rate, int | float):
        return False
    is_even = not made.width % 2 and not made.height % 2
    return is_even and is_sane_size(made.width, made.height) and 0 < made.frame_rate <= 240 and 0 <= made.matrix <= 255


def _audio_fields(audio: ServedAudio) -> dict[str, Any]:
    return {"codec": audio.codec.value, "clock_rate": audio.clock_rate, "config": audio.config.hex()}


def _audio(fields: Mapping[str, Any]) -> ServedAudio:
    return ServedAudio(
        codec=AudioCodec(fields["codec"]),
        clock_rate=int(fields["clock_rate"]),
        config=bytes.fromhex(fields["config"]),
    )
