"""One data set is made of the inventory; every rendering shows it, and none counts by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import Any, Final, Literal

from transcoder.assets.inventory import Inventory
from transcoder.assets.tables import table_date
from transcoder.report.figures import Basis, Figure, Section, table
from transcoder.report.groups import by_maker_and_rule, by_site, money
from transcoder.report.leaks import Kept, leaks
from transcoder.report.listing import listing
from transcoder.report.progress import by_year, totals
from transcoder.report.public import Scrubber, confidential_values, publish
from transcoder.report.risks import risks
from transcoder.report.timeline import lives

FORMAT: Final = "transcoder phase-out report 1"
Audience = Literal["public", "internal"]
_TABLES: Final = ("makers", "brands", "mac_prefixes", "scope_rules", "vulnerabilities")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Says which days a report is about.

    Attributes:
        since: the first day.
        until: the last day.
    """

    since: date
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Holds a report.

    Attributes:
        audience: who may read it.
        basis: what its figures are made of.
        period: the days that it is about.
        sections: the sections, in the order in which readers ask.
        left_out: for the public: what was left out, with the number of values.
        has_state: whether the gateway kept anything that its figures could be made of.
    """

    audience: Audience
    basis: Basis
    period: Period
    sections: tuple[Section, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    has_state: bool = True

    def figure(self, section: str, name: str) -> Figure:
        """Return a figure.

        Raises:
            KeyError: there is none of this name.
        """
        for each in self.sections:
            if each.name == section and (found := each.figure(name)) is not None:
                return found
        raise KeyError(f"{section}.{name}")

    def to_dict(self, language: str) -> dict[str, Any]:
        """Return the report as data, which can be signed.

        Args:
            language: the language of the page that is made of it.
        """
        return {
            "format": FORMAT,
            "audience": self.audience,
            "language": language,
            "node": self.basis.node,
            **self.basis.to_dict(),
            "has_state": self.has_state,
            "period": {"from": self.period.since.isoformat(), "to": self.period.until.isoformat()},
            "sections": [
                {"name": section.name, "figures": [figure.to_dict(self.basis) for figure in section.figures]}
                for section in self.sections
            ],
            "left_out": [{"what": name, "count": number} for name, number in sorted(self.left_out.items())],
        }


def make_report(
    inventory: Inventory, kept: Kept, period: Period, audience: Audience, addresses: Mapping[str, Sequence[str]]
) -> Report:
    """Count everything that a report tells.

    Args:
        inventory: the assets.
        kept: what the gateway kept in.
        period: the days that the report is about.
        audience: who may read it.
        addresses: the hosts of each asset's streams, and under "" those of streams without one; the public must read
            none of them.
    """
    all_lives = lives(inventory, period.until)
    since, until = period.since, period.until
    sections: tuple[Section, ...] = (
        totals(all_lives),
        by_year(all_lives, until),
        by_maker_and_rule(all_lives),
        by_site(all_lives),
        leaks(kept),
        risks(all_lives, inventory.incidents, since.isoformat(), until.isoformat()),
        money(all_lives, since, until),
        _method(),
        listing(all_lives, addresses),
    )
    left_out: Mapping[str, int] = {}
    if audience == "public":
        scrub = Scrubber(confidential_values(inventory, chain.from_iterable(addresses.values())))
        sections, left_out = publish(sections, scrub)
    basis = Basis(node=inventory.node, at=inventory.at, audit_head=inventory.audit_head, version=inventory.version)
    return Report(
        audience=audience, basis=basis, period=period, sections=sections, left_out=left_out, has_state=kept.has_state
    )


def _method() -> Section:
    rows = [[name, table_date(name).isoformat()] for name in _TABLES]
    return Section(name="method", figures=(table("tables", "tables of the product", ("table", "date"), rows),))
