"""A finding is what the gateway found out about an asset by itself; the operator's word stands above every finding."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, get_args

from transcoder.assets.tables import maker_named

Field = Literal["maker", "brand", "model", "firmware", "mac", "serial", "location", "name", "family"]
FindingBy = Literal["stream", "registry", "onvif"]
By = Literal["operator", "onvif", "registry", "stream", ""]

FIELDS: Final = frozenset(get_args(Field))
RANK: Final[Sequence[FindingBy]] = ("registry", "onvif", "stream")
"""Who is believed first. A MAC prefix is registered to the company that made the hardware, ONVIF answers with the name
on the box, and several makers share the software that a stream comes from."""
MAX_VALUE: Final = 128
"""The largest number of characters of a finding's value: devices name themselves in one line."""
MAX_EVIDENCE: Final = 8
"""The largest number of pieces of evidence of a finding."""
MAX_EVIDENCE_TEXT: Final = 200
"""The largest number of characters of a piece of evidence."""
UNKNOWN: Final = "unknown"
"""The word for a maker that nobody knows, in numbers that are counted by maker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Holds one thing that was found out.

    Attributes:
        field: the property of the asset that the finding is about.
        value: the value that was found; never the device's address.
        by: "stream": marks in what the camera sends; "registry": the prefix of its MAC address; "onvif": its answer.
        evidence: where the value was seen, in words for people.
        seen: the time at which it was seen last, UTC, RFC 3339.
    """

    field: Field
    value: str
    by: FindingBy
    evidence: tuple[str, ...] = ()
    seen: str = ""

    def bounded(self) -> "Finding":
        """Return the finding with its texts cut to what is kept."""
        evidence = tuple(text[:MAX_EVIDENCE_TEXT] for text in self.evidence[:MAX_EVIDENCE])
        return Finding(
            field=self.field, value=self.value[:MAX_VALUE], by=self.by, evidence=evidence, seen=self.seen[:32]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain JSON data."""
        return {**asdict(self), "evidence": list(self.evidence)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Finding":
        """Read what `to_dict` made.

        Raises:
            ValueError: the data is no finding.
        """
        names = {each.name for each in fields(cls)}
        if not names >= data.keys() or data.get("field") not in FIELDS or data.get("by") not in RANK:
            raise ValueError("no finding")
        return cls(**{**data, "evidence": tuple(map(str, data.get("evidence", ())))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Says what a property of an asset is, who says so, and who says otherwise.

    Attributes:
        value: the property's value, "" where nobody knows it.
        by: who says so, "" where nobody does.
        evidence: where the value was seen; none for the operator's word.
        contradicted_by: the findings that say otherwise.
    """

    value: str = ""
    by: By = ""
    evidence: tuple[str, ...] = ()
    contradicted_by: tuple[Finding, ...] = ()


def tell(operator_value: str | None, findings: Iterable[Finding], field: Field) -> Told:
    """Return what a property of an asset is.

    Findings never override the operator's word. Findings of one rank that disagree say nothing: a tie is unknown.

    Args:
        operator_value: what the operator wrote, None for nothing.
        findings: everything that was found out about the asset.
        field: the property.
    """
    about = [finding for finding in findings if finding.field == field and finding.value]
    if operator_value:
        others = tuple(finding for finding in about if not _same(finding.value, operator_value))
        return Told(value=operator_value, by="operator", contradicted_by=others)
    for rank in RANK:
        said = [finding for finding in about if finding.by == rank]
        if said and all(_same(finding.value, said[0].value) for finding in said):
            evidence = tuple(dict.fromkeys(text for finding in said for text in finding.evidence))
            others = tuple(finding for finding in about if not _same(finding.value, said[0].value))
            return Told(value=said[0].value, by=rank, evidence=evidence, contradicted_by=others)
    return Told(contradicted_by=tuple(about))


def _same(one: str, other: str) -> bool:
    """Return whether two values are the same; a maker has several names: "HIKVISION" is no other than "Hikvision"."""
    if one.strip().casefold() == other.strip().casefold():
        return True
    maker = maker_named(one)
    return maker is not None and maker == maker_named(other)
