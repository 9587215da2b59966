"""All assets in one table: the public columns of each, and those for few eyes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from transcoder.report.figures import Cell, Section, table
from transcoder.report.timeline import Life

Take = Callable[[Life], Cell]


def _found(life: Life, field: str) -> str | None:
    return next((found.value for found in life.asset.findings if found.field == field), None)


_COLUMNS: Final[Mapping[str, Take]] = {
    "id": lambda life: life.asset.id,
    "title": lambda life: life.asset.config.title,
    "site": lambda life: life.asset.config.site,
    "location_public": lambda life: life.asset.config.location_public,
    "maker": lambda life: life.asset.maker_name,
    "maker_by": lambda life: life.asset.maker.by or None,
    "brand": lambda life: life.asset.brand.value or None,
    "scope": lambda life: ", ".join(life.asset.scope) or None,
    "state": lambda life: life.state,
    "state_since": lambda life: life.asset.since[:10] or None,
    "out_on": lambda life: life.out_on or None,
    "planned": lambda life: life.asset.config.planned,
    "installed": lambda life: life.asset.config.installed,
    "contract_ends": lambda life: life.asset.config.contract_ends,
    "exempt_until": lambda life: life.asset.config.exempt.until if life.asset.config.exempt else None,
    "exempt_reason": lambda life: life.asset.config.exempt.reason if life.asset.config.exempt else None,
    "successor": lambda life: life.asset.config.successor,
    "because": lambda life: life.asset.because,
    "maker_contradicted": lambda life: (
        "; ".join(f"{found.value} ({found.by})" for found in life.asset.maker.contradicted_by) or None
    ),
    "exempt_by": lambda life: life.asset.config.exempt.by if life.asset.config.exempt else None,
    "owner": lambda life: life.asset.config.owner,
    "contract": lambda life: life.asset.config.contract,
    "streams": lambda life: " ".join(life.asset.streams) or None,
    "location_exact": lambda life: life.asset.config.location_exact,
    "model": lambda life: life.asset.model.value or None,
    "firmware": lambda life: life.asset.firmware.value or None,
    "serial": lambda life: life.asset.config.serial or _found(life, "serial"),
    "mac": lambda life: life.asset.config.mac or _found(life, "mac"),
    "disposed": lambda life: life.asset.config.disposed,
    "disposal_proof": lambda life: life.asset.config.disposal_proof,
    "notes": lambda life: life.asset.config.notes,
}
_PUBLIC: Final = frozenset(
    {
        "id", "title", "site", "location_public", "maker", "maker_by", "brand", "scope", "state", "state_since",
        "out_on", "planned", "installed", "contract_ends", "exempt_until", "exempt_reason", "successor", "disposed",
    }
)  # fmt: skip
"""The columns that may be published. A column is left out unless it stands here."""
_FREE: Final = frozenset(
    {"id", "title", "site", "location_public", "maker", "brand", "scope", "exempt_reason", "successor"}
)


def listing(all_lives: Sequence[Life], addresses: Mapping[str, Sequence[str]]) -> Section:
    """Return the table of all assets.

    Args:
        all_lives: the assets.
        addresses: the hosts of each asset's streams.
    """

    def address(life: Life) -> Cell:
        return " ".join(addresses.get(life.asset.id, ())) or None

    columns = {**_COLUMNS, "address": address}
    figure = table(
        "assets",
        "assets",
        tuple(columns),
        [[take(life) for take in columns.values()] for life in all_lives],
        private=frozenset(columns) - _PUBLIC,
        free=_FREE,
    )
    return Section(name="assets", figures=(figure,))
