import json
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from transcoder.codecs.nal import Codec, join_byte_stream
from transcoder.errors import MediaError
from transcoder.lab.cameras.access_units import Coding, Content, load, store
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.counter import read_counter
from transcoder.lab.cameras.footage import from_file
from transcoder.lab.cameras.scenes import SceneOptions


def byte_stream(content: Content) -> bytes:
    return b"".join(join_byte_stream(unit.nal_units) for unit in content.access_units)


def decoded_lumas(ffmpeg: str, path: Path, width: int, height: int) -> np.ndarray:
    """(pictures, height, width), by ffmpeg, which must have nothing to complain about."""
    run = subprocess.run(
        [ffmpeg, "-v", "error", "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-"],
        capture_output=True,
        check=True,
    )
    assert run.stderr == b""
    return np.frombuffer(run.stdout, np.uint8).reshape(-1, height, width)


def picture_types(path: Path) -> str:
    command = ["ffprobe", "-v", "error", "-show_entries", "frame=pict_type", "-of", "csv=p=0", str(path)]
    output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return "".join(re.findall(r"[IPB]", output))


@pytest.mark.process
@pytest.mark.parametrize("codec", list(Codec))
def test_scene_decodes_in_order(contents: dict[Codec, Content], codec: Codec, ffmpeg: str, tmp_path: Path) -> None:
    path = tmp_path / f"scene.{codec.value.lower()}"
    path.write_bytes(byte_stream(contents[codec]))
    lumas = decoded_lumas(ffmpeg, path, 320, 180)
    assert [read_counter(luma) for luma in lumas] == list(range(20))
    assert picture_types(path) == "IPPPPPPPPP" * 2
    content = contents[codec]
    assert [index for index, unit in enumerate(content.access_units) if unit.random_access] == [0, 10]
    assert content.duration_ticks == 90_000
    assert content.fps == pytest.approx(20)
    assert content.bitrate_kbps == pytest.approx(600, rel=0.4)
    assert len(content.parameter_sets) == (2 if codec is Codec.H264 else 3)


@pytest.mark.parametrize("codec", list(Codec))
def test_scene_holds_nothing_of_the_encoder(contents: dict[Codec, Content], codec: Codec) -> None:
    allowed = {1, 5, 7, 8} if codec is Codec.H264 else {0, 1, 19, 20, 32, 33, 34}
    types = {
        unit[0] & 31 if codec is Codec.H264 else unit[0] >> 1
        for access_unit in contents[codec].access_units
        for unit in access_unit.nal_units
    }
    assert types <= allowed
    assert b"x26" not in byte_stream(contents[codec])


def test_cache_is_used(tmp_path: Path) -> None:
    options = ContentOptions(scene=SceneOptions(width=192, height=96, fps=5, seconds=1.0))
    calls: list[tuple[int, int]] = []
    first = from_scene(options, tmp_path, lambda done, total: calls.append((done, total)))
    assert calls == [(index, 5) for index in range(1, 6)]
    again = from_scene(options, tmp_path, lambda done, total: calls.append((done, total)))
    assert len(calls) == 5
    assert again.access_units == first.access_units
    other = from_scene(ContentOptions(scene=options.scene, bitrate_kbps=50), tmp_path)
    assert other.access_units != first.access_units


def test_store_and_load(tmp_path: Path, contents: dict[Codec, Content]) -> None:
    content = contents[Codec.H265]
    assert load(tmp_path, "name") is None
    store(content, tmp_path / "deep", "name")
    loaded = load(tmp_path / "deep", "name")
    assert loaded is not None
    assert (loaded.codec, loaded.width, loaded.height, loaded.access_units) == (
        content.codec,
        content.width,
        content.height,
        content.access_units,
    )
    assert (tmp_path / "deep" / "name.h265").read_bytes() == byte_stream(content)
    (tmp_path / "deep" / "name.h265").write_bytes(b"cut")
    with pytest.raises(MediaError, match="broken"):
        load(tmp_path / "deep", "name")


def make(ffmpeg: str, path: Path, *options: str) -> Path:
    source = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=12:duration=2"]
    subprocess.run([ffmpeg, "-v", "error", *source, *options, path], check=True)
    return path


