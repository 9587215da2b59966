"""How fixed cameras are encoded: what each profile chooses, and what that is to x264 and x265.

Chosen by `benchmarks/quality`, whose tables stand in docs/performance.md. What all profiles have in common:

- an IDR every GOP and when asked, no scene cut detection, no B pictures, no lookahead: a picture leaves when it comes;
- one reference, no weighted prediction: a fixed camera's best prediction is the picture before;
- adaptive quantisation off: it moves bits from texture (faces, number plates, hair) to flat areas;
- an IDR finer than what follows: where nothing moves, the following pictures inherit it for nothing.
"""

from dataclasses import dataclass

from transcoder.codecs.nal import Codec
from transcoder.errors import MediaError
from transcoder.worker_options import OutputOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a profile chooses; the attributes are those of EncoderSettings.

    Attributes:
        preset: of the encoder.
        subme: subpixel motion estimation with that preset; None: the preset's.
        extra: more of the encoder's own parameters, as "name=value".
    """

    preset: str
    crf: float
    aq_mode: int = 0
    aq_strength: float = 1.0
    ipratio: float = 1.6
    subme: int | None = None
    buffer_s: float = 1.0
    extra: tuple[str, ...] = ()


PROFILES = {
    Codec.H264: {
        "economy": Profile(preset="superfast", crf=27, subme=0, extra=("cabac=0",)),
        "balanced": Profile(preset="superfast", crf=27, subme=0),
        "quality": Profile(preset="veryfast", crf=24),
    },
    Codec.H265: {
        "economy": Profile(preset="ultrafast", crf=28),
        "balanced": Profile(preset="ultrafast", crf=26),
        "quality": Profile(preset="superfast", crf=25),
    },
}
"""By codec and name."""


def encoder_options(options: OutputOptions) -> dict[str, str]:
    """Settings of the encoder, by FFmpeg's names; every one must be understood by it.

    Raises:
        MediaError: there is no such profile.
    """
    chosen = options.encoder
    profile = PROFILES[options.codec].get(chosen.profile)
    if profile is None:
        raise MediaError(f"there is no encoder profile {chosen.profile}")
    crf = profile.crf if chosen.crf is None else chosen.crf
    aq_mode = profile.aq_mode if chosen.aq_mode is None else chosen.aq_mode
    aq_strength = profile.aq_strength if chosen.aq_strength is None else chosen.aq_strength
    ipratio = profile.ipratio if chosen.ipratio is None else chosen.ipratio
    preset = options.preset or profile.preset
    # another preset than the profile's comes with a motion estimation of its own
    subme = profile.subme if chosen.subme is None and preset == profile.preset else chosen.subme
    buffer_s = profile.buffer_s if chosen.buffer_s is None else chosen.buffer_s
    parameters = [f"aq-mode={aq_mode}", f"aq-strength={aq_strength:g}", f"ipratio={ipratio:g}", *profile.extra]
    if subme is not None:
        parameters.append(f"subme={subme}")
    common = {
        "preset": preset,
        "tune": "zerolatency",
        "crf": f"{crf:g}",
        "forced-idr": "1",
        "a53cc": "0",
        "udu_sei": "0",
    }
    cap = options.bitrate_kbps
    buffer = round(cap * buffer_s)
    if options.codec is Codec.H264:
        parameters = ["keyint=infinite", "scenecut=0", "weightp=0", "aud=0", *parameters]
        return common | {"maxrate": f"{cap}k", "bufsize": f"{buffer}k", "x264-params": ":".join(parameters)}
    parameters = [
        f"vbv-maxrate={cap}", f"vbv-bufsize={buffer}", "keyint=-1", "scenecut=0", "open-gop=0", "bframes=0",
        "repeat-headers=1", "info=0", "hash=0", "aud=0", "hrd=0", "pools=none", "frame-threads=1", "log-level=error",
        *parameters,
    ]  # fmt: skip
    return common | {"x265-params": ":".join(parameters)}
