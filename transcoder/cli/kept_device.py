"""What a device told over ONVIF is handed to the running gateway, which keeps it as findings of an asset."""

from collections.abc import Callable, Mapping
from pathlib import Path

from transcoder.assets.findings import MAX_VALUE
from transcoder.cli.gateway_client import GatewayClient
from transcoder.cli.token_file import read_token
from transcoder.config import Config


def keeper(asset: str, token_file: Path | None) -> Callable[[Path, Config, Mapping[str, str]], None]:
    """Return a function that hands what a device told to the gateway of a configuration.

    Args:
        asset: the id of the asset.
        token_file: the file of a token; None: one of the configuration's.
    """

    def keep(path: Path, config: Config, told: Mapping[str, str]) -> None:
        client = GatewayClient(config, path, changes=True, token=read_token(token_file))
        client.note_device(asset, {name: value[:MAX_VALUE] for name, value in told.items()})

    return keep
