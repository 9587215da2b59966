"""The inventory is the one answer to how many assets there are and how far each is; every report is made from it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property

from transcoder.assets.findings import UNKNOWN, Finding, Told, tell
from transcoder.assets.history import StateChange
from transcoder.assets.makers import brand_findings, prefix_findings
from transcoder.assets.scope import is_scope_known, label_names
from transcoder.assets.state import Derived, Facts, State, StreamFacts, derive
from transcoder.assets.tables import mac_address, maker_named
from transcoder.config import Config
from transcoder.config.asset import AssetConfig
from transcoder.config.asset_links import successors

LabelsFor = Callable[[str, str, date], Iterable[str]]
"""A function that returns the names of the rules for a maker and a country on a day; "" stands for an unknown one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Says when a stream was found clean and unclean last, in UTC seconds; None where it never was.

    Attributes:
        clean_at: the time of the latest clean verdict.
        unclean_at: the time of the latest unclean verdict.
    """

    clean_at: float | None = None
    unclean_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Holds something that happened to a stream and that a report tells of.

    Attributes:
        at: the time, UTC, RFC 3339.
        stream: the stream's id, "" for none.
        asset: the asset that fed the stream, "" for none.
        kind: what happened, in one word.
        detail: the same in a line, without addresses.
    """

    at: str
    stream: str = ""
    asset: str = ""
    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetView:
    """Holds everything that is known of one asset.

    Attributes:
        id: the asset's id.
        config: what the operator says.
        streams: the ids of the streams that it feeds.
        findings: what the gateway found out by itself.
        maker, brand, model, firmware: who says what, and who says otherwise.
        scope: the names of the rules that the asset falls under.
        state: how far its phase-out is.
        because: the facts that the state follows from.
        since: the time at which the state began, UTC, RFC 3339; "" where that is not kept.
        clean_at: for `cleaned`, the time of the verdict, UTC, RFC 3339; "" for other states.
        history: the changes of its state, the oldest first.
    """

    id: str
    config: AssetConfig
    streams: tuple[str, ...]
    findings: tuple[Finding, ...]
    maker: Told
    brand: Told
    model: Told
    firmware: Told
    scope: tuple[str, ...]
    state: State
    because: str
    since: str = ""
    clean_at: str = ""
    history: tuple[StateChange, ...] = ()

    @property
    def maker_name(self) -> str:
        """Return the maker's name, UNKNOWN where nobody knows it; of the names of one maker always the same."""
        known = maker_named(self.maker.value)
        return known.name if known is not None else self.maker.value or UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFacts:
    """Holds what the gateway kept about assets beside the configuration.

    Attributes:
        findings: what was found out, by asset.
        history: the changes of states, the oldest first, by asset.
        verdicts: when each stream was found clean and unclean, by stream.
    """

    findings: Mapping[str, Sequence[Finding]] = field(default_factory=dict)
    history: Mapping[str, Sequence[StateChange]] = field(default_factory=dict)
    verdicts: Mapping[str, Judged] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """Holds all assets at one time.

    Attributes:
        assets: every asset that is configured, by id in the order of the ids.
        node: the gateway's name.
        at: the time of the data, UTC, RFC 3339.
        audit_head: the hash of the newest record of the audit log, "" where there is none.
        version: the product's version.
        ledger: what was not let through, counted by kind.
        incidents: what happened to the streams.
    """

    assets: tuple[AssetView, ...]
    node: str = ""
    at: str = ""
    audit_head: str = ""
    version: str = ""
    ledger: Mapping[str, int] = field(default_factory=dict)
    incidents: tuple[Incident, ...] = ()

    @cached_property
    def by_id(self) -> Mapping[str, AssetView]:
        """Return the assets by id."""
        return {asset.id: asset for asset in self.assets}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Holds what is known of an asset before its state is derived."""

    config: AssetConfig
    streams: tuple[StreamFacts, ...]
    findings: tuple[Finding, ...]
    maker: Told
    scope: tuple[str, ...]
    is_disputed: bool = False
    """Whether a finding names a maker that rules cover, and nobody but other findings says that it is another one."""


def build_inventory(
    config: Config,
    kept: KeptFacts,
    now: float,
    *,
    labels_for: LabelsFor = label_names,
    audit_head: str = "",
    version: str = "",
    ledger: Mapping[str, int] | None = None,
    incidents: Iterable[Incident] = (),
) -> Inventory:
    """Return the inventory.

    Args:
        config: the configuration in force.
        kept: what the gateway kept about assets.
        now: the time that states are derived for, UTC seconds.
        labels_for: tells the rules that a maker falls under.
        audit_head: the hash of the newest record of the audit log.
        version: the product's version.
        ledger: what was not let through, counted by kind.
        incidents: what happened to the streams.
    """
    today = datetime.fromtimestamp(now, UTC).date()
    known = _known(config, kept, today, labels_for)
    predecessors: dict[str, list[str]] = {}
    for name in config.assets:
        for later in successors(name, config.assets):
            predecessors.setdefault(later, []).append(name)
    views = []
    for name in sorted(known):
        facts = _facts(name, known, config.assets, predecessors)
        derived = derive(facts, now, today, config.verify.clean_days)
        views.append(_view(name, known[name], derived, tuple(kept.history.get(name, ()))))
    return Inventory(
        assets=tuple(views),
        node=config.node,
        at=_text(now),
        audit_head=audit_head,
        version=version,
        ledger=ledger or {},
        incidents=tuple(incidents),
    )


def _known(config: Config, kept: KeptFacts, today: date, labels_for: LabelsFor) -> dict[str, _Known]:
    feeds: dict[str, list[StreamFacts]] = {}
    for name, stream in config.streams.items():
        if stream.asset is not None:
            judged = kept.verdicts.get(name, Judged())
            is_recoded = getattr(stream.video, "mode", "recode") == "recode"
            facts = StreamFacts(
                name=name,
                is_served=stream.enabled,
                is_recoded=is_recoded,
                clean_at=judged.clean_at,
                unclean_at=judged.unclean_at,
            )
            feeds.setdefault(stream.asset, []).append(facts)
    known = {}
    labels: dict[tuple[str, str], tuple[str, ...]] = {}
    for name, asset in config.assets.items():
        findings = _with_prefixes(asset, kept.findings.get(name, ()))
        brand = tell(asset.brand, findings, "brand")
        # the table of brands is looked up anew each time: it changes with the program
        findings += brand_findings(brand.value, "", is_told=brand.by == "operator")
        maker = tell(asset.maker, findings, "maker")
        by = (maker.value, asset.country or "")
        others = [] if maker.by == "operator" else [(found.value, "") for found in maker.contradicted_by]
        for each in (by, *others):
            if each not in labels:  # thousands of assets are of a dozen makers
                labels[each] = tuple(dict.fromkeys(labels_for(*each, today)))
        known[name] = _Known(
            config=asset,
            streams=tuple(feeds.get(name, ())),
            findings=findings,
            maker=maker,
            scope=labels[by] if asset.scope is None else asset.scope,
            is_disputed=any(labels[each] for each in others),
        )
    return known


def _with_prefixes(asset: AssetConfig, found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings with those that follow from each MAC address that anybody told.

    Of one finder the newest finding about a maker is kept: a camera that tells the address of another maker would
    otherwise stand in the place of what the neighbour table or the operator has.
    """
    findings = list(found)
    said = {(each.field, each.by, each.value) for each in found}
    told = [("", asset.mac)] if asset.mac is not None else []
    told += [(each.seen, each.value) for each in found if each.field == "mac"]
    for seen, mac in told:
        for each in prefix_findings(mac_address(mac), seen):
            if (each.field, each.by, each.value) not in said:
                said.add((each.field, each.by, each.value))
                findings.append(each)
    return tuple(findings)


