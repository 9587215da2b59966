"""Every camera of a configuration is visited once: does it send pictures that the gateway can take?"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from transcoder.config import Config, SourceConfig, is_allowed
from transcoder.errors import ProtocolError, RemoteProtocolError, ResponseError, SdpSyntaxError, Silent, TransportError
from transcoder.net.source_options import SourceOptions
from transcoder.probe.observation import Observation
from transcoder.probe.report import shown_text, summary
from transcoder.probe.watching import LOGIN_BY_KEYS, explain, watch
from transcoder.service.settings import source_options
from transcoder.source.intake import ENCRYPTED

if TYPE_CHECKING:
    from collections.abc import Mapping

WATCH_S: Final = 4.0
"""Seconds for which a camera is watched: enough to tell its rate."""
AT_ONCE: Final = 16
"""The largest number of cameras that are visited at a time."""
AT_ONCE_A_HOST: Final = 4
"""The largest number of visits of one host at a time: a recorder has few sessions to give, and streams may run."""
UNSUPPORTED: Final = 461
"""The status of a camera that does not do this transport (RFC 2326, 11.3.16): the next one is tried."""
LONGEST_S: Final = 90.0
"""Seconds of a visit at most; the usual patience with a camera's answers is 30 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Holds what one camera showed.

    Attributes:
        streams: the streams that pull from it.
        host: its host.
        problem: the reason for which it sent no pictures, and what to do; "" where it did.
        transport: how its packets came.
        codec, size, fps: those of its video, None where it did not tell.
        has_start: whether a picture came at which decoding can start.
    """

    streams: tuple[str, ...]
    host: str
    problem: str = ""
    transport: str | None = None
    codec: str | None = None
    size: str | None = None
    fps: float | None = None
    has_start: bool = True

    def line(self) -> str:
        """Return the visit in one line."""
        names = ", ".join(self.streams)
        if self.problem:
            return f"{names}: no pictures from {self.host}: {self.problem}"
        rate = f"{self.fps:g} pictures/s" if self.fps is not None else "of an unknown rate"
        parts = [part for part in ((self.codec or "").upper(), self.size, rate) if part]
        return f"{names}: {' '.join(parts)} from {self.host} over {self.transport}"

    def document(self) -> dict[str, Any]:
        """Return the visit as plain data."""
        return {
            "streams": list(self.streams),
            "host": self.host,
            "problem": self.problem or None,
            "transport": self.transport,
            "codec": self.codec,
            "size": self.size,
            "fps": self.fps,
        }


async def visit_cameras(config: Config) -> list[Visit]:
    """Visit the camera of each enabled stream; a camera of several streams is visited once.

    Args:
        config: the configuration.
    """
    cameras: dict[SourceConfig, list[str]] = {}
    for name, stream in config.streams.items():
        if stream.enabled:
            cameras.setdefault(stream.source, []).append(name)
    turns, hosts = (
        asyncio.Semaphore(AT_ONCE),
        defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(AT_ONCE_A_HOST)),
    )

    async def turn(source: SourceConfig, names: list[str]) -> Visit:
        options = source_options(config.streams[names[0]], lambda address: is_allowed(address, config.sources.allow))
        async with hosts[source.host.lower()], turns:
            return await visit(options, tuple(names), source.host)

    return list(await asyncio.gather(*(turn(*each) for each in cameras.items())))


async def visit(
    options: SourceOptions,
    streams: tuple[str, ...],
    host: str,
    *,
    longest_s: float = LONGEST_S,
    login: tuple[str, str] = LOGIN_BY_KEYS,
) -> Visit:
    """Hold a session, with another transport where the first one does not work, as `probe` does.

    Args:
        options: the options of the camera's source.
        streams: the streams that pull from it.
        host: its host.
        longest_s: seconds of a session at most.
        login: what to do about a refused login that has no user, and about one that has no password.
    """
    password = options.credentials.password if options.credentials is not None else None
    shown = shown_text(password)
    failure = ""
    for transport in ("tcp", "udp") if options.transport == "auto" else (options.transport,):
        observation = Observation()
        try:
            async with asyncio.timeout(longest_s):
                await watch(replace(options, transport=transport, keys=observation.keys), WATCH_S, observation)
        except (Silent, RemoteProtocolError, ResponseError) as error:
            failure = explain(error, options.credentials, login)
            if isinstance(error, SdpSyntaxError) or (isinstance(error, ResponseError) and error.status != UNSUPPORTED):
                break
            continue
        except (TransportError, ProtocolError) as error:
            failure = explain(error, options.credentials, login)
            break
        except TimeoutError:
            failure = f"no answer in {longest_s:g} s"
            break
        if not observation.pictures:
            failure = f"it plays over {transport}, and no picture came in {WATCH_S:g} s"
            continue
        if observation.slices is not None and observation.slices.encrypted:
            failure = f"{ENCRYPTED} ({observation.slices.evidence})"
            break
        video = summary(observation, shown).get("video")
        found: Mapping[str, Any] = video if isinstance(video, dict) else {}
        return Visit(
            streams=streams,
            host=host,
            transport=transport,
            codec=found.get("codec"),
            size=found.get("size"),
            fps=found.get("fps"),
            has_start=bool(observation.random_access),
        )
    return Visit(streams=streams, host=host, problem=shown(failure))
