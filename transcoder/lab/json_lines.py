"""What a process of the laboratory says and hears, from its own side: JSON lines on standard output and input."""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any


def emit(event: str, **values: object) -> None:
    """Write one event."""
    sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
    sys.stdout.flush()


async def answer_until_end(report: Callable[[], dict[str, Any]]) -> None:
    """Answer each line of standard input with a report, until its end: that is when who started us has ended."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        emit("report", **report())
