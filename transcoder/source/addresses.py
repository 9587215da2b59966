"""The addresses of a camera's name are tried in the order of the name server, those that gave no picture last.

A connection that stands is no camera yet: a router, another device or a half-dead one may take it and say nothing.
"""

from collections.abc import Sequence


class AddressOrder:
    """Remembers the addresses of one name over which no picture came."""

    def __init__(self) -> None:
        self._fruitless: list[str] = []

    def arrange(self, addresses: Sequence[str]) -> tuple[str, ...]:
        """Return addresses in the order in which they are to be tried; what else was remembered is forgotten."""
        self._fruitless = [address for address in self._fruitless if address in addresses]
        return (*[address for address in addresses if address not in self._fruitless], *self._fruitless)

    def note(self, address: str, *, gave_picture: bool) -> None:
        """Note what came of a connection.

        Args:
            address: the address that was connected to, "" where no connection stood.
            gave_picture: whether a picture came.
        """
        if address in self._fruitless:
            self._fruitless.remove(address)
        if address and not gave_picture:
            self._fruitless.append(address)
