"""Compare encoder settings by processor time and bits at equal VMAF: the gateway's profiles and its peers' flags.

Each material is encoded with each setting at several constant rate factors. Bits, processor time and the worst picture
are then read off, by interpolation, at the VMAF that ffmpeg's `-preset veryfast -crf 23` has on that material. Every
setting uses the same libx264 (the one of PyAV), one thread, and an IDR every second unless its name says otherwise.
"""

import argparse
import dataclasses
import math
import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks import encoding, material, report, vmaf
from benchmarks.encoding import Encoded, Setting
from benchmarks.vmaf import Score
from transcoder.codecs.nal import Codec
from transcoder.media.encoders import PROFILES
from transcoder.media.encoders.motion import MotionSettings
from transcoder.worker_options import EncoderSettings, OutputOptions

REFERENCE = "ffmpeg veryfast"
REFERENCE_CRF = 23.0
"""The default of x264, with which the peers' users encode."""
CRFS = "20,23,26,29"
_NO_CAP = 1_000_000

PEERS = (
    Setting(name=REFERENCE, options={"preset": "veryfast"}, b_frames=None),
    Setting(name="ffmpeg veryfast, own GOP", options={"preset": "veryfast"}, b_frames=None, gop_s=None),
    Setting(name="ffmpeg superfast zerolatency", options={"preset": "superfast", "tune": "zerolatency"}),
)


def ours(name: str, settings: EncoderSettings, preset: str | None = None) -> Setting:
    """Return a setting that is equal to a worker's."""
    options = encoding.rate_factor_settings(OutputOptions(encoder=settings, preset=preset)).ffmpeg_options(_NO_CAP)
    for key in ("crf", "forced-idr"):
        options.pop(key)
    return Setting(name=name, options=options)


def profiles() -> list[Setting]:
    """Return the gateway's profiles as settings."""
    found = PROFILES[Codec.H264].items()  # motion makes pictures of its own, which this program does not measure
    return [ours(name, EncoderSettings(profile=name)) for name, each in found if not isinstance(each, MotionSettings)]


def trials() -> list[Setting]:
    """Return the settings that were tried beside the profiles: each changes one value of `balanced`."""
    balanced = EncoderSettings()
    changed: dict[str, EncoderSettings] = {
        "balanced, aq_mode 1": dataclasses.replace(balanced, aq_mode=1, aq_strength=1.0),
        "balanced, aq_mode 1 strength 0.4": dataclasses.replace(balanced, aq_mode=1, aq_strength=0.4),
        "balanced, ipratio 1.4": dataclasses.replace(balanced, ipratio=1.4),
        "balanced, ipratio 2": dataclasses.replace(balanced, ipratio=2.0),
        "balanced, subme 1": dataclasses.replace(balanced, subme=1),
    }
    settings = [ours(name, value) for name, value in changed.items()]
    return [
        *settings,
        ours("balanced, ultrafast", balanced, "ultrafast"),
        ours("balanced, veryfast", balanced, "veryfast"),
    ]


def settings_of(which: str) -> list[Setting]:
    """Return the settings of the peers and of the profiles; "all" adds the trials."""
    chosen = [*PEERS, *profiles()]
    return [*chosen, *trials()] if which == "all" else chosen


def measure(
    source: material.Material, settings: Sequence[Setting], crfs: Sequence[float], repeats: int
) -> dict[str, dict[float, tuple[Encoded, Score]]]:
    """Measure every setting at every constant rate factor; of repeated encodes the median time counts."""
    points: dict[str, dict[float, tuple[Encoded, Score]]] = {}
    for setting in settings:
        points[setting.name] = {}
        for crf in crfs:
            encodes = [encoding.encode(source, setting, crf) for _ in range(repeats)]
            cpu_ms = statistics.median(encoded.cpu_ms for encoded in encodes)
            encoded = dataclasses.replace(encodes[0], cpu_ms=cpu_ms)
            points[setting.name][crf] = encoded, vmaf.score(source, encoded.data)
        report.progress(f"{source.name}: {setting.name}")
    return points


