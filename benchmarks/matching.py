"""This module finds the constant rate factors at which peers have the gateway's quality on simulated cameras."""

import dataclasses
from dataclasses import dataclass

from benchmarks import encoding, material, quality, vmaf
from benchmarks.encoding import Encoded, Setting
from transcoder.lab.bench.load import CameraOptions
from transcoder.worker_options import EncoderSettings

_STEPS = (-7.0, -4.0, -1.0, 2.0)
"""The constant rate factors that are tried, as differences from the gateway's."""


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
        RuntimeError: a side does not reach the VMAF with any constant rate factor that is tried.
    """
    source = material.from_camera(cameras, frames)

    def own(name: str) -> Setting:
        return dataclasses.replace(quality.ours(name, profiles[name]), gop_s=gop_s)

    encoded = encoding.encode(source, own("gateway"), crf)
    target = vmaf.score(source, encoded.data).vmaf
    found = {"gateway": Match(crf=crf, kbps=encoded.kbps, vmaf=target)}
    others = {name: own(name) for name in profiles if name != "gateway"} | settings_of(sides, gop_s)
    measured: dict[str, dict[float, tuple[Encoded, vmaf.Score]]] = {}
    for side, setting in others.items():
        if setting.name not in measured:  # two sides may encode alike
            encodes = {crf + step: encoding.encode(source, setting, crf + step) for step in _STEPS}
            measured[setting.name] = {at: (taken, vmaf.score(source, taken.data)) for at, taken in encodes.items()}
        row = quality.at_vmaf(measured[setting.name], target)
        if row is None:
            raise RuntimeError(f"{side} does not reach VMAF {target:.1f} between crf {crf - 7:g} and {crf + 2:g}")
        found[side] = Match(crf=row["crf"], kbps=row["kbps"], vmaf=target)
    return found
