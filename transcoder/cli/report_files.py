"""A report is made of what is kept beside the gateway, and of what a running gateway counted, and written."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from transcoder.cli.fleet import Fleet, read_fleet, told_without_state
from transcoder.cli.gateway_client import GatewayClient
from transcoder.config import Config
from transcoder.errors import TranscoderError
from transcoder.regular_file import read_regular
from transcoder.report.dataset import Audience, Period, make_report
from transcoder.report.gathering import addresses_of, channels_of, sanitized_by_layer
from transcoder.report.leaks import Kept, read_network
from transcoder.report.sentence import sentences
from transcoder.report.texts import Language, Texts
from transcoder.report.writing import write_report
from transcoder.service.state_folder import is_locked
from transcoder.verify.proof import fingerprint, load_or_make_key, new_key
from transcoder.verify.statement import ProofError

KEY_NAME: Final = "verify.key"
"""The gateway's key, which signs its verdicts, too; each kind of statement begins with a line of its own."""
_MAX_COUNTERS: Final = 1 << 16
"""Bytes of the file of counters, at most: five lines take 500."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """Holds what was asked for.

    Attributes:
        config: the configuration file.
        out: the folder to write to.
        since: the first day; None: that of the first record.
        until: the last day; None: today.
        audience: who may read it.
        language: the language of the page.
        key: the key that signs; None: the gateway's.
        network: the file of counters of the camera network, None for none.
    """

    config: Path
    out: Path
    since: date | None = None
    until: date | None = None
    audience: Audience = "public"
    language: Language = "en"
    key: Path | None = None
    network: Path | None = None


def write(options: ReportOptions, warn: Callable[[str], None]) -> Iterator[str]:
    """Write a report, and yield lines that say what it tells and where it is.

    Args:
        options: what was asked for.
        warn: takes a line about what is missing.

    Raises:
        TranscoderError: something can't be read or written.
    """
    now = time.time()
    fleet = read_fleet(options.config, now)
    period = _period(options, fleet, datetime.fromtimestamp(now, UTC).date())
    if without := told_without_state(fleet):
        warn(without)
    path = _key_path(options, fleet.config)
    try:
        key = load_or_make_key(path) if options.key is not None or path.parent.is_dir() else new_key()
    except ProofError as error:
        raise TranscoderError(str(error)) from None
    kept = Kept(
        channels=channels_of(fleet.records),
        counts=_counts(fleet.config, options.config),
        network=_network(options.network),
        has_state=fleet.has_state,
    )
    report = make_report(fleet.inventory, kept, period, options.audience, addresses_of(fleet.config))
    texts = Texts(options.language)
    paths = write_report(report, texts, key, options.out)
    yield from sentences(report, texts)
    yield from map(str, paths)
    is_kept = path.exists()
    yield f"signed with the key {fingerprint(key.public_key())}" + ("" if is_kept else ", which is kept nowhere")


def _period(options: ReportOptions, fleet: Fleet, today: date) -> Period:
    until = min(options.until or today, today)
    days = [record.at[:10] for record in fleet.records[:1]]
    days += [asset.history[0].at[:10] for asset in fleet.inventory.assets if asset.history]
    since = options.since or date.fromisoformat(min(days, default=until.isoformat()))
    if since > until:
        if options.since is not None:
            raise TranscoderError("--from: the first day is after the last one")
        since = until
    return Period(since=since, until=until)


def _key_path(options: ReportOptions, config: Config) -> Path:
    if options.key is not None:
        return options.key
    if config.state_dir is None:
        raise TranscoderError("state_dir is null in the configuration, so that no key is kept: give --key FILE")
    return config.state_dir / KEY_NAME


def _counts(config: Config, path: Path) -> dict[str, int] | None:
    """Return what the running gateway counted; None where none runs, or where it can't be asked."""
    if config.state_dir is None or config.http is None or not is_locked(config.state_dir):
        return None
    try:
        return sanitized_by_layer(GatewayClient(config, path).metrics())
    except TranscoderError:
        return None


def _network(path: Path | None) -> dict[str, int] | None:
    if path is None:
        return None
    try:
        return read_network(read_regular(path, _MAX_COUNTERS).decode("utf-8", "replace"))
    except ValueError as error:
        raise TranscoderError(f"{path} {error}") from None
    except OSError as error:
        raise TranscoderError(f"{path} can't be read: {error.strerror or error}") from None
