"""A client that sets a video encoder changes bitrate, frame rate or key frame interval of an output, or hears why not.

Clients send the whole configuration back that they have read, with what they change: what is as it was told changes
nothing, and what can't be changed here is refused rather than forgotten.
"""

from dataclasses import dataclass
from typing import Any, Final

from transcoder.onvif.device import Profile
from transcoder.onvif.faults import Fault, invalid
from transcoder.onvif.markup import Markup
from transcoder.onvif.media_words import MAX_GOP_S, MAX_KBPS, MIN_GOP_S, MIN_KBPS
from transcoder.onvif.visit import ChangeStream
from transcoder.worker_options import MAIN

MIN_FPS, MAX_FPS = 0.5, 240.0
"""The range of `video.fps`; the configuration checks it again."""
_CODECS: Final = {"H264": "h264", "H265": "h265"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Holds the texts of a configuration that a client wants, "" for those that it leaves out."""

    encoding: str
    width: str
    height: str
    fps: str
    bitrate_kbps: str
    gov_length: str


def change_of(profile: Profile, wanted: Wanted, told_fps: float, answer: Markup) -> ChangeStream:
    """Return the change of the configuration that brings an output to what is wanted.

    Args:
        profile: the profile as it is.
        wanted: the configuration that is wanted.
        told_fps: the frame rate as it was told to the client.
        answer: the answer where the change is made.

    Raises:
        Fault: it can't be brought there.
    """
    if wanted.encoding and _CODECS.get(wanted.encoding) != profile.codec:
        raise _fixed("the encoding")
    size = (wanted.width or str(profile.width), wanted.height or str(profile.height))
    if size != (str(profile.width), str(profile.height)):
        raise _fixed("the resolution")
    video: dict[str, Any] = {}
    bitrate = _number(wanted.bitrate_kbps, profile.bitrate_kbps)
    if bitrate != profile.bitrate_kbps:
        video["bitrate_kbps"] = int(_between(bitrate, MIN_KBPS, MAX_KBPS, "BitrateLimit"))
    fps = _number(wanted.fps, told_fps)
    if abs(fps - told_fps) > 0.01:
        video["fps"] = _between(fps, MIN_FPS, MAX_FPS, "FrameRateLimit")
    gov = _number(wanted.gov_length, profile.gov_length)
    if gov != profile.gov_length or ("fps" in video and wanted.gov_length):
        rate = video.get("fps", profile.fps)
        video["gop_s"] = round(_between(gov / rate, MIN_GOP_S, MAX_GOP_S, "GovLength"), 3)
    keys = {"video": video} if profile.output == MAIN else {"renditions": {profile.output: video}}
    return ChangeStream(stream=profile.stream, keys=keys if video else {}, answer=answer)


def _number(text: str, default: float) -> float:
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        raise invalid("the configuration has a number that is none") from None
    if not 0 <= number < 1e9:
        raise invalid("the configuration has a number that is out of any range")
    return number


def _between(value: float, least: float, most: float, name: str) -> float:
    if not least <= value <= most:
        raise Fault(f"{name} is out of its range", "ter:InvalidArgVal", "ter:ConfigModify")
    return value


def _fixed(what: str) -> Fault:
    return Fault(f"{what} is changed in the configuration of the gateway", "ter:InvalidArgVal", "ter:ConfigModify")
