"""This module finds the constant rate factors at which peers have the gateway's quality on simulated cameras."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import encoding, material, quality, stages, vmaf
from benchmarks.encoding import Encoded, Setting
from transcoder.codecs.nal import Codec
from transcoder.lab.bench.load import CameraOptions
from transcoder.media.encoders import PROFILES
from transcoder.media.encoders.motion import MotionSettings
from transcoder.worker_options import EncoderSettings

_STEPS = (-7.0, -4.0, -1.0, 2.0)
"""The constant rate factors that are tried, as differences from the gateway's."""
_WIDER = 4.0
"""The step by which others are tried beyond those, while the VMAF lies there."""
_CRFS = (1.0, 51.0)
"""The constant rate factors that are tried at most: x264's 0 is lossless, and no figure of a lossy encoder."""


class OutOfReachError(Exception):
    """Says which side does not reach the VMAF with any constant rate factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Holds the figures of a side at the gateway's VMAF.

    Attributes:
        crf: the side's constant rate factor.
        kbps: the side's bitrate with it, kbit/s.
        vmaf: the VMAF of the gateway, and so of this side.
    """

    crf: float
    kbps: float
    vmaf: float


def settings_of(sides: list[str], gop_s: float) -> dict[str, Setting]:
    """Return how each side encodes; two sides with the same name of a setting encode alike."""
    tuned = {"preset": "superfast", "tune": "zerolatency"}
    known = {
        "ffmpeg": Setting(name="ffmpeg", options={"preset": "veryfast"}, b_frames=None, gop_s=gop_s),
        "ffmpeg-tuned": Setting(name="ffmpeg-tuned", options=tuned, gop_s=gop_s),
        "gstreamer": Setting(name="ffmpeg-tuned", options=tuned, gop_s=gop_s),
    }
    return {side: known[side] for side in sides if side in known}


def match(
    cameras: CameraOptions,
    sides: list[str],
    profiles: dict[str, EncoderSettings],
    crf: float,
    gop_s: float,
    frames: int,
) -> dict[str, Match]:
    """Measure every side at the VMAF that the gateway has.

    Args:
        cameras: the cameras whose video is encoded.
        sides: the names of the sides to match.
        profiles: the profiles of the gateway's sides; "gateway" is the side to be matched.
        crf: the constant rate factor of "gateway".
        gop_s: seconds between IDR pictures.
        frames: the number of pictures to encode.

    Raises:
        OutOfReachError: a side does not reach the VMAF with any constant rate factor.
    """
    source = material.from_camera(cameras, frames)

    def own(name: str) -> Setting:
        return dataclasses.replace(quality.ours(name, profiles[name]), gop_s=gop_s)

    def encode(side: str, setting: Setting, at: float) -> Encoded:
        settings = profiles.get(side)
        if settings is not None and isinstance(PROFILES[Codec.H264].get(settings.profile), MotionSettings):
            return stages.encode(source, dataclasses.replace(settings, crf=at), gop_s)
        return encoding.encode(source, setting, at)

    encoded = encode("gateway", own("gateway"), crf)
    target = vmaf.score(source, encoded.data).vmaf
    found = {"gateway": Match(crf=crf, kbps=encoded.kbps, vmaf=target)}
    others = {name: own(name) for name in profiles if name != "gateway"} | settings_of(sides, gop_s)
    measured: dict[str, dict[float, tuple[Encoded, vmaf.Score]]] = {}
    for side, setting in others.items():
        if setting.name not in measured:  # two sides may encode alike

            def take(at: float, side: str = side, setting: Setting = setting) -> tuple[Encoded, vmaf.Score]:
                taken = encode(side, setting, at)
                return taken, vmaf.score(source, taken.data)

            measured[setting.name] = around(take, target, crf)
        points = measured[setting.name]
        row = quality.at_vmaf(points, target)
        if row is None:
            raise OutOfReachError(out_of_reach(side, target, points))
        found[side] = Match(crf=row["crf"], kbps=row["kbps"], vmaf=target)
    return found


def around(
    take: Callable[[float], tuple[Encoded, vmaf.Score]], target: float, crf: float
) -> dict[float, tuple[Encoded, vmaf.Score]]:
    """Measure a setting at constant rate factors near one, and farther away until a VMAF lies between them.

    Args:
        take: encodes at a constant rate factor and measures the result.
        target: the VMAF.
        crf: the constant rate factor to begin with.
    """
    finest, coarsest = _CRFS
    points = {at: take(at) for at in sorted({min(max(crf + step, finest), coarsest) for step in _STEPS})}
    while max(score.vmaf for _, score in points.values()) < target and min(points) > finest:
        at = max(min(points) - _WIDER, finest)
        points[at] = take(at)
    while min(score.vmaf for _, score in points.values()) > target and max(points) < coarsest:
        at = min(max(points) + _WIDER, coarsest)
        points[at] = take(at)
    return points


def out_of_reach(side: str, target: float, points: dict[float, tuple[Encoded, vmaf.Score]]) -> str:
    """Return words for a VMAF that a side does not have with any constant rate factor."""
    best = max(points, key=lambda crf: points[crf][1].vmaf)
    worst = min(points, key=lambda crf: points[crf][1].vmaf)
    reached = points[best][1].vmaf
    if reached < target:
        return f"VMAF {target:.1f}, the gateway's, is out of {side}'s reach: at most {reached:.1f}, with crf {best:g}"
    least = points[worst][1].vmaf
    return f"VMAF {target:.1f}, the gateway's, is out of {side}'s reach: at least {least:.1f}, with crf {worst:g}"
