"""The commands `transcoder report` and `transcoder report verify`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from transcoder.cli.main import command_line
from transcoder.cli.manual import man_page
from transcoder.exit_codes import NO, OK, USAGE

CONFIG = """\
node: gw1
state_dir: state
streams:
  quay: {source: "rtsp://192.168.10.3/x", asset: pole}
assets:
  pole: {title: "Quay (192.168.10.3)", maker: Dahua, serial: SERIAL-0815, planned: 2027-Q2}
  old: {maker: Hikvision, retired: 2024-02-01}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIG)
    (tmp_path / "state").mkdir()
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command_line(), list(map(str, arguments)))


def test_a_report_is_written_signed_and_checked(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("report", "--config", config, "--out", out)
    assert done.exit_code == OK, done.output
    assert "Of 2 cameras in scope, 1 is out of use" in done.output
    assert sorted(path.name for path in out.iterdir()) == ["assets.csv", "report.html", "report.json"]
    text = "".join(path.read_text() for path in out.iterdir())
    assert "192.168.10.3" not in text
    assert "SERIAL-0815" not in text
    checked = run("report", "verify", out / "report.json", "--key", tmp_path / "state" / "verify.key.pub")
    assert (checked.exit_code, "as it was signed: public report of gw1" in checked.output) == (OK, True)
    assert "compare it with the operator's" in run("report", "verify", out / "report.json").output


def test_the_internal_report_in_dutch_has_the_address_and_the_counters(config: Path, tmp_path: Path) -> None:
    counters = tmp_path / "cameras.prom"
    counters.write_text('transcoder_camera_network_dropped_packets_total{reason="calls_home"} 4711\n')
    out = tmp_path / "out"
    done = run(
        "report", "--config", config, "--out", out, "--internal", "--lang", "nl", "--network", counters,
        "--from", "2024-01-01", "--to", "2024-12-31",
    )  # fmt: skip
    assert done.exit_code == OK, done.output
    page = (out / "report.html").read_text()
    assert "192.168.10.3" in page
    assert "4.711" in page
    assert "Van de 2 camera" in page
    assert json.loads((out / "report.json").read_text())["statement"]["period"] == {
        "from": "2024-01-01",
        "to": "2024-12-31",
    }


def test_a_report_without_a_kept_state_says_so_and_makes_no_state(config: Path, tmp_path: Path) -> None:
    (tmp_path / "state").rmdir()
    out = tmp_path / "out"
    done = run("report", "--config", config, "--out", out)
    assert (done.exit_code, "there is no state in" in done.stderr) == (OK, True)
    assert "which is kept nowhere" in done.stdout
    assert not (tmp_path / "state").exists()
    said = "come from the configuration file alone"
    assert said in (out / "report.html").read_text()
    assert json.loads((out / "report.json").read_text())["statement"]["has_state"] is False
    assert run("report", "verify", out / "report.json").exit_code == OK


@pytest.mark.parametrize(
    "arguments",
    [
        ("config", "show", "FILE"),
        ("config", "diff", "FILE"),
        ("config", "export", "FILE"),
        ("audit", "verify", "FILE"),
        ("audit", "export", "FILE"),
        ("assets", "export", "--config", "FILE"),
        ("assets", "import", "LIST", "--config", "FILE"),
        ("check", "FILE"),
        ("report", "--config", "FILE", "--out", "OUT"),
    ],
)
def test_commands_that_read_make_no_state(arguments: tuple[str, ...], config: Path, tmp_path: Path) -> None:
    (tmp_path / "state").rmdir()
    (tmp_path / "list.csv").write_text("name,address\nQuay,192.168.10.4\n")
    places = {"FILE": config, "LIST": tmp_path / "list.csv", "OUT": tmp_path / "out"}
    done = run(*(places.get(each, each) for each in arguments))
    assert done.exit_code in {OK, NO}, done.output
    assert not (tmp_path / "state").exists()


def test_a_changed_report_is_found_out(config: Path, tmp_path: Path) -> None:
    assert run("report", "--config", config, "--out", tmp_path).exit_code == OK
    path = tmp_path / "report.json"
    path.write_text(path.read_text().replace('"value": 2', '"value": 3', 1))
    checked = run("report", "verify", path)
    assert checked.exit_code == NO
    assert "not as it was signed" in checked.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("report",),
        ("report", "--out", "x"),
        ("report", "verify", "nowhere.json"),
    ],
)
def test_what_can_not_be_done_is_said(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == USAGE


def test_a_period_that_ends_before_it_begins_is_refused(config: Path, tmp_path: Path) -> None:
    done = run("report", "--config", config, "--out", tmp_path, "--from", "2026-01-02", "--to", "2026-01-01")
    assert done.exit_code == USAGE
    assert "--from" in done.output


def test_the_manual_has_both_commands() -> None:
    text = man_page()
    assert "transcoder report verify" in text
    assert "\\-\\-internal" in text
