"""The tiles of a wall are made here, once a second at most, whoever looks at them."""

from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Final

from transcoder.config import StreamConfig
from transcoder.control.documents import StatsDocument, Status
from transcoder.control.output_documents import output_facts
from transcoder.control.page_documents import TileDocument, WallDocument, WallGatewayDocument
from transcoder.service.status import StreamState, StreamStatus
from transcoder.source.problems import ProblemCode

KEPT_S: Final = 1.0
"""Seconds for which a wall is told again as it is: the numbers on it are measured once a second."""


class Wall:
    """Remembers the last wall that was made for each kind of client.

    Args:
        make: makes a wall, with what only those may know who may change streams, or without it.
    """

    def __init__(self, make: Callable[[bool], WallDocument]) -> None:
        self._make = make
        self._made: dict[bool, tuple[float, WallDocument]] = {}

    def document(self, now: float, *, addresses: bool) -> WallDocument:
        """Return the wall of now, or of up to KEPT_S ago.

        Args:
            now: monotonic seconds.
            addresses: whether problems are told, which may name the address of a camera.
        """
        at, document = self._made.get(addresses, (now - KEPT_S, None))
        if document is None or now >= at + KEPT_S:
            document = self._make(addresses)
            self._made[addresses] = now, document
        return document


def tile_document(
    status: StreamStatus,
    config: StreamConfig,
    told: tuple[Status, str],
    problem: tuple[str | None, ProblemCode | None],
    rates: tuple[float, float],
) -> TileDocument:
    """Make the tile of a stream.

    Args:
        status: the stream's status.
        config: the stream's configuration.
        told: how well the stream serves its readers, and since when.
        problem: why the stream does not play, and the code of that.
        rates: pictures and kbit a second of the stream's own picture.
    """
    facts, (text, code) = output_facts(status.output, config.video, rates), problem
    if status.state is not StreamState.PLAYING:
        facts["delay_s"] = None  # it is that of pictures from before
    return TileDocument(
        id=status.name,
        title=config.title,
        site=config.site,
        enabled=config.enabled,
        status=told[0],
        since=told[1],
        state=status.state.value,
        problem=text,
        problem_code=code,
        vendor=status.source.vendor or None,
        **{key: facts[key] for key in ("codec", "width", "height", "fps", "kbps", "delay_s")},
        readers=status.readers,
        masks=len(config.masks),
        overloaded=status.overloaded,
        encrypted=code == "encrypted",
        relayed=config.video.mode == "relay",
        renditions=tuple(name for name in status.outputs if name in config.renditions),
    )


def gateway_document(stats: StatsDocument, node: str, now: str, started: str) -> WallGatewayDocument:
    """Make what stands above the tiles.

    Args:
        stats: the totals over all streams.
        node: the gateway's name.
        now: the present time, RFC 3339.
        started: the time of the start, RFC 3339.
    """
    return WallGatewayDocument(
        node=node,
        version=_version(),
        now=now,
        started=started,
        streams=stats.streams,
        online=stats.online,
        readers=stats.readers,
        kbps_in=stats.kbps_in,
        kbps_out=stats.kbps_out,
        cpu=stats.cpu,
    )


@cache
def _version() -> str:
    return version("transcoder")  # which reads a file
