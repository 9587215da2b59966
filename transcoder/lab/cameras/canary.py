"""This module makes the random marks in every private field of a simulated camera.

A canary is 16 or more ASCII letters or digits, so it needs no emulation prevention, no escaping in SDP, XML or headers,
and no padding anywhere. In the camera's own stream a canary stands as raw bytes, except where a camera writes the
field in hexadecimal or base64 (`Canary.where` says so); `transcoder.lab.cameras.canary_search` looks for all three.
"""

import hashlib
from dataclasses import dataclass

LENGTH = 16
"""Characters of a canary. They carry 64 random bits, so no amount of video holds a canary by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """Describes one mark.

    Attributes:
        name: name of the private field, unique in a camera.
        where: the layer that carries the mark, and the form of the mark there.
        value: the ASCII bytes to look for.
    """

    name: str
    where: str
    value: bytes


class CanaryMint:
    """Makes the canaries of one camera; the same name always gets the same value.

    Args:
        seed: seed of the camera; another seed gives other values.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._canaries: dict[str, Canary] = {}

    def text(self, name: str, where: str, length: int = LENGTH) -> str:
        """Return lower-case hexadecimal digits, at most 64."""
        return self._mint(name, where, self._digest(name).hex()[:length])

    def digits(self, name: str, where: str, length: int = LENGTH) -> str:
        """Return decimal digits, the first not zero, at most 60: for fields that hold numbers."""
        number = str(int.from_bytes(self._digest(name)) + 10**76)
        return self._mint(name, where, f"7{number[3 : 2 + length]}")

    def all(self) -> list[Canary]:
        """Return every canary made so far."""
        return list(self._canaries.values())

    def _digest(self, name: str) -> bytes:
        return hashlib.sha256(f"{self._seed}\0{name}".encode()).digest()

    def _mint(self, name: str, where: str, value: str) -> str:
        self._canaries.setdefault(name, Canary(name=name, where=where, value=value.encode()))
        return value
