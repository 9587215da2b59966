"""Measure how many streams a core carries: the gateway and its peers, on the same cameras, in turns.

Every side pulls the same simulated cameras over RTSP, re-encodes each camera's video and serves it to one reader. The
processor time of all processes of a side counts while nothing is lost; cameras and readers are not counted. The sides
alternate within a round, and ratios are taken within a round, so that a change of the machine's speed hits all sides.

With --grow, streams are added to the gateway until pictures are lost or p99 of the delay passes one frame interval.
"""

import argparse
import asyncio
import dataclasses
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import encoding, matching, material, peers, report
from transcoder.lab.bench.capacity import grow
from transcoder.lab.bench.load import CameraOptions, GatewaySide, Load, Sample, Side, compile_kernels
from transcoder.worker_options import EncoderSettings, OutputOptions

MB = 1 << 20
SIDES = ("gateway", "gateway-economy", "ffmpeg", "ffmpeg-tuned", "gstreamer")
_CRF = {"ffmpeg": "ffmpeg_crf", "ffmpeg-tuned": "tuned_crf", "gstreamer": "gstreamer_crf"}
"""The names of the arguments that hold the peers' constant rate factors."""


def new_side(name: str, arguments: argparse.Namespace, folder: Path) -> Side:
    """Make a side by its name, with the quality that the arguments give it."""
    gop = round(arguments.gop_s * arguments.fps)
    if is_gateway(name):
        video = {"bitrate_kbps": arguments.bitrate_kbps, "gop_s": arguments.gop_s}
        encoder: dict[str, Any] = {"profile": profile_of(name, arguments)}
        crf = arguments.matched.get(name, arguments.crf if name == "gateway" else None)
        if crf is not None:
            encoder["crf"] = crf
        return GatewaySide(folder, {"video": video, "encoder": encoder})
    cap = ["-maxrate", f"{arguments.bitrate_kbps}k", "-bufsize", f"{arguments.bitrate_kbps}k"]
    if name == "ffmpeg":
        return peers.FfmpegSide(["-preset", "veryfast", "-crf", f"{arguments.ffmpeg_crf:g}", *cap], gop, arguments.fps)
    if name == "ffmpeg-tuned":
        tuned = ["-preset", "superfast", "-tune", "zerolatency", "-threads", "1"]
        return peers.FfmpegSide([*tuned, "-crf", f"{arguments.tuned_crf:g}", *cap], gop, arguments.fps)
    # these are the flags of ffmpeg-tuned; the quality of x264enc is a whole number
    properties = f"speed-preset=superfast tune=zerolatency threads=1 key-int-max={gop} pass=qual"
    properties += f" quantizer={round(arguments.gstreamer_crf)} bitrate={arguments.bitrate_kbps} vbv-buf-capacity=1000"
    return peers.GStreamerSide(properties, arguments.fps)


def is_gateway(name: str) -> bool:
    """Return whether a side is the gateway, with any profile."""
    return name.startswith("gateway")


def profile_of(name: str, arguments: argparse.Namespace) -> str:
    """Return the encoder.profile of a gateway's side: the one in the side's name, or else the one of the arguments."""
    return name.partition("-")[2] or str(arguments.profile)


def camera_options(arguments: argparse.Namespace, size: str, codec: str) -> CameraOptions:
    """Return the options of the cameras; the size in the arguments is WIDTHxHEIGHT."""
    width, height = map(int, size.split("x"))
    return CameraOptions(
        width=width,
        height=height,
        fps=arguments.fps,
        codec=codec,
        source=arguments.source,
        gop_s=arguments.camera_gop_s,
        noise=arguments.noise,
        codes_noise=arguments.noisy,
    )


def match_quality(cameras: CameraOptions, sides: list[str], arguments: argparse.Namespace) -> dict[str, Any]:
    """Give every peer the constant rate factor at which the peer has the gateway's VMAF on these cameras."""
    chosen = OutputOptions(encoder=EncoderSettings(profile=arguments.profile))
    crf = encoding.rate_factor_settings(chosen).crf if arguments.crf is None else arguments.crf
    profiles = {
        name: EncoderSettings(profile=profile_of(name, arguments)) for name in ("gateway", *sides) if is_gateway(name)
    }
    try:
        found = matching.match(cameras, sides, profiles, crf, arguments.gop_s, arguments.match)
    except matching.OutOfReachError as error:
        raise SystemExit(str(error)) from None
    for side, value in found.items():
        if is_gateway(side):
            arguments.matched[side] = value.crf
        else:
            setattr(arguments, _CRF[side], value.crf)
        report.progress(f"VMAF {value.vmaf:.1f}: {side} crf {value.crf:.1f}, {value.kbps:.0f} kbit/s")
    return {side: dataclasses.asdict(value) for side, value in found.items()}


