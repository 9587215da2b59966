"""One set of documents tells of assets over HTTP and MQTT.

What helps an attacker stands in them only where the asker may change the configuration, and never over MQTT.
"""

from datetime import date
from typing import Any, Final, Literal

from transcoder.assets.findings import Finding, Told
from transcoder.assets.inventory import AssetView
from transcoder.assets.makers import brand_questions
from transcoder.assets.scope import labels_for, with_operator
from transcoder.assets.state import State
from transcoder.config.kept_changes import Origin
from transcoder.control.document_parts import Time
from transcoder.control.documents import Document

CONFIDENTIAL_FIELDS: Final = frozenset({"mac", "serial", "firmware", "location", "name"})
"""The findings that help an attacker: people set a camera's name to its place, and makers to its MAC address."""


class FindingDocument(Document):
    """Tells of one thing that the gateway found out about an asset by itself."""

    field: Literal["maker", "brand", "model", "firmware", "mac", "serial", "location", "name", "family"]
    value: str
    by: Literal["stream", "registry", "onvif"]
    """`stream`: marks in what the camera sends; `registry`: a registered prefix or a table of brands; `onvif`: what the
    camera answers."""
    evidence: tuple[str, ...] = ()
    seen: str = ""


class ToldDocument(Document):
    """Says what a property of an asset is, and who says so."""

    value: str | None = None
    by: Literal["operator", "onvif", "registry", "stream"] | None = None
    evidence: tuple[str, ...] = ()
    contradicted_by: tuple[FindingDocument, ...] = ()
    """The findings that say otherwise; the operator's word stands all the same."""


class StateChangeDocument(Document):
    """Tells of a change of an asset's state."""

    state: State
    at: Time
    because: str


class ScopeRuleDocument(Document):
    """Describes a rule that an asset falls under, and why it does."""

    label: str
    since: str | None = None
    """The day from which the rule holds; null for a label that has no rule here."""
    rule: str
    """The rule in words; of a label that the operator gave, the reason."""
    because: str


class AssetDocument(Document):
    """Describes an asset: what the operator says, what the gateway found out, and what follows."""

    id: str
    origin: Literal["file", "runtime", "changed"]
    config: dict[str, Any]
    """The asset's keys as in the configuration file; whoever may only read sees none that help an attacker."""
    etag: str
    """A tag that changes whenever the configuration of the asset does."""
    streams: tuple[str, ...] = ()
    """The streams that the asset feeds."""
    state: State
    because: str
    """The facts that the state follows from."""
    since: Time | None = None
    clean_at: Time | None = None
    """For `cleaned`: the time of the oldest verdict that the state stands on."""
    scope: tuple[str, ...] = ()
    """The rules that the asset falls under, by their labels."""
    rules: tuple[ScopeRuleDocument, ...] = ()
    """The same rules in words, each with its day and with why it holds for this asset."""
    maker: ToldDocument
    brand: ToldDocument
    model: ToldDocument
    findings: tuple[FindingDocument, ...] = ()
    questions: tuple[str, ...] = ()
    """Who may have made an asset of this brand, where nobody knows the maker: for the operator to say."""
    history: tuple[StateChangeDocument, ...] = ()
    """The states that the asset had, the oldest first."""


class AssetsDocument(Document):
    """Lists all assets."""

    assets: tuple[AssetDocument, ...]


class AssetImportDocument(Document):
    """Says what a change of many assets and streams changed."""

    assets_added: tuple[str, ...] = ()
    assets_changed: tuple[str, ...] = ()
    streams_added: tuple[str, ...] = ()
    streams_changed: tuple[str, ...] = ()
    unchanged: int = 0
    """How many of those that were named are as they were."""


def asset_document(
    view: AssetView, config: dict[str, Any], origin: Origin, etag: str, today: date, *, confidential: bool
) -> AssetDocument:
    """Make the document of an asset.

    Args:
        view: everything that is known of the asset.
        config: its keys, as far as they may be shown.
        origin: where its configuration comes from.
        etag: the tag of its configuration.
        today: the day, on which rules hold or not.
        confidential: whether findings that help an attacker may be shown.
    """
    findings = [found for found in view.findings if confidential or found.field not in CONFIDENTIAL_FIELDS]
    return AssetDocument(
        id=view.id,
        origin=origin,
        config=config,
        etag=etag,
        streams=view.streams,
        state=view.state,
        because=view.because,
        since=view.since or None,
        clean_at=view.clean_at or None,
        scope=view.scope,
        rules=_rules(view, today),
        maker=_told(view.maker),
        brand=_told(view.brand),
        model=_told(view.model),
        findings=tuple(map(_finding, findings)),
        questions=() if view.maker.value else brand_questions(view.brand.value),
        history=tuple(StateChangeDocument(state=each.state, at=each.at, because=each.because) for each in view.history),
    )


def _rules(view: AssetView, today: date) -> tuple[ScopeRuleDocument, ...]:
    labels = labels_for(view.maker.value, view.config.country or "", today)
    return tuple(
        ScopeRuleDocument(
            label=each.label,
            since=each.since.isoformat() if each.since is not None else None,
            rule=each.rule,
            because=each.because,
        )
        for each in with_operator(labels, view.config.scope, view.config.scope_reason or "")
    )


def _told(told: Told) -> ToldDocument:
    return ToldDocument(
        value=told.value or None,
        by=told.by or None,
        evidence=told.evidence,
        contradicted_by=tuple(map(_finding, told.contradicted_by)),
    )


def _finding(found: Finding) -> FindingDocument:
    return FindingDocument(field=found.field, value=found.value, by=found.by, evidence=found.evidence, seen=found.seen)