def at_vmaf(points: dict[float, tuple[Encoded, Score]], target: float) -> dict[str, float] | None:
    """Return the costs and the quality of a setting at a VMAF; None where no measurement is so low or so high."""

    def read(value: Any) -> float | None:
        line = [(score.vmaf, value(crf, encoded, score)) for crf, (encoded, score) in points.items()]
        return encoding.interpolate(line, target)

    log_kbps = read(lambda _, encoded, __: math.log(encoded.kbps))
    if log_kbps is None:
        return None
    found = {
        "kbps": math.exp(log_kbps),
        "cpu_ms": read(lambda _, encoded, __: encoded.cpu_ms),
        "crf": read(lambda crf, _, __: crf),
        "vmaf_low": read(lambda _, __, score: score.vmaf_low),
        "vmaf_worst": read(lambda _, __, score: score.vmaf_worst),
        "psnr": read(lambda _, __, score: score.psnr),
        "psnr_worst": read(lambda _, __, score: score.psnr_worst),
    }
    return {name: value for name, value in found.items() if value is not None}


def compare(points: dict[str, dict[float, tuple[Encoded, Score]]]) -> tuple[float, dict[str, dict[str, float] | None]]:
    """Return the reference's VMAF, and the figures of every setting at it."""
    target = points[REFERENCE][REFERENCE_CRF][1].vmaf
    return target, {name: at_vmaf(taken, target) for name, taken in points.items()}


def _json(crf: float, encoded: Encoded, score: Score) -> dict[str, float]:
    return {"crf": crf, "kbps": encoded.kbps, "cpu_ms": encoded.cpu_ms, **dataclasses.asdict(score)}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--material",
        help="names separated by commas, or files of your own; default: all of " + ", ".join(material.names()),
    )
    parser.add_argument("--frames", type=int, default=100, help="of each")
    parser.add_argument("--size", help="WIDTHxHEIGHT of scenes, and to scale footage to")
    parser.add_argument("--settings", choices=("profiles", "all"), default="profiles", help="all: the trials too")
    parser.add_argument("--crfs", default=CRFS, help=f"constant rate factors; {REFERENCE_CRF:g} has to be among them")
    parser.add_argument("--repeats", type=int, default=1, help="encodes of each, for the time")
    report.add_options(parser)
    arguments = parser.parse_args()
    width, _, height = (arguments.size or "").partition("x")
    size = (int(width), int(height)) if arguments.size else None
    crfs = sorted({float(value) for value in arguments.crfs.split(",")} | {REFERENCE_CRF})
    names = arguments.material.split(",") if arguments.material else material.names()
    chosen = settings_of(arguments.settings)
    result: dict[str, Any] = {"materials": {}}
    tables = []
    ratios: dict[str, list[tuple[float, float]]] = {}
    for name in names:
        source = material.load(name, arguments.frames, size=size)
        points = measure(source, chosen, crfs, arguments.repeats)
        target, rows = compare(points)
        size_rate = f"{source.width}x{source.height}@{source.fps:g}"
        title = f"{source.name}, {size_rate}, {source.frames} pictures, at VMAF {target:.1f}"
        table = report.Table(
            title, "setting", "crf", "kbit/s", "bits", "ms a picture", "time", "VMAF 1 %", "worst", "PSNR dB"
        )
        reference = rows[REFERENCE]
        assert reference is not None
        for setting, row in rows.items():
            if row is None:
                table.add(setting, *[None] * 8)
                continue
            bits, cpu = row["kbps"] / reference["kbps"], row["cpu_ms"] / reference["cpu_ms"]
            ratios.setdefault(setting, []).append((bits, cpu))
            table.add(
                setting, row["crf"], row["kbps"], f"{bits:.2f}", row["cpu_ms"], f"{cpu:.2f}",
                row["vmaf_low"], row["vmaf_worst"], row["psnr"],
            )  # fmt: skip
        tables.append(table)
        result["materials"][name] = {
            "width": source.width, "height": source.height, "fps": source.fps, "frames": source.frames,
            "target_vmaf": target, "matched": rows,
            "points": {
                setting: [_json(crf, encoded, score) for crf, (encoded, score) in taken.items()]
                for setting, taken in points.items()
            },
        }  # fmt: skip
    summary = report.Table(
        f"Geometric means of {len(names)} materials, against {REFERENCE}", "setting", "bits", "time", "materials"
    )
    for setting, pairs in ratios.items():
        bits, cpu = (statistics.geometric_mean(values) for values in zip(*pairs, strict=True))
        summary.add(setting, f"{bits:.2f}", f"{cpu:.2f}", len(pairs))
        result.setdefault("means", {})[setting] = {"bits": bits, "time": cpu, "materials": len(pairs)}
    report.finish(arguments, "quality", result, [summary, *tables])


if __name__ == "__main__":
    main()
