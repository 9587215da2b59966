"""Rows are checked as the configuration is; a fleet of the size of a city is planned in a moment."""

from pathlib import Path

from transcoder.assets.importing.columns import entry, fields_of
from transcoder.assets.importing.configured import known_of, rules_of
from transcoder.assets.importing.plan import make_plan
from transcoder.assets.importing.table import read_table
from transcoder.config import parse

CONFIG = """
streams:
  front: {source: "rtsp://u:p@192.168.10.21/x", asset: pole-1}
assets:
  pole-1: {title: Front}
"""


def plan(text, config):
    table = read_table(text.encode())
    fields = fields_of(table.columns, {})
    return make_plan([entry(row, fields) for row in table.rows], known_of(config, ["old"]), rules_of(config))


def config(text=CONFIG):
    return parse(text, Path(), {})


def test_the_configuration_is_known_with_its_logins():
    known = known_of(config())
    assert known.streams["front"].password == "p"
    assert known.streams["front"].asset == "pole-1"
    assert plan("name,url,username,password\nFront,rtsp://192.168.10.21/x,u,p\n", config()).rows[0].kind == "unchanged"


def test_rows_are_refused_as_the_configuration_refuses_them():
    made = plan(
        "id,url,planned,exempt_reason\na,rtsp://8.8.8.8/x,,\nb,,soon,\nC!,,,\nd,,,vault\nold,,,\n"
        "e,rtsp://192.168.10.9/x,2027-Q2,\n",
        config(),
    )
    assert [row.asset for row in made.rows] == ["e"]
    reasons = {each.line: each.reason for each in made.refused}
    assert "sources.allow" in reasons[2]
    assert "planned: must be a day such as 2027-06-30, or a quarter" in reasons[3]
    assert "id: must be lower-case letters" in reasons[4]
    assert "exempt.by" in reasons[5]
    assert "never given again" in reasons[6]


def test_a_mac_is_kept_as_the_product_writes_it():
    made = plan("name,mac\nx,4419.B63F.5E51\n", config())
    assert made.rows[0].keys["mac"] == "44:19:b6:3f:5e:51"


def test_a_citys_list_is_planned_whole():
    rows = "".join(f"Camera {n},10.1.{n // 250}.{n % 250 + 1},HiLook X\n" for n in range(1300))
    made = plan("HardwareName,HardwareAddress,DriverDisplayName\n" + rows, config())
    assert len(made.of("added")) == 1300
    assert made.rows[-1].streams[0].keys["source"]["url"] == "rtsp://10.1.5.50/Streaming/Channels/101"
