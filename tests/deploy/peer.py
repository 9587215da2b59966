"""A machine of a test network: `serve tcp:554 udp:53` answers whatever comes, `try tcp:ADDRESS:PORT ...` asks.

`try` asks everybody at once and prints a JSON object that says who answered. A third address is the own one.
"""

import asyncio
import json
import sys
from typing import cast

PATIENCE_S = 1.0


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)


class Asker(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.DatagramTransport, transport).sendto(b"hello")

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.answer.done():
            self.answer.set_result(data)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(100))
    writer.close()


async def serve(places: list[str]) -> None:
    loop = asyncio.get_running_loop()
    for place in places:
        kind, port = place.split(":")
        if kind == "tcp":
            await asyncio.start_server(echo, "0.0.0.0", int(port))
        else:
            await loop.create_datagram_endpoint(Echo, local_addr=("0.0.0.0", int(port)))
    print("ready", flush=True)  # whoever started this waits for it
    await asyncio.Event().wait()


async def is_answered(place: str) -> bool:
    kind, address, port, *own = place.split(":")
    local = (own[0], 0) if own else None
    try:
        async with asyncio.timeout(PATIENCE_S):
            if kind == "tcp":
                reader, writer = await asyncio.open_connection(address, int(port), local_addr=local)
                writer.write(b"hello")
                return await reader.read(100) == b"hello"
            loop = asyncio.get_running_loop()
            _, asker = await loop.create_datagram_endpoint(Asker, local_addr=local, remote_addr=(address, int(port)))
            return await asker.answer == b"hello"
    except OSError:  # a time-out is one, too
        return False


async def ask(places: list[str]) -> None:
    answers = await asyncio.gather(*map(is_answered, places))
    print(json.dumps(dict(zip(places, answers, strict=True))))  # the result


if __name__ == "__main__":
    asyncio.run((serve if sys.argv[1] == "serve" else ask)(sys.argv[2:]))
