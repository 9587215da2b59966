"""MJPEG and MPEG-4 Part 2 from GStreamer's RTSP server, through the gateway, into ffmpeg."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.camera_process import SYSTEM_PYTHON, gstreamer_server, luma_of, read_footage
from tests.support.gateway_process import GatewayProcess
from tests.support.picture_readers import FfmpegReader

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("picture_codecs")]

FPS = 10
PICTURES = 110
TIMES = 3
"""The camera shows its pictures so often in a session, 33 s in all: readers may take 30 s for theirs."""
COUNTED = 30
SCRIPT = Path(__file__).parents[1] / "support" / "gstreamer_launch_camera.py"
ENCODERS = {
    "jpeg420": "jpegenc quality=85 ! rtpjpegpay name=pay0",
    "jpeg422": "videoconvert ! video/x-raw,format=Y42B ! jpegenc quality=85 ! rtpjpegpay name=pay0",
    # over 2040 pixels; GStreamer tells the size in a=x-dimensions
    "large": "videoscale ! video/x-raw,width=2304,height=1728 ! jpegenc quality=80 ! rtpjpegpay name=pay0",
}
MPEG4 = "matroskademux ! mpeg4videoparse ! rtpmp4vpay name=pay0"
PAYLOADERS = {"mpeg4": MPEG4, "mpeg4-in-band": f"{MPEG4} config-interval=1"}


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    error = float(np.mean((first.astype(np.int16) - second) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@pytest.fixture(scope="module")
def source(surveillance_footage: Path) -> list[np.ndarray]:
    return read_footage(surveillance_footage, PICTURES)


@pytest.fixture(scope="module")
def camera(source: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of a camera that shows the source in every encoding."""
    gstreamer_server()
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    raw = tmp_path_factory.mktemp("camera") / "source.yuv"
    with raw.open("wb") as out:
        for _ in range(TIMES):
            out.writelines(picture.tobytes() for picture in source)
    rows, width = source[0].shape
    form = f"width={width} height={rows * 2 // 3} framerate={FPS}/1 format=i420"
    pipelines = [f"{name}=filesrc location={raw} ! rawvideoparse {form} ! {end}" for name, end in ENCODERS.items()]
    coded = raw.with_suffix(".mkv")  # GStreamer's avenc_mpeg4 loses the time of every picture
    size = f"{width}x{rows * 2 // 3}"
    subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r", str(FPS), "-i", raw),
            *("-c:v", "mpeg4", "-q:v", "3", "-g", "20", "-threads", "1", coded),
        ],
        check=True,
        timeout=60,
    )
    pipelines += [f"{name}=filesrc location={coded} ! {end}" for name, end in PAYLOADERS.items()]
    process = subprocess.Popen(
        [SYSTEM_PYTHON, SCRIPT, *pipelines],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline().split()
    assert line[:1] == ["ready"], line
    threading.Thread(target=process.stdout.read, daemon=True).start()
    yield f"rtsp://127.0.0.1:{line[1]}"
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("name", "transport"),
    [("jpeg420", "tcp"), ("jpeg422", "udp"), ("large", "tcp"), ("mpeg4", "tcp"), ("mpeg4-in-band", "udp")],
)
def test_every_picture_arrives_in_order(
    name: str, transport: str, camera: str, source: list[np.ndarray], standing_gateway: GatewayProcess, tmp_path: Path
) -> None:
    rows, width = source[0].shape
    size = (width, rows * 2 // 3)
    stream = {"source": {"url": f"{camera}/{name}", "transport": transport}, "video": {"size": f"{size[0]}x{size[1]}"}}
    gateway = standing_gateway
    with gateway.serving("front", stream):
        gateway.wait_until_playing("front")
        with FfmpegReader(gateway.url("front"), size, "tcp", tmp_path) as reader:
            reader.wait_for_pictures(COUNTED, 30)
        assert not gateway.events("source lost")
    luma = [luma_of(planes) for planes in source]
    if "mpeg4" not in name:  # JPEG's samples have the full range, those served the limited one
        luma = [np.round(16 + plane * (219 / 255)).astype(np.uint8) for plane in luma]
    pictures = [picture.luma for picture in reader.pictures[:COUNTED]]
    first = int(np.argmax([psnr(pictures[0], other) for other in luma]))
    values = []
    for index, picture in enumerate(pictures, first):
        values.append(psnr(picture, luma[index % PICTURES]))
        assert values[-1] > 30, f"picture {index}: {values[-1]:.1f} dB"
        for other in (index - 1, index + 1):
            assert values[-1] > psnr(picture, luma[other % PICTURES]), f"picture {index} is picture {other}"
    print(f"{name} over {transport}: from picture {first}, {min(values):.1f} to {max(values):.1f} dB")