async def compare(
    cameras: CameraOptions, sides: list[str], arguments: argparse.Namespace, folder: Path
) -> dict[str, list[Sample]]:
    """Measure all sides round by round, and return the samples of each side."""
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    for number in range(arguments.rounds):
        order = sides if number % 2 == 0 else sides[::-1]
        for name in order:
            async with Load(new_side(name, arguments, folder), cameras, arguments.streams) as load:
                sample = await load.measure(arguments.seconds)
            samples[name].append(sample)
            report.progress(
                f"round {number + 1}: {name} {sample.cores / sample.streams * 100:.1f} % of a core a stream, "
                f"{sample.delivered:.0%} delivered, {sample.kbps:.0f} kbit/s {' '.join(sample.problems)}"
            )
    return samples


async def capacity(cameras: CameraOptions, make: Callable[[], Side], arguments: argparse.Namespace) -> dict[str, Any]:
    """Find the most streams that a side carries."""
    best: Sample | None = None
    tried = []
    async for step in grow(make, cameras, seconds=arguments.seconds, first=arguments.streams):
        report.progress(f"{step.sample.streams} streams: {step.why_not or 'carried'}")
        tried.append({"streams": step.sample.streams, "carried": step.carried, "why_not": step.why_not})
        if step.carried and (best is None or step.sample.streams > best.streams):
            best = step.sample
    return {"streams": best.streams if best else 0, "tried": tried, "sample": _json(best) if best else None}


def _json(sample: Sample) -> dict[str, Any]:
    values = dataclasses.asdict(sample)
    delays = values.pop("delays_s")
    return values | {
        "streams_per_core": sample.streams_per_core,
        "delivered": sample.delivered,
        "delay_p50_ms": sample.delay_s(0.5) * 1000 if delays else None,  # type: ignore[operator]  # there are delays
        "delay_p99_ms": sample.delay_s(0.99) * 1000 if delays else None,  # type: ignore[operator]  # likewise
    }


def _median(samples: list[Sample], value: Callable[[Sample], float]) -> float:
    return statistics.median(map(value, samples))


def tables_of(title: str, samples: dict[str, list[Sample]], matched: dict[str, dict[str, float]]) -> list[report.Table]:
    """Return the tables of a comparison."""
    table = report.Table(
        title,
        "side", "crf", "streams a core", "spread", "% of a core a stream", "MB a stream", "kbit/s", "delivered",
        "gateway / side",
    )  # fmt: skip
    gateway = samples.get("gateway", [])
    for name, taken in samples.items():
        per_core = [sample.streams_per_core for sample in taken]
        ratios = [ours.streams_per_core / theirs.streams_per_core for ours, theirs in zip(gateway, taken, strict=False)]
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})" if ratios else None
        table.add(
            name,
            f"{matched[name]['crf']:.1f}" if name in matched else None,
            statistics.median(per_core),
            f"{min(per_core):.2f}-{max(per_core):.2f}",
            _median(taken, lambda sample: 100 * sample.cores / sample.streams),
            _median(taken, lambda sample: sample.pss / MB / sample.streams),
            _median(taken, lambda sample: sample.kbps),
            f"{_median(taken, lambda sample: sample.delivered):.1%}",
            ratio if name != "gateway" else None,
        )
    tables = [table]
    if gateway:
        parts = ("service", "decode", "stages", "encode", "rest", "fork_server")
        split = report.Table("Where the gateway's time goes, % of a core a stream", *parts, "delay p50 ms", "p99 ms")
        split.add(
            *(
                _median(gateway, lambda sample, part=part: 100 * sample.split.get(part, 0.0) / sample.streams)  # type: ignore[misc]  # a default argument binds the loop's value
                for part in parts
            ),
            _median(gateway, lambda sample: (sample.delay_s(0.5) or 0) * 1000),
            _median(gateway, lambda sample: (sample.delay_s(0.99) or 0) * 1000),
        )
        tables.append(split)
    return tables


