"""This module measures VMAF and PSNR of an encoded stream, by the ffmpeg of the package imageio-ffmpeg."""

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.material import Material

WORST = 0.01
"""The share of the pictures that lie below `vmaf_low`: one odd picture in a hundred is no property of an encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Holds the quality of one encode.

    Attributes:
        vmaf: the mean over the pictures.
        vmaf_low: the value that one picture in a hundred falls below.
        vmaf_worst: the VMAF of the worst picture.
        psnr: the PSNR of luma, mean over the pictures, dB.
        psnr_worst: the PSNR of luma of the worst picture, dB.
    """

    vmaf: float
    vmaf_low: float
    vmaf_worst: float
    psnr: float
    psnr_worst: float


def program() -> str:
    """Return the path of an ffmpeg that has libvmaf."""
    import imageio_ffmpeg  # noqa: PLC0415  # of the extra "bench" alone

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def score(material: Material, encoded: bytes, *, threads: int = 2) -> Score:
    """Compare an elementary H.264 stream with the raw pictures that it was made from.

    Raises:
        RuntimeError: stream and raw pictures differ in length, or ffmpeg fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        stream = Path(folder) / "encoded.h264"
        stream.write_bytes(encoded)
        return _compare(material, ["-r", "25", "-i", str(stream)], threads)


def score_pictures(material: Material, pictures: Path, *, threads: int = 2) -> Score:
    """Compare raw pictures in a file with those that they were made from.

    Raises:
        RuntimeError: the two differ in length, or ffmpeg fails.
    """
    return _compare(material, _raw(material, pictures), threads)


def _raw(material: Material, path: Path) -> list[str]:
    size = f"{material.width}x{material.height}"
    return ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r", "25", "-i", str(path)]


def _compare(material: Material, stream: list[str], threads: int) -> Score:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "vmaf.json"
        # timestamps are counted anew on both sides: only the order of the pictures matters
        graph = (
            "[0:v]setpts=N/TB/25[a];[1:v]setpts=N/TB/25[b];"
            f"[a][b]libvmaf=log_path={log}:log_fmt=json:n_threads={threads}:feature=name=psnr"
        )
        command = [program(), "-v", "error", "-nostdin", "-threads", "1", *stream, *_raw(material, material.path)]
        command += ["-lavfi", graph, "-f", "null", "-"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"libvmaf: {done.stderr.strip()[-300:]}")
        frames = json.loads(log.read_text())["frames"]
    if len(frames) != material.frames:
        raise RuntimeError(f"{len(frames)} of {material.frames} pictures came out of the encoder")
    vmaf = sorted(frame["metrics"]["vmaf"] for frame in frames)
    psnr = sorted(frame["metrics"]["psnr_y"] for frame in frames)
    return Score(
        vmaf=sum(vmaf) / len(vmaf),
        vmaf_low=vmaf[int(WORST * len(vmaf))],
        vmaf_worst=vmaf[0],
        psnr=sum(psnr) / len(psnr),
        psnr_worst=psnr[0],
    )
