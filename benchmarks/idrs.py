"""Measure what it is worth that IDRs follow the camera's, by bits and VMAF.

A worker's pipeline gets what a simulated camera sends, twice: with the marks of the camera's random access points, and
without all but the first, so that the output has a grid of its own. The own grid begins with the first picture that is
shown, at several times after the camera's IDR, as a worker or a reader would come.
"""

import argparse
import contextlib
import math
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import av
import numpy as np

from benchmarks import encoding, material, report, vmaf
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import Codec, join_byte_stream
from transcoder.ipc.messages import (
    DECODE_ONLY,
    RANDOM_ACCESS,
    AccessUnitMessage,
    CodedMessage,
    MessageParser,
    MessageType,
    parse_coded,
)
from transcoder.lab.cameras.access_units import Coding, Content
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.fleet import default_cache
from transcoder.lab.cameras.footage import from_file
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.worker.output_chain import OutputChain
from transcoder.worker.pipeline import Pipeline
from transcoder.worker_options import EncoderSettings, OutputFormat, OutputOptions, WorkerOptions

WINDOW_S = 12.0
"""Seconds that are compared: whole GOPs of cameras with 1.2, 1.5, 2 and 4 s, and of an own grid of 1 s."""
LEARNED_GOPS = 4
"""GOPs of the camera before those seconds: three keys tell its interval, and the first picture is in one of them."""
COARSER = 3.0
"""The difference of the second constant rate factor, with which bits are read off at equal VMAF."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Holds the figures of one run.

    Attributes:
        kbps: the bitrate, kbit/s.
        idrs: the number of IDRs a second.
        vmaf: the mean over the pictures.
        vmaf_worst: the VMAF of the worst picture.
    """

    kbps: float
    idrs: float
    vmaf: float
    vmaf_worst: float


def camera(name: str, gop_s: float, size: tuple[int, int]) -> Content:
    """Return what a camera with a GOP of so many seconds sends of a scene or of footage."""
    seconds = WINDOW_S + LEARNED_GOPS * gop_s
    root = material.footage_folder()
    if name in material.SCENES:
        scene = SceneOptions(width=size[0], height=size[1], seconds=seconds, noise=material.SCENES[name])
        return from_scene(ContentOptions(scene=scene, gop_s=gop_s, coding=Coding.QUALITY), default_cache())
    path = root / material.FOOTAGE[name] if name in material.FOOTAGE and root is not None else Path(name)
    return from_file(
        path, default_cache(), codec=Codec.H264, gop_s=gop_s, coding=Coding.QUALITY, max_seconds=seconds + 1
    )


def run(content: Content, crf: float, gop_s: float, phase: int, *, follows: bool) -> list[CodedMessage]:
    """Run a worker's pipeline over all access units.

    Args:
        content: what the camera sends.
        crf: the constant rate factor.
        gop_s: seconds between IDRs.
        phase: the number of the first picture that is shown.
        follows: whether IDRs follow the camera's.
    """
    shown = OutputFormat(width=content.width, height=content.height, frame_rate=content.fps)
    output = OutputOptions(gop_s=gop_s, fixed=shown, bitrate_kbps=100_000, encoder=EncoderSettings(crf=crf))
    pipeline = Pipeline(WorkerOptions(outputs=(output,)))
    parser = MessageParser()
    coded = []
    # a camera's I picture is told by how much it changes, too
    marks = contextlib.nullcontext() if follows else patch.object(OutputChain, "observe_change", lambda *_: None)
    with marks:
        for index, unit in enumerate(content.access_units):
            now = index / content.fps
            marked = unit.random_access and (follows or index == 0)
            message = AccessUnitMessage(
                codec=Codec.H264,
                flags=(DECODE_ONLY if index < phase else 0) | (RANDOM_ACCESS if marked else 0),
                pts=round(now * VIDEO_CLOCK_RATE),
                arrival=now,
                data=memoryview(join_byte_stream(unit.nal_units)),
            )
            for answer in pipeline.access_unit(message, now):
                parser.receive_data(answer)
            while (read := parser.next_message()) is not None:
                if read[0] is MessageType.CODED:
                    coded.append(parse_coded(read[1], 1))
    return coded


