"""A plan says what an import would add and change, row by row, before anything is written."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from transcoder.assets.importing.addresses import Address, read_address, shared_hosts, stream_url
from transcoder.assets.importing.cells import cells_of, keys_of
from transcoder.assets.importing.columns import EXTRA, Entry
from transcoder.assets.importing.known import ADDRESS, AmbiguousError, Known, Matching
from transcoder.assets.importing.names import free_id, id_of
from transcoder.assets.importing.streams import PlannedStream, StreamPlanning
from transcoder.assets.importing.succession import refused_successors
from transcoder.assets.importing.table import Refused

Kind = Literal["added", "changed", "unchanged"]


class InvalidError(Exception):
    """The keys of a row are not valid; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognized:
    """Says what a text of a list is taken for.

    Attributes:
        brand: the brand, as the list writes it.
        maker: the maker, "" where the brand is known and has several.
    """

    brand: str
    maker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Holds what a plan asks others.

    Attributes:
        recognize: takes a brand, or the name of a driver; None where it knows neither.
        check_asset: takes an asset's id and its keys, and returns the keys as the product writes them.
        check_stream: takes a stream's id and its keys. Both raise InvalidError.
    """

    recognize: Callable[[str], Recognized | None]
    check_asset: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
    check_stream: Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAsset:
    """Says what becomes of a row.

    Attributes:
        line: the line on which the row begins.
        asset: the asset's id.
        kind: what happens to the asset and its streams.
        keys: all keys that the asset has afterwards.
        changes: the columns that change, each with the cell before and the cell after; passwords are not shown.
        streams: what becomes of its streams.
        is_maker_known: whether anything tells the maker.
        is_port_known: whether anything tells the port of RTSP; it has no stream otherwise.
    """

    line: int
    asset: str
    kind: Kind
    keys: Mapping[str, Any] = field(repr=False)
    changes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    streams: tuple[PlannedStream, ...] = ()
    is_maker_known: bool = True
    is_port_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Holds what an import would do.

    Attributes:
        rows: the rows that can be imported.
        refused: the rows that can't, in the order of their lines.
        duplicates: the lines that are refused because another row or asset has their address, each with whose it is.
    """

    rows: tuple[PlannedAsset, ...]
    refused: tuple[Refused, ...] = ()
    duplicates: Mapping[int, str] = field(default_factory=dict)

    def of(self, kind: Kind) -> tuple[PlannedAsset, ...]:
        """Return the rows of a kind."""
        return tuple(row for row in self.rows if row.kind == kind)


def make_plan(entries: Iterable[Entry], known: Known, rules: Rules) -> Plan:
    """Compare rows with the configuration.

    Args:
        entries: the rows.
        known: the configuration.
        rules: what is asked of others.
    """
    entries = list(entries)
    planning = _Planning(known, rules, shared_hosts(_addresses(entries, known)))
    for each in entries:
        try:
            planning.rows.append(planning.row(each))
        except (ValueError, AmbiguousError, InvalidError) as error:
            planning.refused.append(Refused(line=each.line, reason=str(error)))
        except _DuplicateError as error:
            planning.duplicates[each.line] = str(error)
            planning.refused.append(Refused(line=each.line, reason=f"its address is that of {error}"))
    links = refused_successors({row.asset: (row.line, row.keys) for row in planning.rows}, known.assets)
    lines = {each.line for each in links}
    return Plan(
        rows=tuple(row for row in planning.rows if row.line not in lines),
        refused=(*planning.refused, *links),
        duplicates=planning.duplicates,
    )


def _addresses(entries: Iterable[Entry], known: Known) -> Iterator[Address]:
    """Yield the addresses of a list, and those of assets without streams; one that can't be read is told later."""
    for keys in known.assets.values():
        if kept := (keys.get("extra") or {}).get(ADDRESS):
            with suppress(ValueError):
                yield from filter(None, (read_address("", str(kept), ""),))
    for entry in entries:
        with suppress(ValueError):
            yield from filter(None, (_address_of(entry),))


def _address_of(entry: Entry) -> Address | None:
    return read_address(entry["url"].split(" ")[0], entry["address"], entry["port"])


class _DuplicateError(Exception):
    """An address is that of something else; the message says whose."""


