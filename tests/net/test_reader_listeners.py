"""Readers reach the server on several addresses, over IPv4 and IPv6, plain and over TLS."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.rtsp_reader import RtspReader
from tests.support.served import ANYWHERE, Catalogue
from transcoder.errors import TransportError
from transcoder.net.reader_listeners import Listener
from transcoder.net.rtsp_server import RtspServer
from transcoder.net.server_certificate import OWN_FILE, ServerCertificate, own_certificate

TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"
UDP = "RTP/AVP;unicast;client_port=5000-5001"


@asynccontextmanager
async def serving(*listeners: Listener) -> AsyncIterator[RtspServer]:
    server = RtspServer(Catalogue(), listeners, (0, 0))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def own(folder: Path | None = None) -> ServerCertificate:
    return ServerCertificate(None, None, folder)


def given(folder: Path, name: str) -> ServerCertificate:
    """A certificate of the operator's, who keeps both in one file."""
    file = folder / "gateway.pem"
    file.write_bytes(own_certificate((name,)))
    return ServerCertificate(file, file, None)


def shown_names(port: int) -> list[str]:
    """The names in the certificate that a server shows."""
    certificate = x509.load_pem_x509_certificate(ssl.get_server_certificate(("127.0.0.1", port)).encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName)


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@needs_ipv6
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_all_addresses_of_ipv6_are_those_of_ipv4_too(host: str) -> None:
    async with serving(Listener(host="::", port=0)) as server, RtspReader(f"rtsp://{host}:{server.port}/front") as one:
        answer = await one.request("DESCRIBE")
        assert answer.status == 200
        assert answer.headers["content-base"] == f"rtsp://{host}:{server.port}/front/"  # as the reader knows it
        udp = await one.request("SETUP", Transport=UDP)
        assert udp.status == 200


@needs_ipv6
async def test_several_addresses_have_the_same_udp_ports() -> None:
    async with serving(ANYWHERE, Listener(host="::1", port=0)) as server:
        for host, listener in zip(("127.0.0.1", "[::1]"), server.listeners, strict=True):
            async with RtspReader(f"rtsp://{host}:{listener.port}/front") as reader:
                answer = await reader.request("SETUP", Transport=UDP)
                first, second = server.udp_ports
                assert f"server_port={first}-{second}" in answer.headers["transport"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_reader_over_tls(tmp_path: Path, version: ssl.TLSVersion) -> None:
    async with serving(ANYWHERE, Listener(host="127.0.0.1", port=0, certificate=own(tmp_path))) as server:
        port = server.listeners[1].port
        context = ssl.create_default_context(cafile=tmp_path / OWN_FILE)  # whoever trusts it needs no exception
        context.minimum_version = context.maximum_version = version
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        writer.write(f"DESCRIBE rtsps://localhost:{port}/front RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert answer.startswith(b"RTSP/1.0 200 OK\r\n")
    assert f"Content-Base: rtsps://localhost:{port}/front/\r\n".encode() in answer


async def test_an_older_tls_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with serving(ANYWHERE, Listener(host="127.0.0.1", port=0, certificate=own())) as server:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.open_connection("127.0.0.1", server.listeners[1].port, ssl=context)


async def test_what_is_asked_for_over_tls_is_not_sent_in_the_clear() -> None:
    async with (
        serving(ANYWHERE, Listener(host="127.0.0.1", port=0, certificate=own())) as server,
        RtspReader(f"rtsps://127.0.0.1:{server.listeners[1].port}/front") as reader,
    ):
        refused = await reader.request("SETUP", Transport=UDP)
        taken = await reader.request("SETUP", Transport=f"{UDP},{TCP}")
    assert refused.status == 461  # the one status after which clients ask for TCP
    assert (taken.status, "TCP" in taken.headers["transport"]) == (200, True)


async def test_a_certificate_that_was_replaced_is_used_and_readers_stay(tmp_path: Path) -> None:
    certificate = given(tmp_path, "old.example")
    async with serving(ANYWHERE, Listener(host="127.0.0.1", port=0, certificate=certificate)) as server:
        port = server.listeners[1].port
        async with RtspReader(f"rtsps://127.0.0.1:{port}/front") as reader:
            assert "old.example" in await asyncio.to_thread(shown_names, port)
            assert not certificate.load_again()
            given(tmp_path, "new.example")
            assert certificate.load_again()
            assert "new.example" in await asyncio.to_thread(shown_names, port)
            assert (await reader.request("DESCRIBE")).status == 200


async def test_a_certificate_that_is_half_written_leaves_the_one_before(tmp_path: Path) -> None:
    certificate = given(tmp_path, "old.example")
    async with serving(ANYWHERE, Listener(host="127.0.0.1", port=0, certificate=certificate)) as server:
        whole = own_certificate(("new.example",))
        for half in (b"", whole[:200], whole[:-100]):
            (tmp_path / "gateway.pem").write_bytes(half)
            with pytest.raises((OSError, ValueError)):
                certificate.load_again()
            assert "old.example" in await asyncio.to_thread(shown_names, server.listeners[1].port)
        (tmp_path / "gateway.pem").write_bytes(whole)
        assert certificate.load_again()


async def test_a_certificate_whose_key_is_not_there_yet_leaves_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two files are never replaced at one moment."""
    file, key = tmp_path / "gateway.pem", tmp_path / "gateway.key"
    old, new = own_certificate(("old.example",)), own_certificate(("new.example",))
    file.write_bytes(old)
    key.write_bytes(old)
    certificate = ServerCertificate(file, key, None)
    async with serving(ANYWHERE, Listener(host="127.0.0.1", port=0, certificate=certificate)) as server:
        port = server.listeners[1].port
        file.write_bytes(new)
        capsys.readouterr()
        for _ in range(3):
            server._listeners.look_at_certificates()
        assert capsys.readouterr().out.count("can't be used") == 1, "told once"
        assert "old.example" in await asyncio.to_thread(shown_names, port)
        key.write_bytes(new)
        server._listeners.look_at_certificates()
        assert "new.example" in await asyncio.to_thread(shown_names, port)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
async def test_a_certificate_that_can_not_be_used_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "gateway.pem"
    if content is not None:
        file.write_bytes(content)
    listener = Listener(host="127.0.0.1", port=0, certificate=ServerCertificate(file, file, None))
    with pytest.raises(TransportError, match=r"^rtsp\.tls\.certificate_file: "):
        async with serving(ANYWHERE, listener):
            pass


async def test_an_address_that_is_taken_is_named_by_its_key() -> None:
    async with serving(ANYWHERE) as server:
        listener = Listener(host="127.0.0.1", port=server.port, certificate=own())
        with pytest.raises(TransportError, match=rf"^rtsp\.tls\.listen 127\.0\.0\.1:{server.port}: Address already"):
            async with serving(ANYWHERE, listener):
                pass
