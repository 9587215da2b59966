"""A row that says where a camera is gives its asset a stream, or changes the stream that it has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from transcoder.assets.importing.addresses import Address, read_address
from transcoder.assets.importing.columns import Entry
from transcoder.assets.importing.known import Known, KnownStream, Matching
from transcoder.assets.importing.names import free_id

PORT_NEEDED: Final = "give a column `port`, the port of RTSP"
_LOGIN: Final = ("username", "password")
_GONE: Final = ("successor", "replaced", "retired", "disposed")
"""The keys of an asset that was given up: an old list, which still has it, gives it no stream again."""
_SECRET: Final = "(given)"  # noqa: S105  # it stands for one
"""What a plan shows of a login: that the list has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStream:
    """Says what becomes of a stream.

    Attributes:
        stream: the stream's id.
        keys: the keys to set, with passwords.
        is_new: whether there is no such stream yet.
    """

    stream: str
    keys: Mapping[str, Any] = field(repr=False)
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStreams:
    """Says what becomes of the streams of one asset.

    Attributes:
        streams: the streams that change.
        has_any: whether the asset has a stream afterwards.
        shown: the columns that change, each with the cell before and the cell after.
    """

    streams: tuple[PlannedStream, ...] = ()
    has_any: bool = False
    shown: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class StreamPlanning:
    """Plans the streams of rows, one after another.

    Args:
        known: the configuration.
        matching: the same, by what rows are found by.
    """

    def __init__(self, known: Known, matching: Matching) -> None:
        self._known = known
        self._matching = matching
        self._taken = set(known.streams)
        self._adopted: set[str] = set()

    def plan(self, entry: Entry, asset: str, address: Address | None, url: str) -> PlannedStreams:
        """Plan the streams of a row.

        Args:
            entry: the row.
            asset: the asset's id.
            address: the address that the row gives.
            url: the URL that the first of its streams has, "" where none is known.

        Raises:
            ValueError: the row doesn't fit the streams that there are.
        """
        mine = self._matching.streams_of.get(asset, [])
        known = self._known.assets.get(asset, {})
        if address is None or (not mine and any(known.get(name) for name in _GONE)):
            return PlannedStreams(has_any=bool(mine) or address is not None)
        login = {"username": entry["username"] or address.username, "password": entry["password"] or address.password}
        if mine:
            return self._changed(entry, mine, address, login)
        if not address.is_port_known:
            return PlannedStreams()
        free = self._matching.free_streams(address, url if address.url or entry["channel"] else "")
        if free := [name for name in free if name not in self._adopted]:
            adopted = tuple(PlannedStream(stream=name, keys={"asset": asset}, is_new=False) for name in free)
            return PlannedStreams(streams=adopted, has_any=True, shown={"streams": ("", " ".join(free))})
        return self._added(entry, asset, url, login) if url else PlannedStreams()

    def note(self, planned: PlannedStreams) -> None:
        """Take a row's streams for given, so that no other row gets them."""
        for each in planned.streams:
            self._taken.add(each.stream)
            self._adopted.add(each.stream)

    def _added(self, entry: Entry, asset: str, url: str, login: Mapping[str, str]) -> PlannedStreams:
        names, urls = entry["streams"].split(), entry["url"].split() or [url]
        if names and len(names) != len(urls):
            raise ValueError("streams: there have to be as many as URLs")
        if taken := [name for name in names if name in self._taken]:
            raise ValueError(f"streams: there is a stream {taken[0]} already, with another URL")
        found: list[PlannedStream] = []
        ids = set(self._taken) if len(urls) > 1 else self._taken  # no copy for each of thousands of rows
        for number, each in enumerate(urls):
            name = names[number] if names else free_id(asset, ids)
            source = {"url": _without_login(each)} | {key: value for key, value in login.items() if value}
            keys = {"source": source, "asset": asset} | ({"title": entry["title"]} if entry["title"] else {})
            found.append(PlannedStream(stream=name, keys=keys, is_new=True))
            if len(urls) > 1:
                ids.add(name)
        told = " ".join(new.stream for new in found)
        return PlannedStreams(streams=tuple(found), has_any=True, shown={"streams": ("", told)})

    def _changed(self, entry: Entry, mine: list[str], address: Address, login: Mapping[str, str]) -> PlannedStreams:
        """Plan what changes of streams that an asset has: the camera's address, and the login."""
        found: list[PlannedStream] = []
        shown: dict[str, tuple[str, str]] = {}
        urls = list(map(_without_login, entry["url"].split()))
        if len(urls) > 1 and sorted(urls) != sorted(self._known.streams[name].url for name in mine):
            raise ValueError("url: the asset has several streams, and the list has other URLs: change them one by one")
        for name in mine:
            stream = self._known.streams[name]
            url = stream.url if len(urls) > 1 else _at_address(stream, address)
            if url != stream.url and len(mine) > 1:
                raise ValueError(f"the asset has {len(mine)} streams, and another address: change them one by one")
            old = {"username": stream.username, "password": stream.password}
            source = {"url": url} if url != stream.url else {}
            source |= {key: login[key] for key in _LOGIN if login[key] and login[key] != old[key]}
            if source:
                found.append(PlannedStream(stream=name, keys={"source": source}, is_new=False))
                shown |= {key: (stream.url, url) if key == "url" else ("", _SECRET) for key in source}
        return PlannedStreams(streams=tuple(found), has_any=True, shown=shown)


def _without_login(url: str) -> str:
    found = read_address(url, "", "")
    return found.url if found else ""


def _at_address(stream: KnownStream, address: Address) -> str:
    """Return the URL of a stream once its camera is at an address: the path stays, unless the row has another."""
    if address.url:
        return address.url
    now = read_address(stream.url, "", "")
    if now is None or (now.host.lower(), now.port) == (address.host.lower(), address.port):
        return stream.url
    if not address.is_port_known:
        if now.host.lower() != address.host.lower():
            raise ValueError(f"address: several cameras have this host: {PORT_NEEDED}")
        return stream.url
    scheme, _, rest = stream.url.partition("://")
    path = next((index for index, letter in enumerate(rest) if letter in "/?#"), len(rest))
    return f"{scheme}://{address.text}{rest[path:]}"
