"""The assets are written as a table, which an import reads again as it was, and spreadsheets open without danger."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from transcoder.assets.importing.cells import cells_of
from transcoder.assets.importing.columns import ASSET_FIELDS, DERIVED_FIELDS, EXTRA, STREAM_FIELDS
from transcoder.assets.importing.table import neutralized
from transcoder.assets.inventory import AssetView, Inventory
from transcoder.config import Config

_MARK: Final = "\ufeff"
"""The first character of a file, by which spreadsheets know UTF-8."""


def export_rows(inventory: Inventory, config: Config) -> list[dict[str, str]]:
    """Return the cells of every asset, without those that are empty; passwords and user names are in none.

    Args:
        inventory: the assets.
        config: the configuration with the streams of the assets.
    """
    return [_row(asset, config) for asset in inventory.assets]


def columns_of(rows: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """Return the columns of rows: those that every export has, and those of other lists that any row has."""
    extra = sorted({name for row in rows for name in row if name.startswith(EXTRA)})
    return ("id", "title", *ASSET_FIELDS, *STREAM_FIELDS, *DERIVED_FIELDS, *extra)


def to_csv(rows: Iterable[Mapping[str, str]]) -> str:
    """Return rows as comma-separated values (RFC 4180)."""
    rows = list(rows)
    return table_text(columns_of(rows), rows)


def table_text(columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> str:
    """Return a table as comma-separated values; no cell is a formula.

    Args:
        columns: the columns, in their order.
        rows: the cells of each row by column.
    """
    names = list(columns)
    out = io.StringIO(newline="")
    out.write(_MARK)
    writer = csv.writer(out)
    writer.writerow(map(neutralized, names))
    writer.writerows([neutralized(row.get(name, "")) for name in names] for row in rows)
    return out.getvalue()


def to_json(rows: Iterable[Mapping[str, str]], inventory: Inventory) -> str:
    """Return rows as JSON with the same columns, and where and when they come from."""
    document: dict[str, Any] = {
        "node": inventory.node,
        "at": inventory.at,
        "audit_head": inventory.audit_head,
        "product_version": inventory.version,
        "assets": list(rows),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _row(asset: AssetView, config: Config) -> dict[str, str]:
    streams = {name: config.streams[name] for name in asset.streams if name in config.streams}
    told = {"maker_told": asset.maker.value, "maker_by": asset.maker.by}
    cells = {
        "id": asset.id,
        **cells_of(asset.config.model_dump(mode="json")),
        "streams": " ".join(streams),
        "url": " ".join(stream.source.url for stream in streams.values()),
        "state": asset.state,
        "state_since": asset.since,
        **told,
    }
    return {name: cell for name, cell in cells.items() if cell}
