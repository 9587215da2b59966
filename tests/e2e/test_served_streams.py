"""What readers get of simulated cameras: nothing that is the camera's, and a picture at once."""

import asyncio
import base64
import itertools
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.gateway_process import SLACK_S, GatewayProcess
from tests.support.gstreamer_reader import gstreamer_pipeline
from tests.support.onvif_client import OnvifClient
from tests.support.rtsp_reader import RtspReader, nal_type
from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.canary_search import find
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.lab.cameras.server import SimulatedCamera
from transcoder.onvif import namespaces

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("served_streams")]

FPS = 10


@pytest.fixture(scope="session")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[SourceCodec, Content]:
    scene = SceneOptions(width=320, height=180, fps=FPS, seconds=4.0, counter=True)
    cache = tmp_path_factory.mktemp("content")
    codecs = (*Codec, PictureCodec.JPEG, PictureCodec.MPEG4)
    return {codec: from_scene(ContentOptions(scene=scene, codec=codec, gop_s=4.0), cache) for codec in codecs}


def simulated(family: str, contents: dict[SourceCodec, Content], password: str | None = "secret") -> SimulatedCamera:  # noqa: S107  # of a test
    behaviour = FAMILIES[family].behaviour
    return SimulatedCamera(behaviour, contents[behaviour.codec], password=password, seed=family)


def parts(reader: RtspReader) -> bytes:
    """Everything that came, as it came and with its NAL units put together."""
    units = b"\n".join(b"".join(unit.nal_units) for unit in reader.units()) if reader.codec else b""
    sets = b"".join(base64.b64decode(text + "==") for text in re.findall(r"sprop-[a-z-]+=([^;,\s]+)", reader.sdp))
    return bytes(reader.recorded) + units + sets


