"""`python -m transcoder.verify.served` verifies one served stream for the gateway, in a process of bounded life.

The request is one line with a JSON object on standard input: `url`, `username`, `password`, `seconds`, and `key`, the
file of the key that signs ("" for none). The answer is one JSON object on standard output: a signed statement; one
without a signature where the key can't be used; or `error`, the reason why nothing could be read. Where the request has
`sandbox`, the answer holds `measures`: every measure of the process's sandbox, "" or the reason why it is missing.
Where that is `required`, nothing is read without all of them. Where the request has `asks_served`, the line `served?`
is written after the reading, and the next line of standard input says which pictures were the camera's, as
`GET /api/v1/streams/<id>/served` does.
"""

import asyncio
import ctypes
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from transcoder import product
from transcoder.errors import TransportError
from transcoder.verify import proof
from transcoder.verify.confinement import OWN_USER, confine
from transcoder.verify.inspector import Inspector
from transcoder.verify.origin import Origin, read_origin
from transcoder.verify.rtsp_reader import Reader
from transcoder.verify.statement import ProofError, Reading, product_version, statement
from transcoder.verify.target import parse_target

SPARE_S: Final = 40
"""Seconds beyond the reading until the process ends itself: connecting, three answers, saying goodbye and signing."""
MAX_MEMORY: Final = 1 << 30
"""Bytes of address space: Python, cryptography and the largest NAL unit several times over take less than half."""
CPU_SHARE: Final = 2
"""A process may take its seconds of life times this in processor time, which it never should."""
NICENESS: Final = 10
"""Whoever serves readers goes first."""
QUESTION: Final = "served?\n"
"""The line that asks which pictures were the camera's."""
_MAX_REQUEST: Final = 64 << 10
_MAX_SERVED: Final = 1 << 20
"""Bytes of the answer to QUESTION; 512 spans take some 60 kB."""
_DIE_WITH_PARENT: Final = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def bound_life(seconds: float) -> None:
    """Bound everything that this process may take, and have it end with the process that started it."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    life = int(seconds) + SPARE_S
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SHARE * life, CPU_SHARE * life))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)
    signal.alarm(life)


class Confinement:
    """Confines this process when its connection stands; afterwards it opens nothing any more.

    Args:
        is_required: whether nothing may be read where a measure is missing.

    Attributes:
        measures: every measure, once they were taken.
    """

    def __init__(self, *, is_required: bool) -> None:
        self._is_required = is_required
        self.measures: dict[str, str] = {}

    async def enter(self) -> None:
        """Take the measures.

        Raises:
            TransportError: a measure is missing, and all are required.
        """
        loop = asyncio.get_running_loop()
        await loop.shutdown_default_executor()  # a thread that looked a name up would not be confined
        spared = set() if os.geteuid() == 0 else {OWN_USER}
        self.measures = confine()
        missing = [f"{name} ({why})" for name, why in self.measures.items() if why and name not in spared]
        if missing and self._is_required:
            raise TransportError(f"sandbox is required, and the checker lacks {', '.join(missing)}")


def verify(request: dict[str, Any]) -> dict[str, object]:
    """Read the stream that a request names, and return the answer."""
    confinement = Confinement(is_required=request.get("sandbox") == "required")
    answer = _verified(request, confinement)
    return answer | {"measures": confinement.measures} if "sandbox" in request else answer


def _verified(request: dict[str, Any], confinement: Confinement) -> dict[str, object]:
    seconds = float(request["seconds"])
    key, problem = _key(str(request["key"]))
    _rehearse()
    target = parse_target(str(request["url"]), str(request["username"]), str(request["password"]))
    inspector = Inspector([], None, target.path)
    # without users nobody is asked for a login, and the gateway would take this reader for a stranger
    challenge = f'Digest realm="{product.NAME}", nonce="none yet"'
    reader = Reader(target, inspector, udp=False, challenge=challenge, on_connected=confinement.enter)
    started = time.time()
    try:
        asyncio.run(reader.read(seconds, lambda _: None))
    except TransportError as error:
        return {"error": str(error)}
    inspector.finish(reader.read_s, _ask_served(reader) if request.get("asks_served") else None)
    made = statement(
        inspector,
        Reading(source=target.shown, transport="tcp", started=started, asked_s=seconds, read_s=reader.read_s),
    )
    if key is None:
        return {"statement": made} | ({"unsigned": problem} if problem else {})
    return proof.sign(made, key)


def _ask_served(reader: Reader) -> Origin | None:
    """Return the service's word on what was read, None where it has none."""
    sys.stdout.write(QUESTION)
    sys.stdout.flush()
    try:
        told = json.loads(sys.stdin.buffer.readline(_MAX_SERVED))
    except ValueError:
        return None
    if reader.began is None:
        return None
    return read_origin(told, ago_s=time.monotonic() - reader.began, read_s=reader.read_s)


def _rehearse() -> None:
    """Have everything read from files that a statement needs: afterwards no file can be read."""
    product_version()
    proof.canonical({"a": 0.5})


def _key(path: str) -> tuple[Ed25519PrivateKey | None, str]:
    """Return the key that signs, or None and the reason, "" where none is wanted; later no file can be read."""
    if not path:
        return None, ""
    try:
        return proof.load_or_make_key(Path(path)), ""
    except ProofError as error:
        return None, str(error)


def main() -> None:
    """Answer the request on standard input."""
    request = json.loads(sys.stdin.buffer.readline(_MAX_REQUEST))
    bound_life(float(request["seconds"]))
    sys.stdout.write(json.dumps(verify(request)))


if __name__ == "__main__":
    main()
