"""These sections describe an asset: a camera or recorder on its pole, beside the streams that it feeds.

Whoever writes an asset types plans and facts that no program sees, such as a contract. What the gateway sees, such as
whether the asset's stream is clean, stands nowhere here: it is derived (`transcoder/assets`).
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from transcoder.config.patterns import EXTRA_PATTERN, RULE_PATTERN, STREAM_ID_PATTERN
from transcoder.config.section import Section, at_most

MAX_ASSETS: Final = 16_384
"""The largest number of assets of one gateway: each of its 4,096 streams may have had four."""
MAX_LINE: Final = 128
"""The largest number of characters of a name, a type or a number: spreadsheets have longer ones than titles."""
MAX_NOTES: Final = 2000
"""The largest number of characters of a reason or of notes: a page of text."""
MAX_SLIPS: Final = 64
"""The largest number of moved plans of an asset: one a month for five years."""
MAX_SCOPE: Final = 16
"""The largest number of scope labels: three times the number of rules that are known."""
FIRST_YEAR: Final = 1900
"""The earliest year of a day or plan: before it there was no camera, so that it is a slip of the pen."""
LAST_YEAR: Final = 2199
"""The latest year of a day or plan; a report has a line for each year up to the last plan."""
MAX_EXTRA: Final = 64
"""The largest number of columns of a spreadsheet that have no key of their own."""

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_QUARTER: Final = re.compile(r"([0-9]{4})-Q([1-4])")
_MAC: Final = re.compile(r"[0-9A-Fa-f]{2}([:.-]?[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{4}(\.[0-9A-Fa-f]{4}){2}")

CONFIDENTIAL: Final = frozenset({"location_exact", "serial", "mac", "firmware", "disposal_proof", "notes", "extra"})
"""The keys that help an attacker, or may hold anything: whoever may only read does not see them."""


def _check_line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be one line of printable text")
    return value


def _as_text(value: object) -> object:
    """Take a number for its digits: a serial or a type of digits alone is a number to YAML."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _without_removed(value: object) -> object:
    """Leave out the columns that are null: a change takes them away so."""
    return {key: item for key, item in value.items() if item is not None} if isinstance(value, Mapping) else value


def _is_of_cameras(year: int) -> bool:
    return FIRST_YEAR <= year <= LAST_YEAR


def check_day(value: str) -> str:
    """Return a day that is written as ISO 8601 writes it; raise ValueError for other text."""
    try:
        if _DAY.fullmatch(value) and _is_of_cameras(date.fromisoformat(value).year):
            return value
    except ValueError:
        pass
    raise ValueError("must be a day such as 2027-06-30")


def _check_planned(value: str) -> str:
    quarter = _QUARTER.fullmatch(value)
    if quarter is not None and _is_of_cameras(int(quarter[1])):
        return value
    try:
        return check_day(value)
    except ValueError:
        raise ValueError("must be a day such as 2027-06-30, or a quarter such as 2027-Q2") from None


def _check_mac(value: str) -> str:
    if not _MAC.fullmatch(value):
        raise ValueError("must be a MAC address such as 44:19:b6:3f:5e:51")
    digits = re.sub(r"[:.-]", "", value).lower()
    return ":".join(digits[index : index + 2] for index in range(0, 12, 2))


def last_day(planned: str) -> date:
    """Return the last day of a plan: the day itself, or the end of the quarter."""
    quarter = _QUARTER.fullmatch(planned)
    if quarter is None:
        return date.fromisoformat(planned)
    month, day = {"1": (3, 31), "2": (6, 30), "3": (9, 30), "4": (12, 31)}[quarter[2]]
    return date(int(quarter[1]), month, day)


AssetId = Annotated[str, Field(pattern=STREAM_ID_PATTERN)]
_LINE: Final = (BeforeValidator(_as_text), Field(min_length=1, max_length=MAX_LINE), AfterValidator(_check_line))
Line = Annotated[str, *_LINE]
Text = Annotated[str, Field(min_length=1, max_length=MAX_NOTES)]
_QUARTER_PATTERN: Final = "[0-9]{4}-Q[1-4]"
_DAY_PATTERN: Final = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_MAC_PATTERN: Final = "([0-9A-Fa-f]{2}[:.-]?){5}[0-9A-Fa-f]{2}"
"""The forms for editors, which complete and check by the schema; what is taken is checked by the functions above."""
Day = Annotated[str, Field(json_schema_extra={"pattern": f"^{_DAY_PATTERN}$"}), AfterValidator(check_day)]
Planned = Annotated[
    str,
    Field(json_schema_extra={"pattern": f"^({_DAY_PATTERN}|{_QUARTER_PATTERN})$"}),
    AfterValidator(_check_planned),
]
Mac = Annotated[str, Field(json_schema_extra={"pattern": f"^{_MAC_PATTERN}$"}), AfterValidator(_check_mac)]
ScopeLabel = Annotated[str, Field(pattern=RULE_PATTERN)]
ExtraName = Annotated[str, Field(pattern=EXTRA_PATTERN)]
ExtraValue = Annotated[str, BeforeValidator(_as_text), Field(max_length=MAX_NOTES)]


class SlipConfig(Section):
    """`slips[]` is a plan that was moved: what was planned before, and why that did not hold."""

    planned: Planned = Field(examples=["2026-Q4"])
    """The plan that was given up: a day or a quarter."""
    reason: Text | None = Field(default=None, examples=["the contractor had no lift truck"])
    """Why the plan was given up."""
    at: Day | None = Field(default=None, examples=["2026-11-02"])
    """The day on which the plan was moved."""
    by: Line | None = Field(default=None, examples=["http:ops"])
    """Who moved the plan; a change at runtime writes its author here."""


