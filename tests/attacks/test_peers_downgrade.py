"""Somebody in a camera's place asks for the password in clear, which the camera itself never did."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from transcoder.errors import LoginDowngraded, ResponseError
from transcoder.ledger import Ledger
from transcoder.net.rtsp_source import RtspSource
from transcoder.net.source_options import SourceOptions
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.urls import parse_url
from transcoder.service.camera_memory import CameraMemory
from transcoder.source.camera_logins import CameraLogins

PASSWORD = "s3cr3t-s3cr3t"
IN_CLEAR = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
DIGEST, BASIC = 'Digest realm="r", nonce="n"', 'Basic realm="r"'


class Host:
    """Asks whoever comes for a login, refuses it, and keeps every byte that it was sent."""

    def __init__(self) -> None:
        self.challenges: list[str] = [DIGEST]
        self.heard = ""
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                self.heard += head
                protocol = "HTTP/1.0" if head.startswith(("GET", "POST")) else "RTSP/1.0"
                number = next((line for line in head.splitlines() if line.startswith("CSeq")), "CSeq: 1")
                fields = "".join(f"WWW-Authenticate: {each}\r\n" for each in self.challenges)
                writer.write(f"{protocol} 401 Unauthorized\r\n{number}\r\n{fields}\r\n".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    made = Host()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


async def visit(host: Host, logins: CameraLogins, **changes: Any) -> Exception:
    host.heard = ""
    keys: dict[str, Any] = {"path": "live", "transport": "tcp", **changes}
    url = parse_url(f"rtsp://127.0.0.1:{host.port}/{keys.pop('path')}")
    secret = Credentials(username="admin", password=PASSWORD)
    options = SourceOptions(url=url, credentials=secret, allowed=lambda _: True, logins=logins, **keys)
    with pytest.raises((LoginDowngraded, ResponseError)) as caught:
        async with asyncio.timeout(10):
            await RtspSource(options, Ledger(), lambda _: None).run()
    return caught.value


@pytest.mark.parametrize("usual", [[DIGEST], [BASIC, DIGEST]], ids=["digest", "both"])
@pytest.mark.parametrize("transport", ["tcp", "http"])
async def test_a_host_that_asked_for_digest_gets_no_password_in_clear(
    host: Host, usual: list[str], transport: str
) -> None:
    memory = CameraMemory()
    host.challenges = usual
    await visit(host, memory.logins)
    assert "Digest username" in host.heard
    host.challenges = [BASIC]
    after = CameraMemory()  # over a restart of the gateway, too
    after.load(memory.changes())
    for path in ("live", "another"):
        error = await visit(host, after.logins, path=path, transport=transport)
        assert isinstance(error, LoginDowngraded)
        assert PASSWORD not in str(error)
        assert "Authorization" not in host.heard


async def test_a_host_that_changes_its_mind_in_one_connection_gets_none_either(host: Host) -> None:
    class Turned(list[str]):
        """Asks for Digest once and for Basic from then on."""

        asked = 0

        def __iter__(self) -> Any:
            self.asked += 1
            return iter([DIGEST] if self.asked == 1 else [BASIC])

    host.challenges = Turned()
    assert isinstance(await visit(host, CameraLogins()), LoginDowngraded)
    assert IN_CLEAR not in host.heard


async def test_the_owner_lets_it_have_the_password(host: Host) -> None:
    memory = CameraMemory()
    await visit(host, memory.logins)
    host.challenges = [BASIC]
    memory.accept(parse_url(f"rtsp://127.0.0.1:{host.port}/live"))
    await visit(host, memory.logins)
    assert IN_CLEAR in host.heard


async def test_without_the_memory_it_reads_the_password(host: Host) -> None:
    await visit(host, CameraLogins())
    host.challenges = [BASIC]
    await visit(host, CameraLogins())
    assert IN_CLEAR in host.heard
