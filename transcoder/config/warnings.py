"""A configuration can be valid and still be a mistake; these lines name what an operator will want to look at."""

from collections.abc import Iterator
from pathlib import Path

from transcoder.config.load import ConfigFile
from transcoder.config.model import Config
from transcoder.config.permissions import loose_permissions
from transcoder.logs import redact
from transcoder.text import counted


def warnings(path: Path, file: ConfigFile) -> list[str]:
    """Return a line for everything in a valid configuration that is likely to be a mistake.

    Args:
        path: the path of the configuration file.
        file: the file as it was read.
    """
    return [*loose_permissions(path, file), *shared_cameras(file.config), *short_verdicts(file.config)]


def short_verdicts(config: Config) -> Iterator[str]:
    """Yield a line where verdicts grow old before the next ones come, so that no asset stays clean by itself."""
    verify, streams = config.verify, [stream for stream in config.streams.values() if stream.enabled]
    if verify.every_h is None or not any(stream.asset for stream in streams):
        return
    round_h = len(streams) * verify.seconds / 3600  # one stream is verified at a time
    key, hours = ("every_h", verify.every_h) if verify.every_h >= round_h else ("seconds", round_h)
    if hours > verify.clean_days * 24:
        yield (
            f"verify.{key}: each stream is verified once in {hours:g} h, and a clean verdict counts for "
            f"{verify.clean_days:g} days (verify.clean_days): assets become legacy between two verifications"
        )


def shared_cameras(config: Config) -> Iterator[str]:
    """Yield a line for each URL that several enabled streams pull; it starts with the key of the second one."""
    streams: dict[tuple[object, ...], list[str]] = {}
    for name, stream in config.streams.items():
        if stream.enabled:
            source = stream.source
            key = (source.is_secure, source.host.lower(), source.port, source.url.partition("://")[2].partition("/")[2])
            streams.setdefault(key, []).append(name)
    for names in streams.values():
        if len(names) > 1:
            first, second, *more = names
            also = f" and {counted(len(more), 'other')}" if more else ""
            host = redact(config.streams[first].source.host)
            yield (
                f"streams.{second}.source: pulls the same URL of {host} as streams.{first}{also}: the camera is logged "
                "in to once for each; one stream serves any number of readers"
            )
