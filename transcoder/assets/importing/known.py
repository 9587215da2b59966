"""A row is about an asset that is known by its MAC address, its serial number, its address or its name."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from transcoder.assets.importing.addresses import Address, read_address
from transcoder.assets.importing.columns import Entry

ADDRESS: Final = "address"
"""The name among `extra` under which an asset without a stream keeps its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownStream:
    """Holds what is known of a stream.

    Attributes:
        url: the URL of the source, without credentials.
        username, password: the login of the source, "" for none.
        asset: the asset's id, "" for none.
    """

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    asset: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Holds the configuration that rows are compared with.

    Attributes:
        assets: the keys of each asset as plain data.
        streams: the streams.
        gone: the ids of assets that were removed, which are given to no other.
    """

    assets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    streams: Mapping[str, KnownStream] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()


class AmbiguousError(Exception):
    """A row may be about several assets, or its cells speak of different ones; the message says which."""


class Matching:
    """Finds the asset that a row is about.

    Args:
        known: the configuration.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._by_clue: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._free: dict[str, list[str]] = defaultdict(list)
        self.streams_of: dict[str, list[str]] = defaultdict(list)
        """The streams of each asset, in the order of the configuration."""
        for asset, keys in known.assets.items():
            for clue in (*_identity(keys), ("title", str(keys.get("title") or ""))):
                self._by_clue[clue].add(asset)
            if kept := (keys.get("extra") or {}).get(ADDRESS):
                self._by_clue["kept", kept].add(asset)
        for name, stream in known.streams.items():
            clues = _places(read_address(stream.url, "", ""), stream.url)
            if stream.asset:
                self.streams_of[stream.asset].append(name)
                for clue in clues:
                    self._by_clue[clue].add(stream.asset)
            else:
                for _, place in clues:
                    self._free[place].append(name)

    def asset_of(self, entry: Entry, address: Address | None, url: str) -> str | None:
        """Return the id of the asset that a row is about, None for a new one.

        Args:
            entry: the row.
            address: the address that the row gives.
            url: the URL that its stream would have, "" where none is known.

        Raises:
            AmbiguousError: the row doesn't say it.
        """
        if entry["id"]:
            return entry["id"] if entry["id"] in self._known.assets else None
        is_exact = bool(url and address and (address.url or entry["channel"]))
        places = _places(address, url)[: 1 if is_exact else None] if address and address.is_port_known else []
        for clues in (_identity(entry.cells), places, _kept(address)):
            found = set().union(*(self._by_clue.get(clue, set()) for clue in clues))
            if len(found) > 1:
                raise AmbiguousError(f"it may be about {_names(found)}: a column `id` has to say which")
            if found:
                return found.pop()
        return self._by_title(entry, address)

    def owner_of(self, url: str) -> set[str]:
        """Return the assets that have a stream with a URL."""
        return self._by_clue.get(("url", url), set())

    def free_streams(self, address: Address, url: str) -> list[str]:
        """Return the streams without an asset that a camera feeds: those with a URL, or all of its host for ""."""
        return self._free.get(_places(address, url)[0][1], [])

    def _by_title(self, entry: Entry, address: Address | None) -> str | None:
        """Return the asset that has the row's name, and neither another address nor another number."""
        named = self._by_clue.get(("title", entry["title"]), set()) if entry["title"] else set()
        found = {asset for asset in named if not (address and self._is_placed(asset))}
        if address and not address.is_port_known:  # before others shared its host, its port was taken for the usual one
            found |= named & set().union(*(self._by_clue.get(clue, set()) for clue in _places(address, "")))
        if _identity(entry.cells):
            found = {asset for asset in found if not _identity(self._known.assets[asset])}
        if len(found) > 1:
            raise AmbiguousError(f"{_names(found)} have its name: a column `id` has to say which it is about")
        return next(iter(found), None)

    def _is_placed(self, asset: str) -> bool:
        return bool(self.streams_of.get(asset)) or ADDRESS in (self._known.assets[asset].get("extra") or {})


def _identity(keys: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [(name, str(keys.get(name) or "").lower()) for name in ("mac", "serial")]
    return [(name, re.sub("[:.-]", "", value) if name == "mac" else value) for name, value in found if value]


def _places(address: Address | None, url: str) -> list[tuple[str, str]]:
    """Return what a camera is found by: its URL first, where it is known, then the host with the port."""
    if address is None:
        return []
    place = ("place", f"{address.host.lower()}:{address.port}")
    return [("url", url), place] if url else [place]


def _kept(address: Address | None) -> list[tuple[str, str]]:
    if address is None:
        return []
    if not address.is_port_known:
        return [("kept", address.kept)]
    return [("kept", text) for text in dict.fromkeys((address.kept, address.text))]


def _names(assets: Iterable[str]) -> str:
    return ", ".join(sorted(assets))
