"""A process of the laboratory talks here to the process that started it: JSON lines on standard output and input."""

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
    """Answer each line of standard input with a report until the input ends: then the process that started us ended."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        emit("report", **report())
