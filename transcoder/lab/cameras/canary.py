"""Random marks in every private field of a simulated camera.

A canary is 16 or more ASCII letters or digits, so it needs no emulation prevention, no escaping in SDP, XML or headers,
and no padding anywhere. In the camera's own stream it stands as raw bytes, except where a camera writes the field in
hexadecimal or base64 (`Canary.where` says so); `transcoder.lab.cameras.canary_search` looks for all three.
"""

import hashlib
from dataclasses import dataclass

LENGTH = 16
"""Characters. 64 random bits: no chance meeting in any amount of video."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """One mark.

    Attributes:
        name: of the private field, unique in a camera.
        where: the layer that carries it, and how it is written there.
        value: the ASCII bytes to look for.
    """

    name: str
    where: str
    value: bytes


class CanaryMint:
    """Makes the canaries of one camera; the same name always gets the same value.

    Args:
        seed: of the camera; another seed gives other values.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._canaries: dict[str, Canary] = {}

    def text(self, name: str, where: str, length: int = LENGTH) -> str:
        """Lower-case hexadecimal digits, at most 64."""
        return self._mint(name, where, self._digest(name).hex()[:length])

    def digits(self, name: str, where: str, length: int = LENGTH) -> str:
        """Decimal digits, the first not zero, at most 60: for fields that hold numbers."""
        number = str(int.from_bytes(self._digest(name)) + 10**76)
        return self._mint(name, where, f"7{number[3 : 2 + length]}")

    def all(self) -> list[Canary]:
        """Every canary made so far."""
        return list(self._canaries.values())

    def _digest(self, name: str) -> bytes:
        return hashlib.sha256(f"{self._seed}\0{name}".encode()).digest()

    def _mint(self, name: str, where: str, value: str) -> str:
        self._canaries.setdefault(name, Canary(name=name, where=where, value=value.encode()))
        return value
