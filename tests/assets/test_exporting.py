"""What is exported is imported again as unchanged; no cell is a formula, and none a password."""

import csv
import io
import json
from pathlib import Path

from transcoder.assets.exporting import export_rows, to_csv, to_json
from transcoder.assets.importing.columns import entry, fields_of
from transcoder.assets.importing.configured import known_of, rules_of
from transcoder.assets.importing.plan import make_plan
from transcoder.assets.importing.table import read_table
from transcoder.assets.inventory import KeptFacts, build_inventory
from transcoder.config import parse

CONFIG = parse(
    """
streams:
  main: {source: "rtsp://root:hunter2@192.168.10.21/x?a=b", asset: pole-1}
  sub: {source: "rtsp://root:hunter2@192.168.10.21/y", asset: pole-1}
  other: {source: "rtsp://192.168.10.22/x"}
assets:
  pole-1:
    title: "=HYPERLINK(1)"
    site: "-5 Haven"
    mac: "44:19:b6:3f:5e:51"
    planned: 2027-Q2
    slips: [{planned: 2026-Q4, reason: 'no "lift", today'}]
    scope: []
    scope_reason: out
    exempt: {reason: vault, by: CISO, until: 2027-12-31}
    notes: "@two; lines"
    extra: {DriverNumber: "+421", "=col": "x", note: a}
  pole-2: {title: Second, maker: Dahua, extra: {Note: b}}
""",
    Path(),
    {},
)
INVENTORY = build_inventory(CONFIG, KeptFacts(), 1_800_000_000.0, version="1", audit_head="ab")


def test_what_is_exported_is_imported_as_unchanged():
    text = to_csv(export_rows(INVENTORY, CONFIG))
    table = read_table(text.encode())
    fields = fields_of(table.columns, {})
    made = make_plan([entry(row, fields) for row in table.rows], known_of(CONFIG), rules_of(CONFIG))
    assert [(row.asset, row.kind, dict(row.changes)) for row in made.rows] == [
        ("pole-1", "unchanged", {}),
        ("pole-2", "unchanged", {}),
    ]
    assert not made.refused


def test_what_is_exported_makes_another_gateway_the_same():
    empty = parse("streams: {}\n", Path(), {})
    table = read_table(to_csv(export_rows(INVENTORY, CONFIG)).encode())
    fields = fields_of(table.columns, {})
    made = make_plan([entry(row, fields) for row in table.rows], known_of(empty), rules_of(empty))
    assert {row.asset: row.keys for row in made.rows} == dict(known_of(CONFIG).assets)
    assert [(each.stream, each.keys["source"]["url"]) for each in made.rows[0].streams] == [
        ("main", "rtsp://192.168.10.21/x?a=b"),
        ("sub", "rtsp://192.168.10.21/y"),
    ]


def test_no_cell_is_a_formula_and_none_a_password():
    text = to_csv(export_rows(INVENTORY, CONFIG))
    cells = [cell for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")) for cell in row]
    assert "'=HYPERLINK(1)" in cells
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    assert "hunter2" not in text
    assert "root" not in text


def test_json_has_the_same_columns_and_says_where_it_comes_from():
    rows = export_rows(INVENTORY, CONFIG)
    document = json.loads(to_json(rows, INVENTORY))
    assert document["assets"] == rows
    assert document["audit_head"] == "ab"
    assert document["assets"][1]["state"] == "legacy"
    assert (document["assets"][1]["maker_told"], document["assets"][1]["maker_by"]) == ("Dahua", "operator")
