"""This module puts a TCP relay in front of a server, so that the bytes to a client that can't record are recorded."""

import asyncio
from contextlib import suppress

from transcoder.lab.reader.scanner import Scanner
from transcoder.lab.reader.wire import Wire, WireCounts

READ_SIZE = 256 << 10


class Relay:
    """Listens on a port of its own and passes bytes on, both ways.

    Args:
        host: host of the server.
        port: port of the server.

    Attributes:
        counts: counts of the messages and packets that the server sent.
        scanner: the scanner that sees every byte that the server sent.
        port: the port to connect to.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server_address = host, port
        self.counts = WireCounts()
        self.scanner = Scanner()
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on the loopback interface."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._server_address)
        except OSError:
            writer.close()
            return
        wire = Wire(self.counts, self.scanner)
        forward = asyncio.create_task(_pump(reader, server_writer, None))
        with suppress(OSError):
            await _pump(server_reader, writer, wire)
        forward.cancel()
        for end in (writer, server_writer):
            end.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: Wire | None) -> None:
    while data := await reader.read(READ_SIZE):
        if wire is not None:
            wire.feed(data)
        writer.write(data)
        await writer.drain()
    with suppress(OSError):
        writer.write_eof()
