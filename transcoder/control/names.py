"""The log tells the names that the operator gave the streams, so that an id can be put to a place."""

from typing import Final

import structlog

from transcoder.config import Config

MAX_LINES: Final = 200
"""Lines at a start at most; the API lists the names of all streams."""

log = structlog.get_logger()


def log_names(config: Config) -> None:
    """Write a line for each stream that has a title, a site or labels."""
    named = {
        name: told
        for name, stream in config.streams.items()
        if (told := {"title": stream.title, "site": stream.site, "labels": dict(stream.labels)}) and any(told.values())
    }
    for name, told in list(named.items())[:MAX_LINES]:
        log.info("stream is named", stream=name, **{key: value for key, value in told.items() if value})
    if len(named) > MAX_LINES:
        log.info("more streams have names", streams=len(named) - MAX_LINES)
