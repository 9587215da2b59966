"""A camera that beeps when it flashes, through the gateway: sound and picture stay together."""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.camera_process import SYSTEM_PYTHON, gstreamer_server
from tests.support.gateway_process import SLACK_S, GatewayProcess

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("audio")]

SCRIPT = Path(__file__).parents[1] / "support" / "gstreamer_launch_camera.py"
SECONDS = 11
REPORTED_S = 5.5
"""Sender reports of both media have come by then; before that sound is where its arrival puts it."""
IN_STEP_S = 0.04
OWN_DELAY_S = {"aac": 1024 / 16_000}
"""What is late in the camera's stream already: GStreamer dates the silence that an AAC encoder begins with as sound."""
RAW_8K = "audioconvert ! audioresample ! audio/x-raw,rate=8000,channels=1"
RAW_16K = "audioconvert ! audioresample ! audio/x-raw,rate=16000,channels=1"
PAYLOADERS = {
    "pcma": f"{RAW_8K} ! alawenc ! rtppcmapay name=pay1",
    "pcmu": f"{RAW_8K} ! mulawenc ! rtppcmupay name=pay1",
    "g726": f"{RAW_8K} ! avenc_g726 bitrate=32000 ! rtpg726pay force-aal2=false name=pay1",
    "aac": f"{RAW_16K} ! avenc_aac ! aacparse ! rtpmp4gpay name=pay1",
}
OTHER_PAYLOADERS = {
    "g722": f"{RAW_16K} ! avenc_g722 ! rtpg722pay name=pay1",
    "l16": f"{RAW_16K} ! rtpL16pay name=pay1",
    "opus": "audioconvert ! audioresample ! audio/x-raw,rate=48000 ! opusenc ! rtpopuspay name=pay1",
}


@pytest.fixture(scope="module")
def flashing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose picture flashes when its sound beeps."""
    gstreamer_server()
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    file = tmp_path_factory.mktemp("flashes") / "flashes.mkv"
    flash = "color=black:s=320x240:r=25,geq=lum='if(lt(mod(T,1),0.08),235,16)':cb=128:cr=128"
    beep = "aevalsrc='if(lt(mod(t,1),0.08),sin(2*PI*1000*t),0)':s=16000"
    subprocess.run(
        [
            *("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", flash, "-f", "lavfi", "-i", beep, "-t", "20"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25"),
            *("-c:a", "pcm_s16le", str(file)),
        ],
        check=True,
        timeout=60,
    )
    return file


@pytest.fixture(scope="module")
def camera(flashing: Path) -> Iterator[str]:
    """Base URL of a camera with one path for each kind of sound."""
    with launched(flashing, PAYLOADERS | OTHER_PAYLOADERS) as (url, _):
        yield url


@contextmanager
def launched(file: Path, payloaders: dict[str, str]) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run a camera; its base URL and its process."""
    pipelines = [
        f"{name}=filesrc location={file} ! matroskademux name=d d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 "
        f"d.audio_0 ! queue ! {payloader}"
        for name, payloader in payloaders.items()
    ]
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
    try:
        yield f"rtsp://127.0.0.1:{line[1]}", process
    finally:
        process.kill()
        process.wait()


def record(url: str, path: Path, seconds: float) -> Path:
    subprocess.run(
        [
            *("ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-t", str(seconds)),
            *("-c", "copy", "-y", str(path)),
        ],
        check=True,
        timeout=60,
    )
    return path


def flashes(path: Path) -> list[float]:
    """When the picture turns white, seconds."""
    found, bright = [], True
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            luma = float(frame.to_ndarray(format="gray").mean())
            if luma > 100 and not bright:
                found.append(float(frame.time or 0.0))
            bright = luma > 100
    return found


def beeps(path: Path) -> list[float]:
    """When the tone begins, seconds."""
    found: list[float] = []
    quiet_since = 0.0
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray().astype(np.float64).reshape(-1)
            if frame.format.name == "s16":
                samples /= 32768
            loud = np.flatnonzero(np.abs(samples) > 0.2)
            for index in loud:
                at = float(frame.time or 0.0) + index / frame.sample_rate
                if at - quiet_since > 0.5:
                    found.append(at)
                quiet_since = at
    return found[1:] if found and found[0] < 0.2 else found


