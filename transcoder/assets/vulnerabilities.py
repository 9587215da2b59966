"""Which known vulnerabilities an asset may have: by maker, brand and model, and by the day of its firmware.

Without a firmware that tells its day the answer is "unknown", and it is counted as an answer of its own.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from transcoder.assets.tables import Vulnerability, maker_named, vulnerabilities

Answer = Literal["yes", "no", "unknown"]
_BUILD: Final = re.compile(r"(?i)\bbuild[ _:]*(?:date[ _:]*)?(\d{2,4})[-.]?(\d{2})[-.]?(\d{2})\b")
"""The day of a build: `V5.5.82 build 190909` (Hikvision), `2.800.0000.16.R, Build Date 2021-07-07` (Dahua)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Holds a vulnerability that devices of this kind have or had.

    Attributes:
        vulnerability: the vulnerability.
        older_than_fix: whether the firmware is older than the fixed one.
    """

    vulnerability: Vulnerability
    older_than_fix: Answer


def exposures(maker: str, brand: str, model: str, firmware: str) -> tuple[Exposure, ...]:
    """Return the vulnerabilities of devices of this kind, each with whether the firmware is older than the fix.

    Args:
        maker: the maker of the asset, "" for unknown, as each of the others.
        brand: its brand.
        model: its model.
        firmware: the version of its firmware, as it tells it.
    """
    found = maker_named(maker)
    name = found.name if found is not None else maker
    return tuple(
        Exposure(vulnerability=each, older_than_fix=_older(firmware, each.fixed))
        for each in vulnerabilities()
        if _concerns(each, name, brand, model)
    )


def build_day(firmware: str) -> date | None:
    """Return the day on which a firmware was built, None where its version does not tell."""
    found = _BUILD.search(firmware)
    if found is None:
        return None
    year, month, day = (int(part) for part in found.groups())
    try:
        return date(year + 2000 if year < 100 else year, month, day)
    except ValueError:
        return None


def _concerns(vulnerability: Vulnerability, maker: str, brand: str, model: str) -> bool:
    if vulnerability.maker and vulnerability.maker != maker:
        return False
    if vulnerability.brand and vulnerability.brand.casefold() != brand.casefold():
        return False
    return vulnerability.product.casefold() in f"{brand} {model}".casefold()


def _older(firmware: str, fixed: date | None) -> Answer:
    built = build_day(firmware)
    if built is None or fixed is None:
        return "unknown"
    return "yes" if built < fixed else "no"
