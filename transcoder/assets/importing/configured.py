"""What a list is compared with, and what its rows are checked by, comes from the configuration."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from transcoder.assets.importing.known import Known, KnownStream
from transcoder.assets.importing.plan import InvalidError, Rules
from transcoder.assets.importing.recognition import recognize
from transcoder.config import Config, validate_stream
from transcoder.config.asset import AssetConfig
from transcoder.config.listeners import tcp_listeners
from transcoder.config.patterns import STREAM_ID_PATTERN, WORDS
from transcoder.config.problems import describe
from transcoder.config.source import SourceConfig
from transcoder.errors import ConfigError

_MAX_PROBLEMS: Final = 3
"""Problems of one row that are told, at most: they stand in one line."""


def known_of(config: Config, gone: Iterable[str] = ()) -> Known:
    """Return what a list is compared with.

    Args:
        config: the configuration in force.
        gone: the ids of assets that were removed.
    """
    return Known(
        assets={name: asset.model_dump(mode="json") for name, asset in config.assets.items()},
        streams={name: _stream(stream.source, stream.asset or "") for name, stream in config.streams.items()},
        gone=frozenset(gone),
    )


def _stream(source: SourceConfig, asset: str) -> KnownStream:
    return KnownStream(
        url=source.url,
        username=source.username.get_secret_value() if source.username else "",
        password=source.password.get_secret_value() if source.password else "",
        asset=asset,
    )


def rules_of(config: Config) -> Rules:
    """Return what the rows of a list are checked by.

    Args:
        config: the configuration in force.
    """
    listeners = [endpoint for _, endpoint in tcp_listeners(config)]

    def check_stream(stream: str, keys: Mapping[str, Any]) -> None:
        _check_id(stream)
        if "url" not in keys["source"]:  # a login alone
            return
        try:
            validate_stream(stream, {"source": dict(keys["source"])}, {}, config.sources.allow, listeners)
        except ConfigError as error:
            beginning = f"streams.{stream}."
            told = [problem.removeprefix(beginning) for problem in error.problems[:_MAX_PROBLEMS]]
            raise InvalidError("; ".join(told)) from None

    return Rules(recognize=recognize, check_asset=check_asset, check_stream=check_stream)


def check_asset(asset: str, keys: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the keys of an asset as the product writes them.

    Raises:
        InvalidError: the id or a key is not valid.
    """
    _check_id(asset)
    data = dict(keys)
    try:
        return AssetConfig.model_validate(data).model_dump(mode="json")
    except ValidationError as error:
        raise InvalidError("; ".join(describe(error, AssetConfig, data, limit=_MAX_PROBLEMS))) from None


def _check_id(name: str) -> None:
    if not re.fullmatch(STREAM_ID_PATTERN, name):
        raise InvalidError(f"id: must be {WORDS[STREAM_ID_PATTERN]}")
