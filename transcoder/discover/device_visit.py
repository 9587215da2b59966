"""The questions to one device go over the network here."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from typing import Final

from transcoder import clock
from transcoder.discover.device_questions import DeviceQuestions
from transcoder.discover.http_answer import HttpAnswer
from transcoder.errors import NotConnected, RemoteProtocolError, Silent, TransportError
from transcoder.net.names import look_up
from transcoder.net.sockets import Binding, connect_any, connecting
from transcoder.rtsp.auth import Credentials

CONNECT_S: Final = 5.0
"""Seconds for a connection to a device."""
ANSWER_S: Final = 10.0
"""Seconds for one answer, all of it together; a slow camera makes one in three."""
MAX_REQUESTS: Final = 4
"""Requests at most: two questions, and each once more with the login."""
PORT: Final = 80
PATH: Final = "/onvif/device_service"
"""Where a device answers without being looked for (ONVIF Core Specification section 5.1)."""
_READ: Final = 4096


async def ask_device(
    host: str, port: int, path: str, credentials: Credentials | None, allowed: Callable[[str], bool]
) -> DeviceQuestions:
    """Ask a device what it is.

    Args:
        host: its name or address.
        port: the port of its web interface.
        path: the path of its device service.
        credentials: the login, None for none.
        allowed: says whether an address may be connected to.

    Raises:
        TransportError: it can't be reached, or is in no allowed network.
        LoginRefused: it refuses the login.
        RemoteProtocolError: its answers are none.
    """
    addresses = [address for address in await look_up(host, port) if allowed(address)]
    if not addresses:
        raise NotConnected(f"{host} is in none of the networks of sources.allow")
    shown = f"[{host}]" if ":" in host else host
    nonces = (secrets.token_bytes(16), secrets.token_bytes(16))
    questions = DeviceQuestions(f"{shown}:{port}", path, credentials, secrets.token_hex(8), nonces)
    for _ in range(MAX_REQUESTS):
        if questions.is_done:
            break
        answer = await _exchange(addresses, port, questions.request(clock.wall_clock()))
        questions.receive_answer(answer, clock.wall_clock())
    if not questions.is_done:
        raise RemoteProtocolError(f"the device did not answer {MAX_REQUESTS} requests")
    return questions


async def _exchange(addresses: list[str], port: int, request: bytes) -> HttpAnswer:
    async with connecting(port, CONNECT_S):
        sock, _ = await connect_any(addresses, port, Binding())
    reader, writer = await asyncio.open_connection(sock=sock, limit=_READ)
    answer = HttpAnswer()
    try:
        async with asyncio.timeout(ANSWER_S):
            writer.write(request)
            while not answer.is_complete:
                data = await reader.read(_READ)
                if not data:
                    answer.receive_end()
                    break
                answer.receive_data(data)
    except TimeoutError:
        raise Silent(f"no answer over HTTP in {ANSWER_S:g} s") from None
    except OSError as error:
        raise TransportError(f"the connection over HTTP was lost: {error.strerror or error}") from None
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return answer
