"""The server's nonces are told from anybody else's without being kept: they are signed.

A nonce is good for a time on every connection of the address that it was given to, so that a reader may ask for a
description on one connection and set up on the next. Nobody at another address can use what it overheard. Where each
request proves its user, as in HTTP, each count of a nonce (nc) is taken once: nobody at the same address can, either.
"""

import hmac
import secrets
from collections import OrderedDict
from typing import Final

LIFE_S: Final = 300.0
"""Seconds for which a nonce is good on other connections; on the connection that it was given on it stays good."""
MAX_COUNTED: Final = 65_536
"""Nonces whose counts are remembered at most, the one that was used first is forgotten first: 218 new ones a second for
as long as one is good. Only users who have proved themselves make entries."""
_TIME, _RANDOM, _SIGNATURE = 12, 16, 32
"""Hexadecimal digits: milliseconds of the monotonic clock, random bits, and 128 bits of an HMAC."""


class Nonces:
    """Makes nonces, and tells which are its own.

    Args:
        secret: random bytes that nobody else has; another process has others, so that its nonces are stale here.
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret if secret is not None else secrets.token_bytes(32)
        self._counts: OrderedDict[str, int] = OrderedDict()

    def make(self, address: str, now: float) -> str:
        """Return a new nonce for an address.

        Args:
            address: the address of the reader.
            now: monotonic seconds.
        """
        stamp = f"{round(now * 1000):0{_TIME}x}{secrets.token_hex(_RANDOM // 2)}"
        return stamp + self._sign(stamp, address)

    def is_fresh(self, nonce: str, address: str, now: float) -> bool:
        """Return whether a nonce was made here for an address, at most LIFE_S ago."""
        stamp, signature = nonce[: _TIME + _RANDOM], nonce[_TIME + _RANDOM :]
        if len(signature) != _SIGNATURE or not nonce.isascii():
            return False
        if not hmac.compare_digest(self._sign(stamp, address), signature):
            return False
        return 0 <= now - _made_at(nonce) + 0.001 <= LIFE_S

    def is_used(self, nonce: str, count: int) -> bool:
        """Return whether a count of a nonce, or a higher one, was used before."""
        return count <= self._counts.get(nonce, -1)

    def use(self, nonce: str, count: int, now: float) -> bool:
        """Use a count of a nonce, and return whether it is higher than those before.

        Args:
            nonce: a fresh nonce, with which a user has just proved itself.
            count: the number of the request with this nonce; 0 where the client does not count.
            now: monotonic seconds.
        """
        if self.is_used(nonce, count):
            return False
        while self._counts and (len(self._counts) >= MAX_COUNTED or now - _made_at(next(iter(self._counts))) > LIFE_S):
            self._counts.popitem(last=False)
        self._counts[nonce] = count
        return True

    def _sign(self, stamp: str, address: str) -> str:
        return hmac.digest(self._secret, f"{stamp}|{address}".encode(), "sha256").hex()[:_SIGNATURE]


def _made_at(nonce: str) -> float:
    """Return when a nonce of ours was made, monotonic seconds."""
    return int(nonce[:_TIME], 16) / 1000
