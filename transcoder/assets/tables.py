"""The tables of brands, makers, MAC prefixes, vulnerabilities and scope rules are read from dated data files.

Each file under `tables/` names in its comment lines its date and its sources. They are data, so that a row can be added
without a change of the program; no network is asked for them.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeAlias

FOLDER: Final = Path(__file__).with_name("tables")
HIGH: Final = "high"
MEDIUM: Final = "medium"
LOW: Final = "low"
StreamName: TypeAlias = Literal["main", "sub", "third"]
STREAMS: Final[tuple[StreamName, ...]] = ("main", "sub", "third")
"""The streams of a channel, the largest first."""
_DATE: Final = re.compile(r"^# date: (\d{4}-\d{2}-\d{2})$", re.MULTILINE)
_MAC: Final = re.compile(r"(?:[0-9a-f]{2}[:-]?){5}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}", re.IGNORECASE)
_LEGAL_FORMS: Final = re.compile(
    r"\b(?:co|ltd|limited|inc|incorporated|corp|corporation|ag|ab|bv|gmbh|llc|company)\b\.?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Holds who makes cameras.

    Attributes:
        name: the name by which the maker is meant everywhere in the product.
        country: the country of its seat in ISO 3166-1, "" where no source tells.
        names: other names that mean the same maker.
        source: the source of the country.
    """

    name: str
    country: str
    names: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """Holds that a brand's devices are made by somebody; a brand can have several such rows.

    Attributes:
        name: the brand.
        maker: the name of the maker.
        former: whether this was so for earlier products.
        part: whether it is so for some of the brand's products alone, so that the brand does not tell the maker.
        note: which products are meant, "" for all.
        sources: the keys of the sources in the file.
        confidence: HIGH, MEDIUM or LOW; LOW is a question to the operator, never a verdict.
    """

    name: str
    maker: str
    former: bool
    part: bool
    note: str
    sources: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MacPrefix:
    """Holds whose hardware has MAC addresses that begin so.

    Attributes:
        prefix: six hexadecimal digits, in capitals.
        maker: the maker, "" where the holder is a brand that several makers work for.
        brand: the brand, "" where the holder is no brand.
        registered: the name in the registry.
    """

    prefix: str
    maker: str
    brand: str
    registered: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnvifMark:
    """Holds a mark in what a camera answers over ONVIF.

    Attributes:
        where: "firmware", "serial" or "server".
        pattern: matches the mark.
        maker, brand: those that the mark speaks for, "" for none.
        mark: the mark in words.
        source: the source of the mark.
    """

    where: str
    pattern: re.Pattern[str]
    maker: str
    brand: str
    mark: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vulnerability:
    """Holds a vulnerability that matters to a camera behind a gateway.

    Attributes:
        id: the CVE, or a name where there is none.
        maker: the maker of the devices, "" where the brand alone is known.
        brand: only devices of this brand are meant, "" for any.
        product: only models with this word are meant, "" for any.
        summary: what is wrong.
        reached_by: the door through which it is reached; RTSP is none.
        fixed: firmware that was built before this day has it; None where the fixed firmware is not known.
        kev_added, kev_due: the days of the list of exploited vulnerabilities, None where it is not listed or not told.
        source: the source.
    """

    id: str
    maker: str
    brand: str
    product: str
    summary: str
    reached_by: str
    fixed: date | None
    kev_added: date | None
    kev_due: date | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeRule:
    """Holds a rule that covers cameras by their maker, or by its country.

    Attributes:
        label: the label that an asset gets.
        since: the day from which the rule holds.
        makers, countries: one that fits is enough.
        rule: the rule in words.
        source: the source.
    """

    label: str
    since: date
    makers: tuple[str, ...]
    countries: tuple[str, ...]
    rule: str
    source: str


@cache
def makers() -> Mapping[str, Maker]:
    """Return the makers by name."""
    return {
        row["maker"]: Maker(name=row["maker"], country=row["country"], names=_items(row["names"]), source=row["source"])
        for row in _rows("makers")
    }


@cache
def brands() -> tuple[Brand, ...]:
    """Return all rows of the table of brands."""
    return tuple(
        Brand(
            name=row["brand"],
            maker=row["maker"],
            former=row["former"] == "yes",
            part=row["part"] == "yes",
            note=row["note"],
            sources=tuple(row["sources"].split()),
            confidence=row["confidence"],
        )
        for row in _rows("brands")
    )


@cache
def mac_prefixes() -> Mapping[str, MacPrefix]:
    """Return the holders of MAC prefixes by prefix."""
    return {
        row["prefix"]: MacPrefix(
            prefix=row["prefix"], maker=row["maker"], brand=row["brand"], registered=row["registered"]
        )
        for row in _rows("mac_prefixes")
    }


