"""Names of cameras are looked up here: few at a time, and no look-up takes longer than its limit.

A look-up blocks a thread of the event loop's pool until the resolver gives up, and nothing can call it back. A name
server that is dead must not take the threads that everybody else needs.
"""

import asyncio
import ipaddress
import socket
from typing import Final
from weakref import WeakKeyDictionary

from transcoder.errors import NotConnected

MAX_LOOKUPS: Final = 3
"""Look-ups under way at once; the pool of the event loop has four threads, and one is left for other work."""
LOOKUP_S: Final = 5.0
"""Seconds after which a name is not known; a resolver that works answers in milliseconds."""
MAX_ADDRESSES: Final = 8
"""Addresses of one name that are tried."""

_limits: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a host in the order in which they are to be tried, the families taking turns.

    Args:
        host: a name, or an address, which needs no look-up.
        port: the port that will be connected to.

    Raises:
        NotConnected: the name is not known.

    Source: RFC 8305 section 4.
    """
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        async with asyncio.timeout(LOOKUP_S):
            found = await _ask(host, port)
    except TimeoutError:
        raise NotConnected(f"host name {host} is not known: no answer in {LOOKUP_S:g} s") from None
    except OSError as error:
        raise NotConnected(f"host name {host} is not known: {error.strerror or error}") from None
    return in_turns(list(dict.fromkeys(str(address[0]) for *_, address in found)))[:MAX_ADDRESSES]


async def _ask(host: str, port: int) -> list[tuple]:  # type: ignore[type-arg]  # as getaddrinfo has it
    loop = asyncio.get_running_loop()
    limit = _limits.setdefault(loop, asyncio.Semaphore(MAX_LOOKUPS))
    await limit.acquire()
    lookup = loop.create_task(_getaddrinfo(host, port))

    def done(task: asyncio.Task[list[tuple]]) -> None:  # type: ignore[type-arg]
        limit.release()  # not before: its thread was busy until now
        if not task.cancelled():
            task.exception()

    lookup.add_done_callback(done)
    return await asyncio.shield(lookup)


async def _getaddrinfo(host: str, port: int) -> list[tuple]:  # type: ignore[type-arg]
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


def in_turns(addresses: list[str]) -> list[str]:
    """Order addresses so that the families take turns, beginning with the family of the first address."""
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    second = [address for address in addresses if address not in first]
    paired = [address for pair in zip(first, second, strict=False) for address in pair]
    return paired + first[len(second) :] + second[len(first) :]
