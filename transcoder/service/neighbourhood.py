"""The MAC addresses of cameras on the gateway's own networks are looked up now and then: they tell who made a camera.

Nothing is sent for it: the kernel has met the cameras that streams pull from. A camera behind a router is no neighbour.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from transcoder.net.neighbours import neighbours

FIRST_S: Final = 60.0
"""Seconds after a start: cameras have been connected to by then."""
LOOK_S: Final = 900.0
"""Seconds between looks: a camera's address changes when somebody swaps it."""


class Neighbourhood:
    """Looks up the MAC addresses of the cameras of streams.

    Args:
        addresses: returns the address that each stream is or was connected to, "" for none.
        on_found: is told each stream with the MAC address of its camera.
    """

    def __init__(self, addresses: Callable[[], Mapping[str, str]], on_found: Callable[[str, str], None]) -> None:
        self._addresses = addresses
        self._on_found = on_found

    async def run(self) -> None:
        """Look again and again."""
        await asyncio.sleep(FIRST_S)
        while True:
            self.take(await asyncio.to_thread(neighbours))
            await asyncio.sleep(LOOK_S)

    def take(self, table: Mapping[str, str]) -> None:
        """Tell of the cameras in a neighbour table.

        A MAC address that stands for several addresses is that of a router, which answers for others (RFC 1027).

        Args:
            table: the MAC address of each neighbour by its address.
        """
        holders = Counter(table.values())
        for stream, address in self._addresses().items():
            mac = table.get(address, "")
            if mac and holders[mac] == 1:
                self._on_found(stream, mac)