def skews(recording: Path, gateway: GatewayProcess) -> list[float]:
    """How much later than its flash each beep is, seconds."""
    seen, heard = flashes(recording), beeps(recording)
    if len(seen) < SECONDS - 3:  # a flash has two pictures, which the gateway may have left out
        gateway.skip_if_overloaded()
    assert len(seen) >= SECONDS - 3
    assert len(heard) >= SECONDS - 4
    return [min((at - flash for at in heard), key=abs) for flash in seen[:-1] if flash > REPORTED_S]


@pytest.mark.parametrize("payloaders", [PAYLOADERS, OTHER_PAYLOADERS], ids=["usual", "other"])
def test_sound_stays_in_step_with_the_picture(
    payloaders: dict[str, str], camera: str, start_gateway: Callable[..., GatewayProcess], tmp_path: Path
) -> None:
    served = {"l16": ("pcma", "pcm_alaw"), "g722": ("pcmu", "pcm_mulaw")}
    gateway = start_gateway(
        {
            kind: {
                "source": f"{camera}/{kind}",
                "audio": "reencode",
                "audio_codec": served.get(kind, ("aac", "aac"))[0],
            }
            for kind in payloaders
        }
    )
    with ThreadPoolExecutor() as threads:  # side by side: each takes as long as it plays
        recordings = {
            kind: threads.submit(record, gateway.url(kind), tmp_path / f"{kind}.mkv", SECONDS) for kind in payloaders
        }
    for kind, recorded in recordings.items():
        with av.open(str(recorded.result())) as container:
            assert [stream.codec_context.name for stream in container.streams] == [
                "h264",
                served.get(kind, ("aac", "aac"))[1],
            ], kind
        added = [skew - OWN_DELAY_S.get(kind, 0.0) for skew in skews(recorded.result(), gateway)]
        assert abs(float(np.median(added))) < IN_STEP_S, (kind, added)
        assert max(map(abs, added)) < 2 * IN_STEP_S, (kind, added)


def test_audio_is_dropped_unless_asked_for(
    camera: str, start_gateway: Callable[..., GatewayProcess], tmp_path: Path
) -> None:
    gateway = start_gateway({"cam": {"source": f"{camera}/pcma"}})
    recording = record(gateway.url("cam"), tmp_path / "out.mkv", 2)
    with av.open(str(recording)) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_a_reader_that_comes_in_an_outage_hears_silence(
    flashing: Path, start_gateway: Callable[..., GatewayProcess], tmp_path: Path
) -> None:
    """Without it a reader of both tracks waited half a minute for the sound, and a recorder wrote nothing."""
    with launched(flashing, {"pcma": PAYLOADERS["pcma"]}) as (url, process):
        gateway = start_gateway({"front": {"source": f"{url}/pcma", "audio": "reencode"}})
        before = record(gateway.url("front"), tmp_path / "before.mkv", 3)
        mute = record(gateway.url("front") + "?audio=0", tmp_path / "mute.mkv", 1)
        with av.open(str(mute)) as container:
            assert [stream.type for stream in container.streams] == ["video"]
        process.kill()
        process.wait()
        time.sleep(2)
        started = time.monotonic()
        during = record(gateway.url("front"), tmp_path / "during.mkv", 4)
        assert time.monotonic() - started < 4 + 10 + SLACK_S
    for path in (before, during):
        with av.open(str(path)) as container:
            kinds = {stream.type: stream for stream in container.streams}
            ends = dict.fromkeys(kinds, 0.0)
            for packet in container.demux():
                if packet.pts is not None and packet.time_base is not None:
                    ends[packet.stream.type] = float(packet.pts * packet.time_base)
        assert set(ends) == {"video", "audio"}
        assert min(ends.values()) > 1.5, ends