@pytest.mark.process
@pytest.mark.parametrize(("encoder", "suffix"), [("libx264", "mp4"), ("libx265", "mkv"), ("libx264", "h264")])
def test_footage_without_b_frames_is_taken_as_it_is(ffmpeg: str, tmp_path: Path, encoder: str, suffix: str) -> None:
    path = make(ffmpeg, tmp_path / f"in.{suffix}", "-c:v", encoder, "-bf", "0", "-g", "8", "-x265-params", "bframes=0")
    content = from_file(path, tmp_path / "cache")
    codec, muxer = ("h264", "h264") if encoder == "libx264" else ("hevc", "hevc")
    raw = tmp_path / f"raw.{codec}"
    subprocess.run([ffmpeg, "-v", "error", "-i", path, "-c", "copy", "-f", muxer, raw], check=True)
    assert content.codec.value == {"h264": "H264", "hevc": "H265"}[codec]
    assert len(content.access_units) == 24
    assert content.access_units[0].random_access
    start_code = re.compile(rb"\x00*\x00\x00\x01")
    assert start_code.split(byte_stream(content)) == start_code.split(raw.read_bytes())
    if suffix != "h264":  # an elementary stream knows no times
        assert content.fps == pytest.approx(12)


@pytest.mark.process
@pytest.mark.parametrize(
    "options",
    [
        ("in.mp4", "-c:v", "libx264", "-bf", "2", "-b_strategy", "0"),
        ("in.avi", "-c:v", "mpeg4"),
        ("in.mkv", "-c:v", "mjpeg", "-pix_fmt", "yuvj422p"),
    ],
)
def test_other_footage_is_encoded_as_a_camera_would(ffmpeg: str, tmp_path: Path, options: tuple[str, ...]) -> None:
    path = make(ffmpeg, tmp_path / options[0], *options[1:])
    content = from_file(path, tmp_path / "cache", gop_s=1.0)
    out = tmp_path / "out.h264"
    out.write_bytes(byte_stream(content))
    assert content.codec is Codec.H264
    assert content.fps == pytest.approx(12, rel=0.01)
    assert picture_types(out) == "IPPPPPPPPPPP" * 2
    ours, source = decoded_lumas(ffmpeg, out, 320, 240), decoded_lumas(ffmpeg, path, 320, 240)
    assert len(ours) == len(source) == 24
    error = np.square(ours.astype(float) - source).mean(axis=(1, 2))
    assert (10 * np.log10(255**2 / error)).min() > 26


@pytest.mark.process
def test_footage_may_be_cut_and_asked_for_in_another_codec(ffmpeg: str, tmp_path: Path) -> None:
    path = make(ffmpeg, tmp_path / "in.mp4", "-c:v", "libx264", "-bf", "0")
    content = from_file(path, tmp_path / "cache", codec=Codec.H265, max_seconds=1.0)
    assert content.codec is Codec.H265
    assert 12 <= len(content.access_units) <= 14


def test_what_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text(json.dumps("no video"))
    with pytest.raises(MediaError, match=r"text\.mp4"):
        from_file(path, tmp_path / "cache")


@pytest.mark.parametrize("codec", list(Codec))
def test_constant_quality_leaves_noise_away_and_has_full_range(codec: Codec, tmp_path: Path) -> None:
    scene = SceneOptions(width=320, height=180, fps=10, seconds=1.0)
    found = {}
    for coding in Coding:
        content = from_scene(ContentOptions(scene=scene, codec=codec, gop_s=0.5, coding=coding), tmp_path)
        assert [index for index, unit in enumerate(content.access_units) if unit.random_access] == [0, 5]
        decoder = av.CodecContext.create("h264" if codec is Codec.H264 else "hevc", "r")
        packets = [av.Packet(join_byte_stream(unit.nal_units)) for unit in content.access_units]
        frames = [frame for packet in (*packets, None) for frame in decoder.decode(packet)]
        planes = [frame.to_ndarray()[:180].astype(int) for frame in frames]
        same = np.mean([before == now for before, now in pairwise(planes)])
        found[coding] = frames[0].color_range == 2, same, len(byte_stream(content))
    quality, bitrate = found[Coding.QUALITY], found[Coding.BITRATE]
    assert (quality[0], bitrate[0]) == (True, False)
    assert quality[1] > 0.5 > bitrate[1]
    assert quality[2] < bitrate[2] / 2


def test_footage_of_full_range_is_encoded_with_its_brightness(tmp_path: Path) -> None:
    path = tmp_path / "grey.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=10, options={"bf": "2", "b-adapt": "0", "x264-params": "b-adapt=0"}
        )
        stream.width, stream.height, stream.pix_fmt = 192, 96, "yuvj420p"
        stream.codec_context.color_range = 2
        for index in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((144, 192), 240, np.uint8), format="yuvj420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    content = from_file(path, tmp_path / "cache", codec=Codec.H265)
    decoder = av.CodecContext.create("hevc", "r")
    [frame, *_] = decoder.decode(av.Packet(join_byte_stream(content.access_units[0].nal_units)))
    assert frame.to_ndarray()[:96, :192].mean() == pytest.approx(16 + 240 * 219 / 255, abs=2)  # of limited range