def _facts(
    name: str,
    known: Mapping[str, _Known],
    assets: Mapping[str, AssetConfig],
    predecessors: Mapping[str, Sequence[str]],
) -> Facts:
    own = known[name]
    later = [each for each in successors(name, assets) if each in known]
    # whoever of those that followed feeds a stream now: a successor may have been replaced in its turn
    heir = next((each for each in later if known[each].streams), later[0] if later else "")
    other = known.get(heir)
    return Facts(
        config=own.config,
        streams=own.streams,
        maker=_out(own),
        scope=own.scope,
        took_over_from=tuple(predecessors.get(name, ())),
        successor=heir,
        successor_maker=_out(other) if other is not None else "",
        successor_scope=other.scope if other is not None else (),
        successor_feeds=other is not None and any(stream.is_served for stream in other.streams),
    )


def _out(known: _Known) -> str:
    """Return a name for the maker of an asset, "" where it can't be said whether the maker is in scope.

    One whose scope the operator set needs no maker that is known; of others the maker's country has to be known, and
    no finding may name a maker in scope: what a camera tells of itself frees it from no rule.
    """
    if known.config.scope is not None:
        return known.maker.value or "its maker"
    if known.is_disputed:
        return ""
    return known.maker.value if is_scope_known(known.maker.value, known.config.country or "") else ""


def _view(name: str, known: _Known, derived: Derived, history: tuple[StateChange, ...]) -> AssetView:
    config, findings = known.config, known.findings
    since = history[-1].at if history and history[-1].state == derived.state else ""
    return AssetView(
        id=name,
        config=config,
        streams=tuple(stream.name for stream in known.streams),
        findings=findings,
        maker=known.maker,
        brand=tell(config.brand, findings, "brand"),
        model=tell(config.model, findings, "model"),
        firmware=tell(config.firmware, findings, "firmware"),
        scope=known.scope,
        state=derived.state,
        because=derived.because,
        since=since,
        clean_at=_text(derived.clean_at) if derived.clean_at is not None else "",
        history=history,
    )


def _text(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
