"""This room holds the encoders, and the profiles by which a configuration chooses an encoder and its settings.

`benchmarks/quality` chose the profiles; its tables stand in docs/performance.md. All profiles have in common:

- an IDR every GOP and on request, no scene cut detection, no B pictures, no lookahead: a picture leaves when it comes;
- one reference, no weighted prediction: a fixed camera's best prediction is the picture before;
- adaptive quantisation off: it moves bits from texture (faces, number plates, hair) to flat areas;
- an IDR finer than the pictures after it: where nothing moves, the following pictures inherit its quality for nothing.
"""

from collections.abc import Iterable, Mapping

from transcoder.codecs.nal import Codec, is_random_access, nal_unit_type
from transcoder.errors import MediaError
from transcoder.media.encoders.motion import MotionSettings
from transcoder.media.encoders.protocol import Encoder, Settings
from transcoder.media.encoders.x264 import X264Settings
from transcoder.media.encoders.x265 import X265Settings
from transcoder.worker_options import OutputFormat, OutputOptions

__all__ = [
    "PROFILES",
    "Encoder",
    "Settings",
    "adapt_encoder",
    "has_random_access",
    "needs_threads",
    "open_encoder",
    "settings_of",
    "wants_changes",
]

PROFILES: dict[Codec, Mapping[str, Settings]] = {
    Codec.H264: {
        "economy": X264Settings(preset="superfast", crf=27, subme=0, cabac=False),
        "balanced": X264Settings(preset="superfast", crf=27, subme=0),
        "quality": X264Settings(preset="veryfast", crf=24),
        "motion": MotionSettings(preset="superfast", crf=27, subme=0),
    },
    Codec.H265: {
        "economy": X265Settings(preset="ultrafast", crf=28),
        "balanced": X265Settings(preset="ultrafast", crf=26),
        "quality": X265Settings(preset="superfast", crf=25),
        "motion": X265Settings(preset="ultrafast", crf=26),
    },
}
"""The profiles, by codec and name; the type of the settings says which encoder they are for."""


def settings_of(options: OutputOptions) -> Settings:
    """Return the settings of an output's encoder: the profile's, some of them overridden by the configuration.

    Raises:
        MediaError: there is no such profile, or its encoder does not know a setting that is overridden.
    """
    chosen = PROFILES[options.codec].get(options.encoder.profile)
    if chosen is None:
        raise MediaError(f"there is no encoder profile {options.encoder.profile}")
    overrides = options.encoder.overrides()
    if options.preset is not None:
        overrides["preset"] = options.preset
    return chosen.overridden(overrides)


def open_encoder(options: OutputOptions, output: OutputFormat) -> Encoder:
    """Make a new encoder for an output.

    Raises:
        MediaError: there is no such profile, or its encoder refuses a setting or does not know it.
    """
    return settings_of(options).open(output, options.bitrate_kbps)


def adapt_encoder(encoder: Encoder, options: OutputOptions, output: OutputFormat) -> bool:
    """Have an output's encoder keep another cap of the bitrate; return False where another encoder is needed.

    Raises:
        MediaError: there is no such profile, or its encoder does not know a setting that is overridden.
    """
    return settings_of(options).adapt(encoder, output, options.bitrate_kbps)


def needs_threads(outputs: Iterable[OutputOptions]) -> bool:
    """Return whether an encoder of one of these outputs starts threads."""
    chosen = (PROFILES[output.codec].get(output.encoder.profile) for output in outputs)
    return any(settings is not None and settings.threads for settings in chosen)


def wants_changes(options: OutputOptions) -> bool:
    """Return whether an output's encoder makes use of the map of changed macroblocks."""
    settings = PROFILES[options.codec].get(options.encoder.profile)
    return settings is not None and settings.wants_changes


def has_random_access(codec: Codec, nal_units: list[bytes]) -> bool:
    """Return whether decoding may start at this picture."""
    return any(is_random_access(codec, nal_unit_type(codec, unit)) for unit in nal_units)