async def listen(reader: RtspReader, transport: str) -> None:
    """Everything that a reader may ask for, and some seconds of what it then gets."""
    for method in ("OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "ANNOUNCE"):
        await reader.request(method)
    await reader.play(transport)
    await reader.until(lambda: reader.marked > 3 * FPS, 40)
    await reader.request("PAUSE")
    await reader.request("TEARDOWN")


def assert_clean(reader: RtspReader, camera: SimulatedCamera, output: str) -> None:
    assert find(parts(reader), camera.canaries()) == []
    kinds = {kind for unit in reader.units() for kind in unit.types(reader.codec)}
    assert kinds <= ({1, 5, 7, 8} if output == "h264" else {0, 1, 19, 20, 32, 33, 34})
    assert {packet.first for packet in reader.packets} == {0x80}  # no extension, no CSRC, no padding
    assert {packet.payload_type for packet in reader.packets} == {96}
    assert len({packet.ssrc for packet in reader.packets}) == 1
    assert not any(unit.lost_before for unit in reader.units())


@pytest.mark.timeout(180)
async def test_nothing_of_any_camera_is_served(
    contents: dict[SourceCodec, Content], start_gateway: Callable[..., GatewayProcess]
) -> None:
    outputs = {family: ("h264", "h265")[index % 2] for index, family in enumerate(sorted(FAMILIES))}
    async with AsyncExitStack() as stack:
        cameras = {family: await stack.enter_async_context(simulated(family, contents)) for family in outputs}
        streams = {
            family: {"source": camera.url, "video": {"codec": outputs[family]}} for family, camera in cameras.items()
        }
        gateway = await asyncio.to_thread(start_gateway, streams)
        # a slate of a guessed size ends its readers when the camera's is another
        await asyncio.to_thread(gateway.wait_until_playing, *streams)
        readers = [
            (family, transport, await stack.enter_async_context(RtspReader(gateway.url(family))))
            for family in outputs
            for transport in (("tcp", "udp") if family in {"dahua", "hikvision"} else ("tcp",))
        ]
        results = await asyncio.gather(
            *(listen(reader, transport) for _, transport, reader in readers), return_exceptions=True
        )
        problems = []
        for (family, transport, reader), result in zip(readers, results, strict=True):
            try:
                if result is not None:
                    raise AssertionError(result)  # noqa: TRY301  # of the gathered work
                assert_clean(reader, cameras[family], outputs[family])
            except (AssertionError, TimeoutError) as problem:
                problems.append(f"{family} over {transport}: {problem!r}, {len(reader.packets)} packets")
        log = gateway.log_path.read_text()
        lost = [line for line in log.splitlines() if "lost" in line or "Traceback" in line]
        assert not problems, "\n".join([*problems, *lost])
        # the same search finds something in a description of each camera's own; tests of the simulator find every mark
        for camera in cameras.values():
            url = re.sub(r"//[^@/]*@", "//", camera.url)
            async with RtspReader(url, user="admin", password="secret") as direct:
                await direct.request("DESCRIBE", Accept="application/sdp")
                assert find(bytes(direct.recorded), camera.canaries())
        assert await asyncio.to_thread(gateway.terminate) == 0
        assert "Traceback" not in log
        assert "secret" not in log


@pytest.mark.parametrize("output", ["h264", "h265"])
async def test_a_new_reader_has_a_picture_at_once_although_gops_are_long(
    output: str, contents: dict[SourceCodec, Content], start_gateway: Callable[..., GatewayProcess]
) -> None:
    async with simulated("hikvision", contents, None) as camera:
        stream = {"source": camera.url, "video": {"codec": output, "gop_s": 10}}
        gateway = await asyncio.to_thread(start_gateway, {"front": stream})
        async with RtspReader(gateway.url("front")) as first:
            await first.play()
            await asyncio.sleep(1.0)
            waits = []
            for _ in range(5):
                async with RtspReader(gateway.url("front")) as reader:
                    await reader.describe()
                    await reader.set_up()
                    asked = time.monotonic()
                    answer = await reader.request("PLAY")
                    await reader.until(lambda: reader.marked, 5)
                    unit = reader.units()[0]
                    waits.append(unit.at - asked)
                    idr = {5} if output == "h264" else {19, 20}
                    sets = [7, 8] if output == "h264" else [32, 33, 34]
                    assert unit.types(reader.codec)[: len(sets)] == sets
                    assert set(unit.types(reader.codec)) & idr
                    packet = reader.packets[0]
                    assert f"seq={packet.sequence_number};rtptime={packet.timestamp}" in answer.headers["rtp-info"]
                    assert reader.pictures()
                await asyncio.sleep(0.2)
            print(f"first pictures after {[round(wait, 2) for wait in waits]} s")
            assert max(waits) < 0.7 + SLACK_S / 2
            # sprop-parameter-sets is what is in the stream
            announced = [
                base64.b64decode(item) for item in re.findall(r"sprop-[a-z-]+=([^;\s]+)", first.sdp)[0].split(",")
            ]
            assert announced[0] == next(
                unit
                for unit in first.units()[0].nal_units
                if nal_type(first.codec, unit) == (7 if output == "h264" else 32)
            )


async def test_readers_log_in(contents: dict[SourceCodec, Content], start_gateway, tmp_path: Path) -> None:
    (tmp_path / "vms.secret").write_text("pass word\n")
    users = {"vms": {"password_file": "vms.secret", "streams": ["fro*"]}}
    async with simulated("dahua", contents) as camera:
        streams = {"front": {"source": camera.url}, "yard": {"source": camera.url}}
        rtsp = {"users": users, "tls": {"listen": "127.0.0.1:0"}}
        http = {"listen": "127.0.0.1:0", "tokens": {"ops": {"token": "the token"}}}
        sections = {"http": http, "onvif": {"listen": "127.0.0.1:0", "control": ["vms"]}}
        gateway = await asyncio.to_thread(start_gateway, streams, rtsp=rtsp, sections=sections)
        async with RtspReader(gateway.url("front"), user="vms", password="pass word") as reader:
            await reader.play()
            await reader.until(lambda: reader.marked, 5)
        async with RtspReader(gateway.url("yard"), user="vms", password="pass word") as reader:
            assert (await reader.request("DESCRIBE")).status == 403
        async with RtspReader(gateway.url("front"), user="vms", password="wrong") as reader:
            assert (await reader.request("DESCRIBE")).status == 401
        async with RtspReader(gateway.url("nobody"), user="vms", password="pass word") as reader:
            assert (await reader.request("DESCRIBE")).status in {403, 404}
        assert "pass word" not in gateway.log_path.read_text()
        await through_tls_and_http(gateway)
        await snapshots_with_the_readers_login(gateway)
        subscription = await as_an_onvif_camera(gateway)
    told: list[str] = []
    while "tns1:VideoSource/SignalLoss true" not in told:
        told = await asyncio.to_thread(subscription.pull)


async def as_an_onvif_camera(gateway: GatewayProcess) -> OnvifClient:
    """What the device says is what is served, and what it is told is done; its events are the stream's."""
    client = OnvifClient(gateway.events("ONVIF")[0]["devices"]["front"], "vms", "pass word")
    schema = f".//{{{namespaces.SCHEMA}}}"
    profiles = await asyncio.to_thread(client.media, "GetProfiles")
    found = [profiles.findtext(schema + name) for name in ("Width", "Height", "FrameRateLimit")]
    assert found == ["320", "180", str(FPS)]
    answer = await asyncio.to_thread(client.media, "GetStreamUri", "<t:ProfileToken>front.main</t:ProfileToken>")
    assert answer.findtext(f"{schema}Uri") == gateway.url("front")
    change = f'<t:Configuration token="front.main.video" xmlns:x="{namespaces.SCHEMA}"><x:RateControl>'
    change += "<x:BitrateLimit>900</x:BitrateLimit></x:RateControl></t:Configuration>"
    await asyncio.to_thread(client.media, "SetVideoEncoderConfiguration", change)
    profiles = await asyncio.to_thread(client.media, "GetProfiles")
    assert profiles.findtext(f"{schema}BitrateLimit") == "900"
    await asyncio.to_thread(client.subscribe)
    assert "tns1:VideoSource/SignalLoss false" in await asyncio.to_thread(client.pull)
    return client


async def snapshots_with_the_readers_login(gateway: GatewayProcess) -> None:
    base = f"{gateway.events('HTTP API')[0]['url']}/api/v1/streams"
    for options, path, expected in (
        (["--digest", "-u", "vms:pass word"], "front/snapshot.jpg", "200 image/jpeg"),
        (["--anyauth", "-u", "vms:pass word"], "front/snapshot.jpg?width=64", "200 image/jpeg"),
        (["--digest", "-u", "vms:pass word"], "yard/snapshot.jpg", "403 application/problem+json"),
        (["--digest", "-u", "vms:wrong"], "front/snapshot.jpg", "401 application/problem+json"),
        (["--basic", "-u", "vms:pass word"], "front/snapshot.jpg", "401 application/problem+json"),
        (["--digest", "-u", "vms:pass word"], "front", "401 application/problem+json"),
    ):
        command = ["curl", "-s", "-m", "20", "-o", os.devnull, "-w", "%{http_code} %{content_type}", *options]
        done = await asyncio.to_thread(
            subprocess.run, [*command, f"{base}/{path}"], capture_output=True, text=True, timeout=30, check=False
        )
        assert done.stdout == expected, (options, path)


async def through_tls_and_http(gateway: GatewayProcess) -> None:
    """Programs of others read over TLS, through a tunnel over HTTP, and through one in TLS."""
    (secured,) = gateway.events("listening")[0]["also"]
    plain = gateway.url("front").partition("://")[2]
    tls = f"{secured.partition('://')[2]}front"
    with_login = ["user-id=vms", "user-pw=pass word", "tls-validation-flags=0", "latency=100"]
    taken = ["!", "decodebin", "!", "fakesink", "num-buffers=5"]
    gstreamer = await asyncio.to_thread(gstreamer_pipeline)
    commands = [
        [
            "ffmpeg",
            "-nostdin",
            "-v",
            "error",
            "-rtsp_transport",
            transport,
            "-i",
            url,
            "-frames:v",
            "5",
            "-f",
            "null",
            "-",
        ]
        for transport, url in (
            ("http", f"rtsp://vms:pass%20word@{plain}"),
            ("tcp", f"rtsps://vms:pass%20word@{tls}"),
        )
    ] + [
        [*gstreamer, "rtspsrc", f"location={url}", *with_login, *taken]
        for url in (f"rtsph://{plain}", f"rtsps://{tls}", f"rtspsh://{tls}")
        if gstreamer
    ]
    for command in commands:
        if shutil.which(command[0]) is None:
            continue
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=40, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


async def test_a_camera_that_is_not_there_is_served_as_a_slate(start_gateway: Callable[..., GatewayProcess]) -> None:
    source = "rtsp://127.0.0.1:9/nobody"
    streams = {"front": {"source": source}, "plain": {"source": source, "slate": {"banner": False}}}
    gateway = await asyncio.to_thread(start_gateway, streams)
    async with RtspReader(gateway.url("front")) as reader:
        await reader.play()
        await reader.until(lambda: reader.marked >= 3, 6)
        luma = reader.pictures()[0]
        assert luma.shape == (720, 1280)
        assert luma[:360].std() < 2
        assert (luma[360:] > 200).sum() > 1000  # the banner
    async with RtspReader(gateway.url("plain")) as reader:
        await reader.play()
        await reader.until(lambda: reader.marked >= 3, 6)
        luma = reader.pictures()[0]
        assert luma.shape == (720, 1280)
        assert luma.std() < 2
        times = [unit.timestamp for unit in reader.units()]
        assert all(later > earlier for earlier, later in itertools.pairwise(times))
