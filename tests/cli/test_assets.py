"""The commands `transcoder assets import|export`, against the state of a gateway, whether it runs or not."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from tests.cli.test_logs import TOKENS, World
from transcoder.cli.gateway_client import GatewayClient
from transcoder.cli.main import command_line
from transcoder.exit_codes import NO, OK, USAGE
from transcoder.service.state_folder import lock_folder
from transcoder.service.state_reader import read_audit

LIST = """\
HardwareName,HardwareAddress,MacAddress,UserName,Password,DriverDisplayName
Ingang Noord,http://192.168.10.11/,44:19:b6:3f:5e:51,root,hunter2,HiLook X
Plein,192.168.10.12,,root,hunter2,Unheard of
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text("node: gw1\nstate_dir: state\nhttp: {listen: 127.0.0.1:9}\nstreams: {}\n")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command_line(), list(map(str, arguments)))


def load_list(config: Path, text: str, *options: object) -> Result:
    table = config.with_name("list.csv")
    table.write_text(text)
    return run("assets", "import", table, "--config", config, *options)


def test_a_plan_changes_nothing(config: Path) -> None:
    done = load_list(config, LIST)
    assert done.exit_code == OK, done.output
    assert "+ ingang-noord (Ingang Noord): stream ingang-noord" in done.output
    assert "nothing was changed" in done.output
    assert not (config.parent / "state").exists()
    assert "hunter2" not in done.output


def test_a_list_is_imported_and_changes_nothing_a_second_time(config: Path) -> None:
    assert load_list(config, LIST, "--apply").exit_code == OK
    again = load_list(config, LIST, "--apply")
    assert again.exit_code == OK
    assert "0 added, 0 changed, 2 unchanged" in again.output
    shown = run("config", "show", config).output
    assert "rtsp://192.168.10.11/Streaming/Channels/101" in shown
    assert "hunter2" not in shown
    records = read_audit(config.parent / "state") or []
    assert {record.what for record in records} >= {"asset_import", "asset_add"}
    assert all(record.who.startswith("command line:") for record in records)
    assert not any("hunter2" in record.detail for record in records)


def test_a_change_is_written_and_recorded(config: Path) -> None:
    assert load_list(config, LIST, "--apply").exit_code == OK
    done = load_list(config, "id,planned,site\nplein,2027-Q2,Centrum\n", "--apply")
    assert done.exit_code == OK
    assert "~ plein (Plein)" in done.output
    rows = list(csv.DictReader(io.StringIO(run("assets", "export", "--config", config).output.removeprefix("\ufeff"))))
    assert [(row["id"], row["planned"], row["site"]) for row in rows] == [
        ("ingang-noord", "", ""),
        ("plein", "2027-Q2", "Centrum"),
    ]


def test_what_is_exported_is_imported_as_unchanged(config: Path) -> None:
    assert load_list(config, LIST, "--apply").exit_code == OK
    text = run("assets", "export", "--config", config).output
    assert "hunter2" not in text
    assert "0 added, 0 changed, 2 unchanged" in load_list(config, text).output
    document = json.loads(run("assets", "export", "--config", config, "--format", "json").output)
    assert [each["state"] for each in document["assets"]] == ["legacy", "legacy"]
    assert len(document["audit_head"]) == 64


def test_refused_rows_are_named_and_the_others_imported(config: Path) -> None:
    done = load_list(config, LIST + "Buiten,8.8.8.8,,,,HiLook\n", "--apply")
    assert done.exit_code == NO
    assert "! line 4: " in done.output
    assert "2 added" in done.output


@pytest.mark.parametrize(("text", "words"), [("", "empty"), ("a;b\n1;2\n", "no column")])
def test_what_is_no_list_is_refused(config: Path, text: str, words: str) -> None:
    done = load_list(config, text, "--map", "name=c")
    assert done.exit_code == USAGE
    assert words in done.output


def test_a_file_that_is_missing_is_named(config: Path) -> None:
    assert run("assets", "import", "nowhere.csv", "--config", config).exit_code == USAGE


def test_a_gateway_that_runs_is_asked_and_its_state_left_alone(config: Path) -> None:
    assert load_list(config, LIST, "--apply").exit_code == OK
    held, _ = lock_folder(config.parent / "state")
    assert held is not None
    done = load_list(config, "id,site\nplein,Centrum\n", "--apply")
    assert done.exit_code == USAGE
    assert "no gateway answers at http://127.0.0.1:9" in done.output


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path, TOKENS)
    await made.start()
    yield made
    await made.stop()


async def test_a_running_gateway_changes_all_of_a_list_or_none(world: World, tmp_path: Path) -> None:
    assert world.config.state_dir is not None
    world.config.state_dir.mkdir(exist_ok=True)
    held, _ = lock_folder(world.config.state_dir)
    assert held is not None
    done = await asyncio.to_thread(load_list, world.path, LIST, "--apply")
    assert done.exit_code == OK, done.output
    assert "changed by the running gateway" in done.output
    assert "hunter2" not in done.output
    config = world.controller.config
    assert sorted(config.assets) == ["ingang-noord", "plein"]
    assert config.streams["ingang-noord"].asset == "ingang-noord"
    password = config.streams["ingang-noord"].source.password
    assert password is not None
    assert password.get_secret_value() == "hunter2"
    token = tmp_path / "token"
    token.write_text("e" * 20 + "\n")
    done = await asyncio.to_thread(load_list, world.path, "name,site\nNew,x\n", "--apply", "--token-file", token)
    assert done.exit_code == USAGE, "a token that may only read changes nothing"
    assert "new" not in world.controller.config.assets
    done = await asyncio.to_thread(load_list, world.path, "name\nNew\n", "--apply", "--token-file", tmp_path / "gone")
    assert done.exit_code == USAGE


async def test_metrics_are_read_from_the_running_gateway(world: World) -> None:
    text = await asyncio.to_thread(GatewayClient(world.config, world.path).metrics)
    assert "transcoder_sanitized_units" in text
