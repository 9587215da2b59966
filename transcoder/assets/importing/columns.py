"""The columns of a table are known by their names, or by the mapping that the operator gives."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from transcoder.assets.importing.table import Row, TableError
from transcoder.logs import redact
from transcoder.text import CONTROL_CHARACTER

ASSET_FIELDS: Final = (
    "site", "location_public", "location_exact", "owner", "brand", "maker", "country", "model", "firmware", "serial",
    "mac", "installed", "contract", "contract_ends", "planned", "slips", "replaced", "retired", "disposed",
    "disposal_proof", "successor", "scope", "scope_reason", "exempt_reason", "exempt_by", "exempt_until", "notes",
)  # fmt: skip
"""The columns that are keys of an asset, in the order of an export."""
STREAM_FIELDS: Final = ("streams", "url")
"""The columns that say which streams an asset has: their ids and their URLs, with blanks between several."""
DERIVED_FIELDS: Final = ("state", "state_since", "maker_told", "maker_by")
"""The columns that an export has to be read; they are facts that the gateway finds out, and an import leaves them."""
FIELDS: Final = (
    "id",
    "title",
    *ASSET_FIELDS,
    *STREAM_FIELDS,
    "address",
    "port",
    "channel",
    "driver",
    "username",
    "password",
)
"""The names that a column can be mapped to."""
EXTRA: Final = "extra."
"""The beginning of the name of a column that an export has and the product knows nothing of."""
_ALIASES: Final[Mapping[str, str]] = {
    "name": "title",
    "host": "address",
    "ip": "address",
    "ipaddress": "address",
    "manufacturer": "brand",
    "vendor": "brand",
    "serialnumber": "serial",
    "firmwareversion": "firmware",
    "location": "location_exact",
    # Milestone: Export-HardwareCsv of MilestonePSTools 1.1, and the list that XProtect Professional imports
    "hardwarename": "title",
    "hardwareaddress": "address",
    "macaddress": "mac",
    "hardwareusername": "username",
    "hardwarepassword": "password",
    "driverdisplayname": "driver",
    # what people call them in their own lists
    "user": "username",
    "benutzername": "username",
    "gebruikersnaam": "username",
    "pass": "password",
    "passwd": "password",
    "passwort": "password",
    "pwd": "password",
    "kennwort": "password",
    "wachtwoord": "password",
    "motdepasse": "password",
}
"""Names that columns have elsewhere, without regard to case, blanks and underscores."""
_SECRET: Final = re.compile(
    r"pass(?:w|code|phrase|$)|pwd|psw|kennwort|wachtwoord|mot.?de.?passe|contrase|secret(?!ar)|token|credential"
    r"|api.?key|private.?key|pin.?code|snmp.*community|\bpsk\b"
)
"""Matches the names of columns whose cells are no property of a camera and are kept nowhere."""
LEFT_OUT: Final = ""
"""The field of a column that is left out, as it seems to hold secrets."""
_AS_WRITTEN: Final = frozenset({"id", "url", "address", "username", "password"})
"""The fields that are taken apart with the logins in them; all others are kept without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Holds one row with the cells under the names of the product.

    Attributes:
        line: the line on which the row begins.
        cells: the cells that are not empty, by field.
        extra: the cells of columns that nobody knows, by the name of the column.
    """

    line: int
    cells: Mapping[str, str] = field(repr=False)
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")


def read_mapping(texts: Iterable[str]) -> dict[str, str]:
    """Read what `--map` says, such as `name=HardwareName,address=HardwareAddress`.

    Returns:
        The name of a column for each field.

    Raises:
        TableError: there is no such field, or one is named twice.
    """
    found: dict[str, str] = {}
    for part in (part for text in texts for part in text.split(",") if part.strip()):
        left, equals, column = (each.strip() for each in part.partition("="))
        name = _ALIASES.get(left.casefold(), left.casefold())
        if not equals or not column or name not in FIELDS:
            raise TableError(f"--map: {part.strip()!r} is not of the form field=column; fields are {', '.join(FIELDS)}")
        if name in found:
            raise TableError(f"--map: {name} is mapped twice")
        found[name] = column
    return found


def fields_of(columns: Iterable[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Return the field that each column stands for; a column of nothing known is `extra.<its name>`.

    Args:
        columns: the names of the columns of a table.
        mapping: the column of each field that was mapped.

    Raises:
        TableError: a column that was mapped is not there.
    """
    columns = [column for column in columns if column]
    by_name = {column.casefold(): column for column in columns}
    found: dict[str, str] = {}
    for name, column in mapping.items():
        if column.casefold() not in by_name:
            raise TableError(f"--map: there is no column {column!r}; there are {', '.join(columns)}")
        found[by_name[column.casefold()]] = name
    given = set(mapping)
    for column in columns:
        if column in found:
            continue
        name = _known(column)
        if name in given:  # another column has it: by the operator's word, or because it stands first
            name = LEFT_OUT if _SECRET.search(column.casefold()) else EXTRA + column
        given.add(name)
        found[column] = name
    return found


def _known(column: str) -> str:
    plain = column.casefold().replace(" ", "").replace("-", "")
    if plain in FIELDS or plain in DERIVED_FIELDS:
        return plain
    if known := _ALIASES.get(plain.replace("_", "")):
        return known
    if _SECRET.search(column.casefold()):
        return LEFT_OUT
    return column if column.startswith(EXTRA) else EXTRA + column


def entry(row: Row, fields: Mapping[str, str]) -> Entry:
    """Return a row with its cells under the names of the product.

    Args:
        row: the row.
        fields: the field of each column.
    """
    cells = {column: one_line(cell) for column, cell in row.cells.items()}
    cells = {name: cell if fields[name] in _AS_WRITTEN else redact(cell) for name, cell in cells.items()}
    named = {fields[column]: cell for column, cell in cells.items() if cell}
    kept = {EXTRA + column: cell for column, cell in cells.items() if fields[column] == "driver"}
    return Entry(
        line=row.line,
        cells={name: cell for name, cell in named.items() if name in FIELDS},
        extra={name[len(EXTRA) :]: cell for name, cell in (named | kept).items() if name.startswith(EXTRA)},
    )


def one_line(cell: str) -> str:
    """Return a cell in one line, as the configuration keeps texts: its lines with semicolons between them."""
    lines = (CONTROL_CHARACTER.sub(" ", line).strip() for line in cell.splitlines())
    return "; ".join(line for line in lines if line)