def measure(content: Content, coded: list[CodedMessage], reference: material.Material, folder: Path) -> Result:
    """Return the figures of the last WINDOW_S."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    packets = (av.Packet(join_byte_stream(picture.nal_units)) for picture in coded)
    frames = (frame for packet in (*packets, None) for frame in decoder.decode(packet))
    path = folder / "served.yuv"
    with path.open("wb") as file:
        for index, frame in enumerate(frames):
            if index >= len(coded) - reference.frames:
                file.write(np.asarray(frame.to_ndarray(), np.uint8).tobytes())
    window = coded[-reference.frames :]
    seconds = reference.frames / content.fps
    found = vmaf.score_pictures(reference, path)
    return Result(
        kbps=sum(len(unit) for picture in window for unit in picture.nal_units) * 8 / seconds / 1000,
        idrs=sum(bool(picture.flags & RANDOM_ACCESS) for picture in window) / seconds,
        vmaf=found.vmaf,
        vmaf_worst=found.vmaf_worst,
    )


def compare(content: Content, crf: float, gop_s: float, phases: list[float]) -> dict[str, list[Result]]:
    """Return the figures of the own grid for each phase, and those on the camera's IDRs, with crf and a coarser one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reference = material.last_pictures(content, round(WINDOW_S * content.fps), folder / "camera.yuv")

        def take(at: float, phase: float, *, follows: bool) -> Result:
            coded = run(content, at, gop_s, round(phase * content.fps), follows=follows)
            return measure(content, coded, reference, folder)

        own = [take(crf, phase, follows=False) for phase in phases]
        followed = [take(at, phases[-1], follows=True) for at in (crf, crf + COARSER)]
    return {"own": own, "followed": followed}


def bits_at_equal_vmaf(own: list[Result], followed: list[Result]) -> float | None:
    """Return the bitrate on the camera's IDRs as a part of the own grid's at its VMAF; None: out of reach."""
    target = statistics.mean(result.vmaf for result in own)
    kbps = encoding.interpolate([(result.vmaf, math.log(result.kbps)) for result in followed], target)
    return math.exp(kbps) / statistics.mean(result.kbps for result in own) if kbps is not None else None


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.idrs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--material", default="day,street", help="scenes, footage, or files of your own, by commas")
    parser.add_argument("--gops", default="1.2,1.5,2,4", help="the camera's, seconds")
    parser.add_argument("--size", default="1280x720", help="WIDTHxHEIGHT of scenes")
    parser.add_argument("--gop-s", type=float, default=1.0, help="the output's")
    parser.add_argument("--crf", type=float, default=27.0)
    parser.add_argument(
        "--phases", default="0,0.2,0.5,0.8", help="seconds after the camera's IDR, of the first picture"
    )
    report.add_options(parser)
    arguments = parser.parse_args()
    width, _, height = arguments.size.partition("x")
    phases = [float(text) for text in arguments.phases.split(",")]
    result: dict[str, Any] = {"runs": []}
    tables = []
    for name in arguments.material.split(","):
        table = report.Table(
            f"{Path(name).stem}, IDRs of an own grid of {arguments.gop_s:g} s (mean and range of {len(phases)} phases) "
            "and on the camera's, same crf",
            "camera's GOP s", "own: kbit/s", "IDRs/s", "VMAF", "worst",
            "camera's: kbit/s", "IDRs/s ", "VMAF ", "worst ", "bits at equal VMAF",
        )  # fmt: skip
        for gop_s in map(float, arguments.gops.split(",")):
            found = compare(camera(name, gop_s, (int(width), int(height))), arguments.crf, arguments.gop_s, phases)
            own, followed = found["own"], found["followed"][0]
            ratio = bits_at_equal_vmaf(own, found["followed"])
            rates = [taken.kbps for taken in own]
            table.add(
                f"{gop_s:g}",
                f"{statistics.mean(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})",
                f"{statistics.mean(taken.idrs for taken in own):.2f}",
                f"{statistics.mean(taken.vmaf for taken in own):.2f}",
                f"{min(taken.vmaf_worst for taken in own):.1f}",
                f"{followed.kbps:.0f}",
                f"{followed.idrs:.2f}",
                f"{followed.vmaf:.2f}",
                f"{followed.vmaf_worst:.1f}",
                f"{ratio:.2f}" if ratio is not None else None,
            )  # fmt: skip
            report.progress(f"{name}, GOP {gop_s:g} s: {followed.kbps:.0f} of {statistics.mean(rates):.0f} kbit/s")
            result["runs"].append({"material": name, "gop_s": gop_s, "ratio": ratio} | {
                side: [{key: getattr(taken, key) for key in Result.__slots__} for taken in results]
                for side, results in found.items()
            })  # fmt: skip
        tables.append(table)
    report.finish(arguments, "idrs", result, tables)


if __name__ == "__main__":
    main()