class _Planning:
    def __init__(self, known: Known, rules: Rules, shared: frozenset[str]) -> None:
        self.rows: list[PlannedAsset] = []
        self.refused: list[Refused] = []
        self.duplicates: dict[int, str] = {}
        self._known = known
        self._rules = rules
        self._shared = shared
        self._matching = Matching(known)
        self._assets = {*known.assets, *known.gone}
        self._streams = StreamPlanning(known, self._matching)
        self._seen_assets: dict[str, int] = {}
        self._seen_places: dict[str, int] = {}
        self._seen_names: dict[str, int] = {}

    def row(self, entry: Entry) -> PlannedAsset:
        """Plan one row; a row that is refused leaves no trace."""
        address = _address_of(entry)
        if address is not None and address.pages and address.host.lower() in self._shared:
            address = replace(address, is_port_known=False)
        is_port_known = address is None or address.is_port_known
        recognized = self._rules.recognize(entry["brand"] or entry["driver"])
        maker = entry["maker"] or (recognized.maker if recognized else "")
        url = stream_url(address, maker, entry["channel"]) if address else ""
        asset = self._matching.asset_of(entry, address, url)
        self._check_place(asset, address, url, entry)
        is_new = asset is None
        if asset is None:
            asset = self._new_asset(entry, address)
        elif asset in self._seen_assets:
            raise AmbiguousError(f"line {self._seen_assets[asset]} is about {asset} already")
        before = self._known.assets.get(asset, {})
        planned = self._streams.plan(entry, asset, address, url)
        keys = self._keys(entry, before, recognized)
        if planned.has_any or address is not None:
            _keep_address(keys, None if planned.has_any and is_port_known else address)
        after = self._rules.check_asset(asset, keys)
        changes = {**_changes(cells_of(before), cells_of(after)), **planned.shown}
        for each in planned.streams:
            if "source" in each.keys:
                self._rules.check_stream(each.stream, each.keys)
        self._note(entry, asset, address, url)
        self._streams.note(planned)
        kind: Kind = "added" if is_new else "changed" if changes or planned.streams else "unchanged"
        of_brand = self._rules.recognize(str(after.get("brand") or ""))
        known_maker = bool(maker or after.get("maker") or (of_brand and of_brand.maker))
        return PlannedAsset(
            line=entry.line, asset=asset, kind=kind, keys=after, changes=changes, streams=planned.streams,
            is_maker_known=known_maker, is_port_known=is_port_known or planned.has_any,
        )  # fmt: skip

    def _new_asset(self, entry: Entry, address: Address | None) -> str:
        if entry["id"]:
            if entry["id"] in self._known.gone:
                raise AmbiguousError(f"the id {entry['id']} was another asset's, and is never given again")
            return entry["id"]
        if not entry["title"] and address is None:
            raise ValueError("it has neither an id nor a name nor an address")
        has_more = address is not None or entry["mac"] or entry["serial"]
        if not has_more and entry["title"] in self._seen_names:
            raise AmbiguousError(f"line {self._seen_names[entry['title']]} has its name, and nothing tells them apart")
        return free_id(id_of(entry["title"] or (address.host if address else "")), self._assets)

    def _check_place(self, asset: str | None, address: Address | None, url: str, entry: Entry) -> None:
        if address is None:
            return
        place = _place(address, url, entry)
        if place in self._seen_places:
            raise _DuplicateError(f"line {self._seen_places[place]}")
        others = self._matching.owner_of(url) - {asset} if url else set()
        if others:
            raise _DuplicateError(f"the asset {', '.join(sorted(others))}")

    def _note(self, entry: Entry, asset: str, address: Address | None, url: str) -> None:
        self._assets.add(asset)
        self._seen_assets[asset] = entry.line
        self._seen_names.setdefault(entry["title"], entry.line)
        if address is not None:
            self._seen_places[_place(address, url, entry)] = entry.line

    def _keys(self, entry: Entry, before: Mapping[str, Any], recognized: Recognized | None) -> dict[str, Any]:
        cells = {name: cell for name, cell in entry.cells.items() if name != "id"}
        cells |= {EXTRA + name: cell for name, cell in entry.extra.items()}
        if recognized is not None and not entry["brand"]:
            cells["brand"] = recognized.brand
        given = keys_of(cells)
        for name in ("extra", "exempt"):
            if name in given:
                given[name] = {**(before.get(name) or {}), **given[name]}
        return {**{name: value for name, value in before.items() if value is not None}, **given}


def _keep_address(keys: dict[str, Any], address: Address | None) -> None:
    """Keep the address of an asset that has no stream, by which another list finds it; a stream has it in its URL."""
    extra = {name: value for name, value in (keys.get("extra") or {}).items() if name != ADDRESS}
    if address is not None:
        extra[ADDRESS] = address.kept
    keys["extra"] = extra


def _place(address: Address, url: str, entry: Entry) -> str:
    return url or f"{address.kept} {entry['channel']}"


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    names = [*after, *(name for name in before if name not in after)]
    pairs = {name: (before.get(name, ""), after.get(name, "")) for name in names}
    return {name: (old, new) for name, (old, new) in pairs.items() if old.strip() != new.strip()}
