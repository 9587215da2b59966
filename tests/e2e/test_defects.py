"""Twelve cameras, each with a defect of its own, behind one gateway: all play, no reader is disconnected, no leak."""

import asyncio
import itertools
import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_world import Gateway, running
from tests.support.gateway_process import GatewayProcess
from tests.support.rtsp_reader import RtspReader
from transcoder.lab.cameras.canary import Canary
from transcoder.lab.cameras.canary_search import find

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("defects")]

FPS = 10
SHORT_S = 27.0
LONG_S = 600.0
SETTLED_S = 11.0
"""A camera whose first IDR comes after 8 s plays after this."""
KEEP_ALIVE_S = 20.0
OVERLOADED_FPS = 1.1
"""What a gateway without processor time still shows; during an outage it is one picture a second."""
WATCHED_S = 10.0
"""The last seconds, in which every stream has to play."""


@dataclass(frozen=True)
class DefectiveCamera:
    """What is simulated and what to expect of it.

    Attributes:
        setting: of the simulator's --camera.
        source: further keys of the stream's source.
        video: further keys of its video.
        part: of the nominal rate that has to come in the last seconds.
        drops: a connection of its own accord ends or no picture comes for a while: `part` is of the whole time.
    """

    setting: str
    source: dict[str, Any] = field(default_factory=dict)
    video: dict[str, Any] = field(default_factory=dict)
    part: float = 0.8
    drops: bool = False


FAMILIES = {
    "intelbras": DefectiveCamera("intelbras"),
    "tapo": DefectiveCamera("tapo timestamp_defect_every_s=7"),
    "amatek": DefectiveCamera("amatek"),
    "tiandy": DefectiveCamera("tiandy"),
    "v380": DefectiveCamera("v380"),
    "flir": DefectiveCamera("flir"),
    "reolink": DefectiveCamera("reolink"),
    "hipcam": DefectiveCamera("hipcam session_timeout_s=12"),
    "axis": DefectiveCamera("axis digest_algorithm=SHA-256 digest_qop=true slow_fps=4", part=0.3),
    "tenda": DefectiveCamera("tenda stray_bytes=9"),
    "foscam": DefectiveCamera("foscam server_requests_every_s=3 crlf_before_frames=true"),
    "uniview": DefectiveCamera(
        "uniview udp_loss=0.002 udp_duplicates=0.02 udp_reorder=0.03", {"transport": "udp"}, part=0.5
    ),
}
DEFECTS = {
    # readers come before its first picture: the slate that they get has the camera's size and rate
    "late-idr": DefectiveCamera("hikvision first_idr_after_s=8", video={"size": "320x180", "fps": FPS}),
    "late-sets": DefectiveCamera(
        "longse parameter_sets_after_s=6 redirect=path", video={"size": "320x180", "fps": FPS}
    ),
    "size": DefectiveCamera("longse size_change_every_s=6"),
    "restart": DefectiveCamera("dahua encoder_restart_every_s=9"),
    "step": DefectiveCamera("dahua clock_step_s=-3600 push_unrequested=true"),
    "wrap": DefectiveCamera("h264dvr timestamp_wrap_after_s=12 interval_spread=0.9 authentication=several", part=0.6),
    "svc": DefectiveCamera("longse svc=true marker=all redirect=port"),
    "frozen": DefectiveCamera("longse frozen_after_s=10 interleaved=none session_id_changes_in_play=true"),
    "dark": DefectiveCamera("longse dark=true busy_connections=2 keep_alive=401 session_timeout_s=12"),
    "closes": DefectiveCamera("longse close_every_s=9", part=0.4, drops=True),
    "stalls": DefectiveCamera("longse stall_every_s=8 stall_s=3", part=0.4, drops=True),
    "fragments": DefectiveCamera("longse fu_start_and_end=true fu_empty=true end_lost_every_s=6", part=0.3, drops=True),
}

