"""MQTT and HTTP call these verbs of assets, and the controller carries them out."""

from collections.abc import Mapping
from typing import Protocol

from transcoder.assets.state import State
from transcoder.control.asset_documents import AssetDocument, AssetImportDocument
from transcoder.control.writer import Writer


class AssetControl(Protocol):
    """A gateway carries out these verbs on assets, as `Control` does on streams.

    `confidential` says whether an answer may hold what helps an attacker.
    """

    def ids(self) -> list[str]:
        """Return the assets' ids, in order."""

    def asset(self, asset: str, *, confidential: bool) -> AssetDocument:
        """Return one asset."""

    def states(self) -> Mapping[str, tuple[State, tuple[str, ...]]]:
        """Return the state of each asset and the streams that it feeds, by its id."""

    def state_of(self, stream: str) -> tuple[str, State] | None:
        """Return the asset that feeds a stream, with its state; None where the stream names none."""

    def counts(self) -> Mapping[tuple[State, str], int]:
        """Return how many assets there are, by state and maker."""

    async def add(self, asset: str, keys: object, by: Writer, *, confidential: bool) -> AssetDocument:
        """Add a new asset."""

    async def update(
        self, asset: str, keys: object, by: Writer, if_match: str | None = None, *, confidential: bool
    ) -> AssetDocument:
        """Change the given keys of an asset, all of them or none."""

    async def replace(
        self, asset: str, keys: object, by: Writer, if_match: str | None = None, *, confidential: bool
    ) -> AssetDocument:
        """Give an asset these keys and no others."""

    async def remove(self, asset: str, by: Writer, if_match: str | None = None) -> None:
        """Take an asset out of the inventory; its history stays."""

    async def note_device(self, asset: str, document: object, by: Writer, *, confidential: bool) -> AssetDocument:
        """Note what an asset told of itself over ONVIF: as findings, which stand below the operator's word."""

    async def change_many(self, document: object, by: Writer) -> AssetImportDocument:
        """Add and change many assets and streams, all of them or none."""
