"""`python -m transcoder.verify.served` verifies one served stream for the gateway, in a process of bounded life.

The request is one JSON object on standard input: `url`, `username`, `password`, `seconds`, and `key`, the file of the
key that signs ("" for none). The answer is one JSON object on standard output: a signed statement; one without a
signature where the key can't be used; or `error`, the reason why nothing could be read.
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

from transcoder import product
from transcoder.errors import TransportError
from transcoder.verify.inspector import Inspector
from transcoder.verify.rtsp_reader import Reader
from transcoder.verify.statement import ProofError, Reading, statement
from transcoder.verify.target import parse_target

SPARE_S: Final = 40
"""Seconds beyond the reading until the process ends itself: connecting, three answers, saying goodbye and signing."""
MAX_MEMORY: Final = 1 << 30
"""Bytes of address space: Python, cryptography and the largest NAL unit several times over take less than half."""
CPU_SHARE: Final = 2
"""A process may take its seconds of life times this in processor time, which it never should."""
NICENESS: Final = 10
"""Whoever serves readers goes first."""
_MAX_REQUEST: Final = 64 << 10
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


def verify(request: dict[str, Any]) -> dict[str, object]:
    """Read the stream that a request names, and return the answer."""
    seconds = float(request["seconds"])
    target = parse_target(str(request["url"]), str(request["username"]), str(request["password"]))
    inspector = Inspector([], None, target.path)
    # without users nobody is asked for a login, and the gateway would take this reader for a stranger
    reader = Reader(target, inspector, udp=False, challenge=f'Digest realm="{product.NAME}", nonce="none yet"')
    started = time.time()
    try:
        asyncio.run(reader.read(seconds, lambda _: None))
    except TransportError as error:
        return {"error": str(error)}
    inspector.finish(reader.read_s)
    made = statement(
        inspector,
        Reading(source=target.shown, transport="tcp", started=started, asked_s=seconds, read_s=reader.read_s),
    )
    return _signed(made, str(request["key"]))


def _signed(made: dict[str, object], key: str) -> dict[str, object]:
    from transcoder.verify import proof  # noqa: PLC0415  # cryptography takes a while, and the stream was waiting

    if not key:
        return {"statement": made}
    try:
        return proof.sign(made, proof.load_or_make_key(Path(key)))
    except ProofError as error:
        return {"statement": made, "unsigned": str(error)}


def main() -> None:
    """Answer the request on standard input."""
    request = json.loads(sys.stdin.buffer.read(_MAX_REQUEST))
    bound_life(float(request["seconds"]))
    sys.stdout.write(json.dumps(verify(request)))


if __name__ == "__main__":
    main()
