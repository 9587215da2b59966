"""`transcoder fleet plan`: what it tells and writes, and that it writes all or nothing."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from transcoder.cli.main import command_line
from transcoder.exit_codes import OK, USAGE

HEAD = "slots: {cores: 8, count: 9}\naddresses: 192.0.2.1-192.0.2.9\nbase: base.yaml\n"


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    secret = tmp_path / "vms.secret"
    secret.write_text("geheim-4711\n")
    secret.chmod(0o600)
    (tmp_path / "base.yaml").write_text(
        "rtsp: {listen: '0.0.0.0:8554', users: {vms: {password_file: vms.secret}}}\nstate_dir: state\n"
    )
    path = tmp_path / "fleet.yaml"
    write(path, 60)
    path.chmod(0o640)
    return path


def write(path: Path, cameras: int, more: str = "") -> None:
    path.write_text(
        HEAD + "streams:\n" + "".join(f"  s{n:02}: {{source: 'rtsp://10.0.0.{n}/'}}\n" for n in range(cameras)) + more
    )


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command_line(), list(map(str, arguments)))


def plan(*arguments: object) -> Result:
    return run("fleet", "plan", *arguments)


def text_of(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_it_tells_shards_and_fill_and_writes_nothing_unasked(fleet: Path) -> None:
    before = text_of(fleet.parent)
    done = plan(fleet)
    assert (done.exit_code, done.stderr) == (OK, "")
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["shard-01", "192.0.2.1", "20", "6.61", "83%"]  # 20 of a third of a core are 6.6 of 8
    assert lines[-1] == "60 streams in 3 shards, 19.8 cores, fill 83%, 6 slots to spare (costs: 60 estimated)"
    assert text_of(fleet.parent) == before


def test_what_it_writes_is_accepted_by_check_and_holds_no_secret(fleet: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    done = plan(fleet, "--out", out)
    assert done.stdout.splitlines()[-1] == f"{out}: 3 files written, 0 files removed"
    assert sorted(path.name for path in out.iterdir()) == ["shard-01.yaml", "shard-02.yaml", "shard-03.yaml"]
    for path in out.iterdir():
        checked = run("check", path)
        assert (checked.exit_code, checked.stderr) == (OK, "")
        assert "geheim" not in path.read_text()
        assert path.stat().st_mode & 0o777 == 0o640


def test_an_unchanged_fleet_moves_nothing_and_one_more_camera_comes_alone(fleet: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    plan(fleet, "--out", out)
    before = text_of(out)
    again = plan(fleet, "--earlier", out, "--out", out)
    assert ", 0 streams to move " in again.stdout
    assert text_of(out) == before
    write(fleet, 60, "  zz: {source: 'rtsp://10.0.1.1/'}\n")
    more = json.loads(plan(fleet, "--earlier", out, "--json").stdout)
    assert (more["moves"], more["added"], more["removed"], len(more["shards"])) == ([], ["zz"], [], 4)


def test_moves_are_told_with_their_reason_and_shards_that_are_no_more_are_removed(fleet: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    plan(fleet, "--out", out)
    write(fleet, 41, "  s59: {source: 'rtsp://10.0.0.59/'}\n")  # the third shard loses all but s40 and s59
    text = fleet.read_text().replace("10.0.0.5/'}", "10.0.0.5/', cost: 1.5}")
    fleet.write_text(text)
    done = plan(fleet, "--earlier", out)
    assert "moves from shard-01 to shard-03: the shard would be at " in done.stdout
    assert "17 more" not in done.stdout
    assert "s41 is no more" in done.stdout
    write(fleet, 20)
    plan(fleet, "--earlier", out, "--out", out)
    assert [path.name for path in out.iterdir()] == ["shard-01.yaml"]


@pytest.mark.parametrize("fault", ["stream", "cost", "slots", "address"])
def test_nothing_is_written_where_there_is_a_problem(fleet: Path, tmp_path: Path, fault: str) -> None:
    out = tmp_path / "shards"
    plan(fleet, "--out", out)
    before = text_of(out)
    if fault == "stream":
        write(fleet, 61, "  bad: {source: 'http://10.0.0.1/'}\n")
    elif fault == "cost":
        write(fleet, 61, "  bad: {source: 'rtsp://10.0.1.1/', cost: 7}\n")
    elif fault == "slots":
        fleet.write_text(fleet.read_text().replace("count: 9", "count: 2"))
    else:
        fleet.write_text(fleet.read_text().replace("192.0.2.1-192.0.2.9", "192.0.2.1"))
    done = plan(fleet, "--earlier", out, "--out", out)
    assert done.exit_code == USAGE
    assert {"stream": "streams.bad.source", "cost": "streams.bad", "slots": "slots[0].count", "address": "addresses"}[
        fault
    ] in done.stderr
    assert text_of(out) == before


def test_a_file_that_can_not_be_written_leaves_all_others_as_they_were(fleet: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    (out / "shard-02.yaml" / "folder").mkdir(parents=True)
    done = plan(fleet, "--out", out)
    assert done.exit_code == USAGE
    assert text_of(out) == {}


def test_a_plan_is_not_written_over_another_without_a_word(fleet: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    plan(fleet, "--out", out)
    done = plan(fleet, "--out", out)
    assert (done.exit_code, done.stdout) == (USAGE, "")
    assert "name it with --earlier" in done.stderr


def test_measured_costs_come_from_running_gateways(fleet: Path, tmp_path: Path) -> None:
    state = {"state": "playing", "cpu": 0.08, "rate_divisor": 1, "output": {"pictures": 500}}
    measured = tmp_path / "streams.json"
    measured.write_text(json.dumps({"streams": [{"id": f"s{n:02}", "state": state} for n in range(60)]}))
    done = json.loads(plan(fleet, "--measured", measured, "--json").stdout)
    assert len(done["shards"]) == 2  # 44 of a service's thread, at 0.1 cores each
    assert done["shards"][0]["streams"]["s00"]["origin"] == "measured"
    measured.write_text("[]")
    assert "no answer to GET /api/v1/streams" in plan(fleet, "--measured", measured).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to any group")
def test_files_belong_to_the_group_of_the_fleets_file(fleet: Path, tmp_path: Path) -> None:
    os.chown(fleet, -1, 4711)
    out = tmp_path / "shards"
    plan(fleet, "--out", out)
    assert {path.stat().st_gid for path in out.iterdir()} == {4711}


def test_an_earlier_plan_must_be_one(fleet: Path, tmp_path: Path) -> None:
    done = plan(fleet, "--earlier", tmp_path)
    assert (done.exit_code, "has no shard of an earlier plan" in done.stderr) == (USAGE, True)