@cache
def onvif_marks() -> tuple[OnvifMark, ...]:
    """Return the marks in answers over ONVIF, in the order in which they are tried."""
    return tuple(
        OnvifMark(
            where=row["where"],
            pattern=re.compile(row["pattern"]),
            maker=row["maker"],
            brand=row["brand"],
            mark=row["mark"],
            source=row["source"],
        )
        for row in _rows("onvif_marks")
    )


@cache
def vulnerabilities() -> tuple[Vulnerability, ...]:
    """Return the vulnerabilities."""
    return tuple(
        Vulnerability(
            id=row["id"],
            maker=row["maker"],
            brand=row["brand"],
            product=row["product"],
            summary=row["summary"],
            reached_by=row["reached_by"],
            fixed=_day(row["fixed"]),
            kev_added=_day(row["kev_added"]),
            kev_due=_day(row["kev_due"]),
            source=row["source"],
        )
        for row in _rows("vulnerabilities")
    )


@cache
def scope_rules() -> tuple[ScopeRule, ...]:
    """Return the rules of scope."""
    return tuple(
        ScopeRule(
            label=row["label"],
            since=date.fromisoformat(row["since"]),
            makers=_items(row["makers"]),
            countries=_items(row["countries"]),
            rule=row["rule"],
            source=row["source"],
        )
        for row in _rows("scope_rules")
    )


@cache
def url_templates() -> Mapping[str, str]:
    """Return the path of the main stream by maker; `{channel}` stands in it for the channel."""
    return {row["maker"]: row["path"] for row in _rows("url_templates")}


@cache
def stream_templates() -> Mapping[str, Mapping[StreamName, str]]:
    """Return the paths of the streams of a channel by maker: `main` first, and `sub` and `third` where they are known.

    `{channel}` stands in them for the channel.
    """
    return {
        row["maker"]: {
            name: path for name, path in zip(STREAMS, (row["path"], row["sub"], row["third"]), strict=True) if path
        }
        for row in _rows("url_templates")
    }


@cache
def table_date(name: str) -> date:
    """Return the day on which a table was looked over last.

    Args:
        name: the file's name without its suffix.
    """
    found = _DATE.search(_text(name))
    if found is None:
        raise ValueError(f"the table {name} has no date")
    return date.fromisoformat(found[1])


def maker_named(text: str) -> Maker | None:
    """Return the maker that a name means, whatever its case, blanks, marks and legal form; None for no known maker."""
    return _makers_by_word().get(_word(text))


def brand_rows(text: str) -> tuple[Brand, ...]:
    """Return the rows of a brand, whatever its case, blanks and marks; () for a brand that is in no row."""
    return _brands_by_word().get(_word(text), ())


def maker_of_brand(text: str) -> Brand | None:
    """Return the row that tells the one maker of a brand.

    Returns:
        None where no row names the brand, where several makers are named, and where the rows are of earlier products,
        of some products alone, or of low confidence: then it is for the operator to say.
    """
    rows = [row for row in brand_rows(text) if row.confidence != LOW]
    if len({row.maker for row in rows}) != 1 or any(row.former or row.part for row in rows):
        return None
    return rows[0]


def mac_address(text: str) -> str:
    """Return a MAC address as twelve hexadecimal digits in capitals; "" where the text is none."""
    if _MAC.fullmatch(text.strip()) is None:
        return ""
    return re.sub(r"[^0-9A-F]", "", text.upper())


def holder_of(mac: str) -> MacPrefix | None:
    """Return who holds the prefix of a MAC address; None where the text is no address or the prefix is in no row."""
    return mac_prefixes().get(mac_address(mac)[:6])


@cache
def _makers_by_word() -> Mapping[str, Maker]:
    return {_word(name): maker for maker in makers().values() for name in (maker.name, *maker.names)}


@cache
def _brands_by_word() -> Mapping[str, tuple[Brand, ...]]:
    found: dict[str, tuple[Brand, ...]] = {}
    for row in brands():
        # "Tapo, Kasa, VIGI" and "ENS Security / Eastern CCTV" are several names; "Speco (other lines)" is one
        plain = re.sub(r"\(.*?\)", "", row.name)
        for name in dict.fromkeys((row.name, plain, *re.split(r",|/", plain))):
            word = _word(name)
            if word and row not in found.get(word, ()):
                found[word] = (*found.get(word, ()), row)
    return found


def _word(text: str) -> str:
    """Return a name as it is compared: without case, blanks, marks and legal forms."""
    plain = text.casefold()
    return re.sub(r"[^\w]", "", _LEGAL_FORMS.sub("", plain)) or re.sub(r"[^\w]", "", plain)


def _items(text: str) -> tuple[str, ...]:
    return tuple(item for item in text.split(";") if item)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


@cache
def _text(name: str) -> str:
    return (FOLDER / f"{name}.csv").read_text(encoding="utf-8")


def _rows(name: str) -> Iterator[dict[str, str]]:
    return iter(csv.DictReader(line for line in _text(name).splitlines() if not line.startswith("#")))