def grown(title: str, found: dict[str, Any]) -> report.Table:
    """Return the table that tells the most streams carried, and the reason why there were not more."""
    table = report.Table(
        f"{title}: the most streams on this machine", "streams", "delay p99 ms", "cores", "MB a stream", "with more"
    )
    sample = found["sample"] or {}
    more = [step for step in found["tried"] if step["streams"] > found["streams"]]
    first = min(more, key=lambda step: step["streams"], default=None)
    table.add(
        str(found["streams"]),
        sample.get("delay_p99_ms"),
        sample.get("cores"),
        sample["pss"] / MB / sample["streams"] if sample else None,
        f"{first['streams']}: {first['why_not']}" if first else None,
    )
    return table


async def run(given: argparse.Namespace) -> tuple[dict[str, Any], list[report.Table]]:
    """Measure everything that the arguments ask for."""
    has = peers.available()
    sides = [name for name in given.sides.split(",") if is_gateway(name) or has[name.split("-")[0]]]
    result: dict[str, Any] = {"sides": sides, "runs": []}
    tables: list[report.Table] = []
    await compile_kernels()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for text in given.sizes.split(","):
            size, _, fps = text.partition("@")
            for codec in given.codecs.split(","):
                arguments = argparse.Namespace(**vars(given) | {"fps": int(fps or given.fps), "matched": {}})
                cameras = camera_options(arguments, size, codec)
                figures = material.camera_figures(cameras)
                kind = "noisy " if arguments.noisy else ""
                title = f"{kind}{arguments.source.name if arguments.source else size}@{arguments.fps}, {codec} in"
                title += f" ({figures})"
                run_result: dict[str, Any] = {"title": title, "camera": dataclasses.asdict(figures)}
                if arguments.match:
                    run_result["match"] = match_quality(cameras, sides, arguments)
                if arguments.rounds:
                    samples = await compare(cameras, sides, arguments, folder)
                    run_result["samples"] = {side: [_json(s) for s in taken] for side, taken in samples.items()}
                    matched = run_result.get("match", {})
                    named = f"{title}, {arguments.streams} streams each, {arguments.rounds} rounds"
                    if matched:
                        named += f", at VMAF {matched['gateway']['vmaf']:.1f}"
                    tables += tables_of(named, samples, matched)
                if arguments.grow:
                    found = await capacity(cameras, partial(new_side, "gateway", arguments, folder), arguments)
                    run_result["capacity"] = found
                    tables.append(grown(title, found))
                result["runs"].append(run_result)
    return result, tables


def add_side_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that new_side reads."""
    parser.add_argument("--gop-s", type=float, default=1.0, help="of all sides")
    parser.add_argument("--bitrate-kbps", type=int, default=8000, help="cap of all sides; none should reach it")
    parser.add_argument("--profile", default="balanced", help="the gateway's encoder.profile")
    parser.add_argument("--crf", type=float, help="the gateway's; default: the profile's")
    parser.add_argument("--ffmpeg-crf", type=float, default=23.0, help="that of equal quality, from benchmarks.quality")
    parser.add_argument("--tuned-crf", type=float, default=23.0, help="likewise, of ffmpeg-tuned")
    parser.add_argument("--gstreamer-crf", type=float, default=23.0, help="likewise, of gstreamer; rounded")
    parser.set_defaults(matched={})


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.capacity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="1920x1080", help="WIDTHxHEIGHT[@FPS] of scenes, by commas")
    parser.add_argument("--codecs", default="h264", help="of the cameras: h264, h265")
    parser.add_argument("--source", type=Path, metavar="FILE", help="footage instead of a scene; give its --fps")
    parser.add_argument("--fps", type=int, default=25)
    parser.add_argument("--noise", type=float, default=1.5, help="of scenes, luma steps; 5 is night")
    parser.add_argument("--noisy", action="store_true", help="cameras that spend a constant bitrate on that noise")
    parser.add_argument("--camera-gop-s", type=float, default=2.0, help="seconds from a camera's IDR to the next")
    parser.add_argument("--streams", type=int, default=2, help="at a time: few enough that nothing is lost")
    parser.add_argument("--seconds", type=float, default=15.0, help="to measure, after settling")
    parser.add_argument("--rounds", type=int, default=3, help="0: only --grow")
    parser.add_argument(
        "--match", type=int, default=0, metavar="PICTURES", help="find the peers' crf of equal VMAF on so many pictures"
    )
    parser.add_argument("--sides", default=",".join(SIDES), help=f"some of {', '.join(SIDES)}")
    parser.add_argument("--grow", action="store_true", help="find the most streams that the gateway carries here")
    add_side_options(parser)
    report.add_options(parser)
    arguments = parser.parse_args()
    result, tables = asyncio.run(run(arguments))
    report.finish(arguments, "capacity", result, tables)


if __name__ == "__main__":
    main()
