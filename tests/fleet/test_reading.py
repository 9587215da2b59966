"""FLEET.yaml is read with its base, and every problem is told with its key."""

from pathlib import Path

import pytest

from transcoder.errors import ConfigError
from transcoder.fleet.reading import read_earlier, read_fleet_file

BASE = "rtsp: {listen: '0.0.0.0:8554', users: {vms: {password_file: vms.secret}}}\n"
FLEET = "addresses: 192.0.2.1-192.0.2.9\nbase: base.yaml\n"


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    (tmp_path / "vms.secret").write_text("geheim-4711\n")
    (tmp_path / "base.yaml").write_text(BASE)
    return tmp_path / "fleet.yaml"


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        read_fleet_file(path, path.parent, {})
    return raised.value.problems


def test_streams_have_their_costs_needs_and_hosts(fleet: Path) -> None:
    fleet.write_text(
        FLEET
        + "include: more.yaml\nstreams:\n  a: {source: rtsp://10.0.0.2/1, cost: 0.5, needs: [gpu]}\n"
        + "  b: {source: rtsp://10.0.0.2/2, aliases: [/Live]}\n"
    )
    (fleet.parent / "more.yaml").write_text("streams: {c: {source: 'rtsp://NVR.example/1', cost: 2}}\n")
    read = read_fleet_file(fleet, fleet.parent, {})
    a, b, c = read.items({"a": 0.1, "b": 0.1})
    assert (a.cost.cores, a.cost.origin, a.needs, a.together) == (0.5, "given", {"gpu"}, "10.0.0.2")
    assert (b.cost.origin, b.needs, b.together, b.aliases) == ("measured", set(), "10.0.0.2", {"/live"})
    assert (c.cost.cores, c.together) == (2, "nvr.example")
    assert "cost" not in read.raw["streams"]["a"]
    assert "needs" not in read.raw["streams"]["a"]


def test_streams_of_one_asset_are_together_whatever_their_hosts(fleet: Path) -> None:
    (fleet.parent / "base.yaml").write_text(BASE + "assets: {nvr: {}}\n")
    fleet.write_text(
        FLEET + "streams: {a: {source: 'rtsp://10.0.0.2/', asset: nvr}, b: {source: 'rtsp://10.0.0.3/', asset: nvr}}\n"
    )
    assert {item.together for item in read_fleet_file(fleet, fleet.parent, {}).items({})} == {"asset nvr"}


def test_every_problem_is_told_at_once_with_its_key(fleet: Path) -> None:
    (fleet.parent / "base.yaml").write_text(BASE + "node: gw\nhttp: {listen: here}\n")
    fleet.write_text(
        "slots: {cores: none, fil: 1}\naddresses: [192.0.2.9-192.0.2.1]\nbase: base.yaml\n"
        "streams:\n  a: {source: http://x/, cost: -1}\n  b: {source: rtsp://10.0.0.2/, needs: [GPU!]}\n"
        "  c: {source: {url: 'rtsp://10.0.0.3/', username: u, password: '${GONE}'}}\n"
    )
    keys = {line.partition(": ")[0] for line in problems(fleet)}
    assert keys == {
        "slots.cores", "slots.fil", "addresses[0]", "streams.a.source", "streams.a.cost", "streams.b.needs[0]",
        "streams.c.source.password", "http.listen",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("base", "key"),
    [
        ("node: gw\n", "node"),
        ("mqtt: {url: 'mqtt://10.0.0.9', client_id: gw}\n", "mqtt.client_id"),
        ("streams: {a: {source: 'rtsp://10.0.0.9/'}}\n", "streams.a"),
    ],
)
def test_what_shards_can_not_share_is_refused(fleet: Path, base: str, key: str) -> None:
    (fleet.parent / "base.yaml").write_text(BASE + base)
    fleet.write_text(FLEET + "streams: {a: {source: 'rtsp://10.0.0.2/'}}\n")
    (line,) = problems(fleet)
    assert line.startswith(f"{key}: ")


def test_a_base_that_is_missing_is_told(fleet: Path) -> None:
    (fleet.parent / "base.yaml").unlink()
    fleet.write_text(FLEET + "streams: {}\n")
    assert [line for line in problems(fleet) if line.startswith("base: ") and "No such file" in line]


def test_references_to_secrets_stay_and_lead_to_the_same_files(fleet: Path, tmp_path: Path) -> None:
    fleet.write_text(
        FLEET + "streams: {a: {source: {url: 'rtsp://10.0.0.2/', username: u, password: '${PASSWORD}'}}}\n"
    )
    here = read_fleet_file(fleet, fleet.parent, {"PASSWORD": "geheim-4712"})
    there = read_fleet_file(fleet, tmp_path / "out", {"PASSWORD": "geheim-4712"})
    assert here.raw["rtsp"]["users"]["vms"] == {"password_file": "vms.secret"}
    assert there.raw["rtsp"]["users"]["vms"] == {"password_file": str(tmp_path / "vms.secret")}
    assert here.raw["streams"]["a"]["source"]["password"] == "${PASSWORD}"
    assert "geheim" not in repr((here.raw, there.raw))


def test_an_earlier_plan_is_read_by_its_files(tmp_path: Path) -> None:
    good, bad = tmp_path / "shard-01.yaml", tmp_path / "shard-02.yaml"
    good.write_text("node: shard-01\nstreams: {a: {}, b: {}}\n")
    bad.write_text("node: other\nstreams: {}\n")
    assert read_earlier([good]) == {"shard-01": ("a", "b")}
    with pytest.raises(ConfigError, match="no configuration of the shard shard-02"):
        read_earlier([good, bad])