SEEN_LATER = {
    "second-pps": DefectiveCamera("longse second_pps=sdp"),
    "turns": DefectiveCamera("longse ssrc_turns=true"),
    "numbers": DefectiveCamera("longse sequence_restart=true"),
    "switched": DefectiveCamera("longse codec_switch_every_s=20 vendor_media=SERIAL-1"),
    "clock": DefectiveCamera("longse clock_ratio=0.84"),
    "ticks": DefectiveCamera("mpeg4 video_clock_rate=30000"),
    "refresh": DefectiveCamera("longse intra_refresh=true"),
    "grows": DefectiveCamera("longse grow_after_s=4"),
    "manners": DefectiveCamera(
        "longse cseq=zero session_control=rtsp://192.0.2.9/aggregate?session=1 play_at=session_control"
        " signs_of_life=GET_PARAMETER session_timeout_s=10"
    ),
    "tls": DefectiveCamera("longse tls=1.3 closes_after_401=true"),
    "slow": DefectiveCamera("longse first_packet_s=8", video={"size": "320x180", "fps": FPS}),
    # a picture comes every 6 s; between them the last one is repeated, as in an outage
    "seldom": DefectiveCamera("longse picture_every_s=6 rtcp=false", part=0.09),
}
"""Cameras of reports that were read later, each of a kind of its own; fast tests of each stand in its own file."""


@contextmanager
def simulator(cameras: dict[str, DefectiveCamera], cache: Path) -> Iterator[list[dict[str, Any]]]:
    """The cameras as one process; its description of each."""
    command = [sys.executable, "-m", "transcoder.lab.cameras", "--list", "--password", "s3cret", "--cache", str(cache)]
    command += ["--width", "320", "--height", "180", "--fps", str(FPS), "--gop-s", "2", "--commands"]
    for camera in cameras.values():
        command += ["--camera", camera.setting]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        described = []
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "camera":
                described.append(event)
            elif event["event"] == "ready":
                break
        assert len(described) == len(cameras)
        yield described
    finally:
        process.kill()
        process.wait()


