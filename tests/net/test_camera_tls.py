"""RTSP over TLS: simulated cameras with certificates of their own, and what is refused."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.net.test_rtsp_source import Handler, source, until
from transcoder.errors import KeyNotTrusted, NotConnected
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.behaviour import override
from transcoder.lab.cameras.certificate import Certificate
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.lab.cameras.server import SimulatedCamera
from transcoder.rtsp.auth import Credentials
from transcoder.source.camera_keys import CameraKeys, TlsOptions, fingerprints

PASSWORD = "s3cr3t-s3cr3t"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    scene = SceneOptions(width=192, height=96, fps=10, seconds=1.0)
    return from_scene(ContentOptions(scene=scene, gop_s=0.5), tmp_path_factory.mktemp("content"))


@pytest.fixture
def make(content: Content) -> Callable[..., SimulatedCamera]:
    def made(*settings: str) -> SimulatedCamera:
        return SimulatedCamera(override(FAMILIES["longse"].behaviour, settings), content, password=PASSWORD)

    return made


def opened(camera: SimulatedCamera, handler: Handler, **changes: Any) -> asyncio.Task[None]:
    credentials = Credentials(username="admin", password=PASSWORD)
    url = f"rtsps://127.0.0.1:{camera.port}{camera.path}"
    return asyncio.ensure_future(source(url, handler, credentials=credentials, **changes).run())


async def pictures(camera: SimulatedCamera, **changes: Any) -> None:
    handler = Handler()
    task = opened(camera, handler, **changes)
    done = asyncio.ensure_future(until(lambda: len(handler.units) > 5))
    await asyncio.wait({task, done}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        done.cancel()
        await task
    await done
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def failure(camera: SimulatedCamera, **changes: Any) -> NotConnected:
    with pytest.raises(NotConnected) as caught:
        await asyncio.wait_for(opened(camera, Handler(), **changes), 5)
    return caught.value


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_a_camera_that_offers_nothing_but_tls(make: Callable[..., SimulatedCamera], version: str) -> None:
    async with make(f"tls={version}") as camera:
        assert camera.url.startswith("rtsps://")
        keys = CameraKeys()
        await pictures(camera, keys=keys)
        assert camera.certificate is not None
        assert keys.latest == fingerprints(camera.certificate.der)[1]
        await pictures(camera, keys=keys)


async def test_another_key_gets_not_one_request(make: Callable[..., SimulatedCamera]) -> None:
    camera, keys = make("tls=1.3"), CameraKeys()
    async with camera:
        await pictures(camera, keys=keys)
    camera.certificate = Certificate("127.0.0.1")
    async with camera:
        heard: list[bytes] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("transcoder.lab.cameras.connection.CameraConnection.data_received", heard.append)
            error = await failure(camera, keys=keys)
        assert isinstance(error, KeyNotTrusted)
        assert error.found == fingerprints(camera.certificate.der)[1]
        assert heard == []


async def test_an_authority_does_not_vouch_for_a_certificate_of_its_own(make: Callable[..., SimulatedCamera]) -> None:
    async with make("tls=1.3") as camera:
        error = await failure(camera, tls=TlsOptions(verify="ca"))
        assert str(error) == "the camera's certificate is not trusted: self-signed certificate"
        assert isinstance(error, KeyNotTrusted)
        await pictures(camera, tls=TlsOptions(verify="none"))


async def test_an_older_version_by_option_alone(make: Callable[..., SimulatedCamera]) -> None:
    async with make("tls=old") as camera:
        error = await failure(camera)
        assert "source.tls.old_ciphers allows" in str(error)
        await pictures(camera, tls=TlsOptions(old_ciphers=True))


async def test_a_camera_without_tls(make: Callable[..., SimulatedCamera]) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"RTSP/1.0 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"rtsps://127.0.0.1:{server.sockets[0].getsockname()[1]}/live"
        with pytest.raises(NotConnected, match="does not speak TLS at this port"):
            await asyncio.wait_for(source(url, Handler()).run(), 5)


async def test_a_camera_that_closes_in_the_handshake(make: Callable[..., SimulatedCamera]) -> None:
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    async with server:
        url = f"rtsps://127.0.0.1:{server.sockets[0].getsockname()[1]}/live"
        with pytest.raises(NotConnected, match="TLS"):
            await asyncio.wait_for(source(url, Handler()).run(), 5)


async def test_the_connection_that_a_challenge_closes_over_tls(make: Callable[..., SimulatedCamera]) -> None:
    """Two kinds at once: the answer goes over another connection, whose key is checked again."""
    async with make("tls=1.2", "closes_after_401=true") as camera:
        await pictures(camera)
