"""RTSP over TLS: simulated cameras with certificates of their own, and what is refused."""

import asyncio
import contextlib
import shutil
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.net.test_rtsp_source import Handler, source, until
from transcoder.errors import ConnectionRefused, KeyNotTrusted, NotConnected, SdpSyntaxError, TransportError
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.behaviour import override
from transcoder.lab.cameras.certificate import Certificate
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.lab.cameras.server import SimulatedCamera
from transcoder.rtsp.auth import Credentials
from transcoder.source.camera_keys import CameraKeys, TlsOptions, fingerprints
from transcoder.source.problems import problem_code

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
    url = changes.pop("url", f"rtsps://127.0.0.1:{camera.port}{camera.path}")
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


async def test_srtp_is_refused_in_words(make: Callable[..., SimulatedCamera]) -> None:
    async with make("tls=1.3", "srtp=true") as camera:
        with pytest.raises(SdpSyntaxError) as caught:
            await asyncio.wait_for(opened(camera, Handler()), 5)
        words = "the camera offers its video as SRTP, which is not supported: turn SRTP off in the camera"
        assert (str(caught.value), problem_code(caught.value)) == (words, "format")


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


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """An authority that this machine trusts, and no other one (OpenSSL's SSL_CERT_FILE)."""
    made = Certificate("Cameras of our own")
    (tmp_path / "authorities.pem").write_bytes(made.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    return made


CA = TlsOptions(verify="ca")


async def test_an_authority_vouches_for_a_camera(make: Callable[..., SimulatedCamera], authority: Certificate) -> None:
    camera = make("tls=1.3")
    camera.authority = authority
    async with camera:
        await pictures(camera, tls=CA)
        url = f"rtsps://camera.example:{camera.port}{camera.path}"  # the certificate names 127.0.0.1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("transcoder.net.source_options.look_up", localhost)
            error = await failure(camera, tls=CA, url=url)
        assert "Hostname mismatch" in str(error)


async def localhost(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("certificate=expired", "certificate has expired"),
        ("certificate=other_host", "IP address mismatch, certificate is not valid for '127.0.0.1'"),
    ],
)
async def test_a_certificate_that_does_not_hold(
    make: Callable[..., SimulatedCamera], authority: Certificate, settings: str, words: str
) -> None:
    camera = make("tls=1.2", settings)
    camera.authority = authority
    async with camera:
        error = await failure(camera, tls=CA)
        assert str(error).startswith(f"the camera's certificate is not trusted: {words}")
        assert isinstance(error, KeyNotTrusted)
        assert problem_code(error) == "refused"
        await pictures(camera)  # by its key it is itself


async def test_an_authority_that_nobody_here_knows(
    make: Callable[..., SimulatedCamera], authority: Certificate
) -> None:
    camera = make("tls=1.3")
    camera.authority = Certificate("Cameras of somebody else")
    async with camera:
        error = await failure(camera, tls=CA)
        assert "unable to get local issuer certificate" in str(error)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_a_certificate_of_the_client_that_is_asked_for(
    make: Callable[..., SimulatedCamera], version: str
) -> None:
    async with make(f"tls={version}", "client_certificate=asked") as camera:
        await pictures(camera)


def answer_one(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Shake hands once, as a server that tells its reason before it closes; asyncio's servers do not."""
    connection, _ = listener.accept()
    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
        secured.recv(100)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("1.3", "the camera wants a certificate of the gateway over TLS, which has none"),
        ("1.2", "the camera refuses TLS: it has no cipher in common, or wants a certificate of the gateway"),
    ],
)
async def test_a_certificate_of_the_client_that_is_needed(version: str, words: str) -> None:
    context = Certificate("127.0.0.1").context(version, "needed")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = asyncio.get_running_loop().run_in_executor(None, answer_one, listener, context)
        url = f"rtsps://127.0.0.1:{listener.getsockname()[1]}/live"
        with pytest.raises(ConnectionRefused) as caught:
            await asyncio.wait_for(source(url, Handler()).run(), 5)
        await server
    assert str(caught.value).startswith(words)
    assert problem_code(caught.value) == "refused"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_a_connection_that_ends_without_a_word(make: Callable[..., SimulatedCamera], version: str) -> None:
    """TLS ends with close_notify (RFC 8446 section 6.1), and cameras that lose their power send none."""
    async with make(f"tls={version}", "close_every_s=0.5") as camera:
        handler = Handler()
        with pytest.raises(TransportError) as caught:
            await asyncio.wait_for(opened(camera, handler), 10)
        assert str(caught.value) == "the camera closed the connection"
        assert handler.units


SDP = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=x\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t\r\n"
)
ANSWERS = {
    "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n",
    "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}",
    "SETUP": "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n",
}


@pytest.mark.process
async def test_tls_that_is_negotiated_anew(tmp_path: Path) -> None:
    """TLS 1.2 may be negotiated anew at any time (RFC 5246 section 7.4.1.1); openssl does so at a line `r`."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    (tmp_path / "camera.pem").write_bytes(Certificate("127.0.0.1").pem_with_key)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [openssl, "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(tmp_path / "camera.pem"), "-tls1_2"]
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    assert server.stdin is not None
    assert server.stdout is not None
    handler = Handler()
    try:
        await asyncio.wait_for(server.stdout.readuntil(b"ACCEPT"), 10)
        task = asyncio.ensure_future(source(f"rtsps://127.0.0.1:{port}/live", handler).run())
        async with asyncio.timeout(10):
            for method in ("OPTIONS", "DESCRIBE", "SETUP", "PLAY"):
                await server.stdout.readuntil(f"{method} rtsps://".encode())
                number = (await server.stdout.readuntil(b"CSeq: ") and await server.stdout.readline()).decode().strip()
                server.stdin.write(b"r\n")
                await server.stdout.readuntil(b"SSL_do_handshake -> 1")
                answer = ANSWERS.get(method, "Session: 1\r\n\r\n")
                server.stdin.write(f"\r\nRTSP/1.0 200 OK\r\nCSeq: {number}\r\n{answer}".encode())  # R is a command too
            await until(lambda: handler.playing)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    finally:
        server.kill()
        await server.wait()