class Watched:
    """A stream with two readers: ffmpeg -c copy, and one that keeps every byte."""

    def __init__(self, name: str, url: str, folder: Path) -> None:
        self.name = name
        self.url = url
        self.times = folder / f"{name}.framecrc"
        self.video = folder / f"{name}.h264"
        self.log = folder / f"{name}.log"
        self.started = 0.0

    async def open(self, stack: AsyncExitStack) -> None:
        self.started = time.monotonic()
        with self.log.open("wb") as log:
            command = ["ffmpeg", "-nostdin", "-v", "warning", "-rtsp_transport", "tcp", "-i", self.url]
            command += ["-c", "copy", "-flush_packets", "1", "-f", "framecrc", str(self.times)]
            command += ["-c", "copy", "-f", "h264", str(self.video)]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        stack.callback(self.process.kill)
        self.reader = await stack.enter_async_context(RtspReader(self.url))
        await self.reader.play()

    def stay(self) -> None:
        """A sign of life."""
        self.reader.send_receiver_report()

    def problems(
        self,
        camera: DefectiveCamera,
        description: dict[str, Any],
        seconds: float,
        ended: float,
        gateway: GatewayProcess,
    ) -> list[str]:
        """Everything that is not as it should be; a busy machine may cost pictures, not the stream.

        Args:
            camera: what is expected.
            description: of the simulator.
            seconds: for which the stream was watched.
            ended: when that was over, monotonic seconds.
            gateway: tells what it had to leave out.
        """
        found = []
        if self.process.poll() is not None:
            found.append(f"ffmpeg ended: {self.log.read_text(errors='replace')[-400:]}")
        if self.reader.closed:
            found.append("the reader was disconnected")
        window = seconds - SETTLED_S if camera.drops else WATCHED_S
        rate = sum(packet.marker for packet in self.reader.packets if packet.at >= ended - window) / window
        overloaded = [event for event in gateway.log() if event["event"].startswith("overloaded")]
        expected = (
            OVERLOADED_FPS if any(event.get("stream") == self.name for event in overloaded) else camera.part * FPS
        )
        if rate < expected:
            found.append(f"{rate:.1f} pictures a second, not {expected:g}")
        numbers = [packet.sequence_number for packet in self.reader.packets]
        if any((late - early) % 65536 != 1 for early, late in itertools.pairwise(numbers)):
            found.append("sequence numbers have gaps")
        times = [packet.timestamp for packet in self.reader.packets]
        steps = [((late - early + 2**31) % 2**32 - 2**31) / 90_000 for early, late in itertools.pairwise(times)]
        if min(steps) < 0 or max(steps) > 3.0:
            found.append(f"timestamps step by {min(steps):.3f} to {max(steps):.3f} s")
        canaries = [
            Canary(name=each["name"], where=each["where"], value=bytes.fromhex(each["hex"]))
            for each in description["canaries"]
        ]
        payloads = b"".join(packet.payload for packet in self.reader.packets)
        for data in (bytes(self.reader.recorded), payloads, self.video.read_bytes()):
            found += [f"canary {finding.canary.name} ({finding.canary.where})" for finding in find(data, canaries)]
        return found

    def stop(self) -> None:
        """Have ffmpeg write its files to their ends."""
        self.process.send_signal(signal.SIGINT)

    def wait(self) -> None:
        self.process.wait(20)

    def decoding_errors(self) -> str:
        """What ffmpeg says when it decodes what was copied."""
        decoded = subprocess.run(
            ["ffmpeg", "-nostdin", "-v", "error", "-i", str(self.video), "-f", "null", "-"],
            check=False, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        return decoded.stderr


async def watch(watched: list[Watched], seconds: float, gateway: GatewayProcess) -> AsyncIterator[float]:
    """Pass the time with signs of life; yields how much passed."""
    started = time.monotonic()
    while (passed := time.monotonic() - started) < seconds:
        await asyncio.sleep(min(KEEP_ALIVE_S, seconds - passed))
        for each in watched:
            each.stay()
        assert gateway.process is not None
        assert gateway.process.poll() is None
        yield time.monotonic() - started


def redirect_ports(description: dict[str, Any]) -> dict[str, list[int]]:
    """A camera that redirects to another port does so only with its owner's leave."""
    port = description["redirect_port"]
    return {"redirect_ports": [port]} if port else {}


async def run(
    cameras: dict[str, DefectiveCamera], seconds: float, folder: Path, cache: Path, state_dir: Path
) -> dict[str, list[str]]:
    """Run the gateway against the cameras; problems by stream."""
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    with simulator(cameras, cache) as described:
        streams = {
            name: {
                "source": {"url": description["url"], **redirect_ports(description), **camera.source},
                "video": {"bitrate_kbps": 300, "preset": "ultrafast", **camera.video},
            }
            for (name, camera), description in zip(cameras.items(), described, strict=True)
        }
        with GatewayProcess(folder, state_dir, streams) as gateway:
            async with AsyncExitStack() as stack:
                watched = [Watched(name, gateway.url(name), folder) for name in cameras]
                for each in watched:
                    await each.open(stack)
                async for _ in watch(watched, seconds, gateway):
                    pass
                ended = time.monotonic()
                problems = {
                    each.name: each.problems(camera, description, seconds, ended, gateway)
                    for each, camera, description in zip(watched, cameras.values(), described, strict=True)
                }
                for each in watched:
                    each.stop()
                for each in watched:
                    each.wait()
                    if errors := each.decoding_errors():
                        problems[each.name].append(f"decoding: {errors[:300]}")
    return {name: found for name, found in problems.items() if found}


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("content")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("cameras", [FAMILIES, DEFECTS], ids=["families", "defects"])
async def test_twelve_cameras(
    cameras: dict[str, DefectiveCamera], tmp_path: Path, cache: Path, state_dir: Path
) -> None:
    problems = await run(cameras, SHORT_S, tmp_path, cache, state_dir)
    assert not problems, json.dumps(problems, indent=1)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("cameras", [FAMILIES, DEFECTS, SEEN_LATER], ids=["families", "defects", "seen later"])
async def test_twelve_cameras_for_ten_minutes(
    cameras: dict[str, DefectiveCamera], tmp_path: Path, cache: Path, state_dir: Path
) -> None:
    problems = await run(cameras, LONG_S, tmp_path, cache, state_dir)
    assert not problems, json.dumps(problems, indent=1)


def events(gateway: Gateway, until: str, timeout_s: float) -> list[dict[str, Any]]:
    """Every event from the gateway's start up to one of this type."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{gateway.http_port}/api/v1/events", headers={"Last-Event-ID": "0"}
    )
    found: list[dict[str, Any]] = []
    with urllib.request.urlopen(request, timeout=timeout_s) as feed:  # noqa: S310  # http:// above
        for line in feed:
            if line.startswith(b"data:"):
                found.append(json.loads(line.partition(b":")[2]))
                if found[-1]["event_type"] == until:
                    return found
    return found


@pytest.mark.timeout(120)
async def test_an_encrypted_stream_is_named_and_shows_no_noise(tmp_path: Path, cache: Path, state_dir: Path) -> None:
    cameras = {
        "secret": DefectiveCamera("longse encrypted=true"),
        "secret265": DefectiveCamera("longse encrypted=true codec=H265"),
        "plain": DefectiveCamera("longse"),
    }
    with simulator(cameras, cache) as described:
        plain = {"slate": {"banner": False}}  # a slate is grey but for its banner
        streams = {name: {"source": one["url"], **plain} for name, one in zip(cameras, described, strict=True)}
        gateway = Gateway(tmp_path, state_dir / "numba", None, streams)
        with running(gateway):
            async with AsyncExitStack() as stack:
                readers = {}
                for name in cameras:
                    readers[name] = await stack.enter_async_context(RtspReader(gateway.url(name)))
                    await readers[name].play()
                told = await asyncio.to_thread(events, gateway, "source_encrypted", 20.0)
                await readers["plain"].until(lambda: all(reader.marked >= 4 for reader in readers.values()), 20)
                await asyncio.sleep(3.0)
                states = {name: gateway.stream(name)["state"] for name in cameras}
            assert told[-1]["event_type"] == "source_encrypted"
            assert told[-1]["stream"] in {"secret", "secret265"}
            for name in ("secret", "secret265"):
                state = states[name]
                assert (state["status"], state["state"]) == ("offline", "away")
                assert "encrypted" in state["problem"]
                for luma in readers[name].pictures():
                    assert luma.shape == (180, 320)
                    assert luma.std() < 2, "noise"
            assert (states["plain"]["status"], states["plain"]["problem"]) == ("online", None)
            assert states["plain"]["source"]["losses"] == 0
            assert readers["plain"].marked > 2 * FPS


@pytest.mark.timeout(120)
async def test_mpeg4_that_the_session_description_does_not_configure(
    tmp_path: Path, cache: Path, state_dir: Path
) -> None:
    # live555 OEMs: MP4V-ES without config; the layer comes in the stream alone
    with simulator({"old": DefectiveCamera("mpeg4 parameter_sets=stream")}, cache) as (described,):
        gateway = Gateway(tmp_path, state_dir / "numba", None, {"old": {"source": described["url"]}})
        with running(gateway):
            url = described["url"].replace("admin:s3cret@", "")
            async with RtspReader(url, user="admin", password="s3cret") as camera:
                assert b"MP4V-ES" in (body := (await camera.request("DESCRIBE")).body)
                assert b"config=" not in body
            async with RtspReader(gateway.url("old")) as reader:
                await reader.play()
                await reader.until(lambda: reader.marked >= 3 * FPS, 20)
                state = gateway.stream("old")["state"]
                assert (state["state"], state["source"]["codec"]) == ("playing", "MP4V-ES")
                assert all(luma.std() > 10 for luma in reader.pictures()[-FPS:])


@pytest.mark.timeout(120)
async def test_pictures_sent_in_another_order_than_decoded(tmp_path: Path, cache: Path, state_dir: Path) -> None:
    cameras = {
        "mode-2": DefectiveCamera("longse decoding_order_numbers=true parameter_sets=stream"),
        "donl": DefectiveCamera("longse decoding_order_numbers=true codec=H265"),
    }
    with simulator(cameras, cache) as described:
        streams = {
            name: {"source": one["url"], "video": {"preset": "ultrafast"}}
            for name, one in zip(cameras, described, strict=True)
        }
        gateway = Gateway(tmp_path, state_dir / "numba", None, streams)
        with running(gateway):
            async with AsyncExitStack() as stack:
                readers = [await stack.enter_async_context(RtspReader(gateway.url(name))) for name in cameras]
                for reader in readers:
                    await reader.play()
                await readers[0].until(lambda: all(reader.marked >= 13 * FPS for reader in readers), 40)
                states = {name: gateway.stream(name)["state"] for name in cameras}
    for name, state in states.items():
        assert state["state"] == "playing", name
        assert state["faults"]["damaged_access_units"] == 0
        assert state["source"]["losses"] == 0
        assert state["source"]["fps"] > 0.8 * FPS