class ExemptConfig(Section):
    """`exempt` lets an asset stay for a while: with a reason, by somebody, up to a day."""

    reason: Text = Field(examples=["inside the vault, no network"])
    """Why the asset may stay."""
    by: Line = Field(examples=["CISO"])
    """Who allowed it."""
    until: Day = Field(examples=["2027-12-31"])
    """The last day of the exemption; on the day after it the asset is legacy again."""


class AssetConfig(Section):
    """`assets.<id>` describes a camera or recorder, which one stream or several name in `asset`.

    An asset stays when its camera goes: another asset takes the stream over, and this one keeps its dates.
    """

    title: Line | None = Field(default=None, examples=["Entrance North (2)"])
    """The asset's name for people, as other lists write it."""
    site: Line | None = Field(default=None, examples=["Harbour"])
    """The place that the asset belongs to, such as a building; reports count assets by it."""
    location_public: Line | None = Field(default=None, examples=["quay, north side"])
    """Where the asset hangs, in words that may be published."""
    location_exact: Line | None = Field(default=None, examples=["52.3702 N 4.8952 E, pole 17"])
    """Where the asset hangs, exactly; only who may change the configuration sees it."""
    owner: Line | None = Field(default=None, examples=["Public Space"])
    """Who answers for the asset: a department or a person."""
    brand: Line | None = Field(default=None, examples=["Annke"])
    """The name that is printed on the asset."""
    maker: Line | None = Field(default=None, examples=["Hikvision"])
    """Who made the asset, which need not be its brand. What is written here is never overridden by what the gateway
    finds out; a contradiction is shown."""
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = Field(default=None, examples=["CN"])
    """The country of the maker, two letters (ISO 3166-1), where the maker alone does not tell it."""
    model: Line | None = Field(default=None, examples=["DS-2CD2043G2-I"])
    """The asset's type."""
    firmware: Line | None = Field(default=None, examples=["V5.7.3 build 220112"])
    """The firmware's version; only who may change the configuration sees it."""
    serial: Line | None = Field(default=None, examples=["DS-2CD2043G2-I20220112AAWRJ12345678"])
    """The serial number; only who may change the configuration sees it."""
    mac: Mac | None = Field(default=None, examples=["44:19:b6:3f:5e:51"])
    """The MAC address; only who may change the configuration sees it."""
    installed: Day | None = Field(default=None, examples=["2019-04-01"])
    """The day on which the asset was installed."""
    contract: Line | None = Field(default=None, examples=["2021/0815"])
    """The contract that the asset is maintained under."""
    contract_ends: Day | None = Field(default=None, examples=["2027-06-30"])
    """The day on which the contract ends."""
    planned: Planned | None = Field(default=None, examples=["2027-Q2"])
    """The day or the quarter in which the asset is to be replaced or taken down. Where it is changed at runtime, the
    plan before goes to `slips` by itself."""
    slips: Annotated[tuple[SlipConfig, ...], Field(max_length=MAX_SLIPS), at_most(MAX_SLIPS)] = Field(
        default=(), examples=[[{"planned": "2026-Q4", "reason": "the contractor had no lift truck"}]]
    )
    """The plans that were given up, the oldest first."""
    replaced: Day | None = Field(default=None, examples=["2026-11-30"])
    """The day on which another asset took the stream over; a swap writes it."""
    successor: AssetId | None = Field(default=None, examples=["pole-17b"])
    """The asset that took the stream over."""
    retired: Day | None = Field(default=None, examples=["2026-11-30"])
    """The day on which the asset was taken down and nothing took its place."""
    disposed: Day | None = Field(default=None, examples=["2026-12-15"])
    """The day on which the asset was destroyed or handed over."""
    disposal_proof: Line | None = Field(default=None, examples=["certificate 4711"])
    """What proves it."""
    scope: Annotated[tuple[ScopeLabel, ...], Field(max_length=MAX_SCOPE), at_most(MAX_SCOPE)] | None = Field(
        default=None, examples=[["own-policy"]]
    )
    """The rules that the asset falls under, such as `ndaa-889`, in place of those that follow from its maker; an empty
    list: none. null: those of its maker."""
    scope_reason: Text | None = Field(default=None, examples=["decision of the council of 2026-03-12"])
    """Why `scope` is another than that of the maker."""
    exempt: ExemptConfig | None = Field(
        default=None, examples=[{"reason": "inside the vault", "by": "CISO", "until": "2027-12-31"}]
    )
    """The exemption of the asset; null: there is none."""
    notes: Text | None = Field(default=None, examples=["key of the box: room 2.11"])
    """Anything else; only who may change the configuration sees it."""
    extra: Annotated[dict[ExtraName, ExtraValue], Field(max_length=MAX_EXTRA), BeforeValidator(_without_removed)] = (
        Field(default={}, examples=[{"DriverNumber": "421"}])
    )
    """The columns of an imported list that have no key of their own, at most 64; only who may change the configuration
    sees them."""

    @model_validator(mode="after")
    def _check_scope(self) -> "AssetConfig":
        if self.scope is not None and self.scope_reason is None:
            raise ValueError("scope is set by hand: scope_reason has to say why")
        return self
