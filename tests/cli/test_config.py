"""`transcoder config` and `transcoder audit` on a gateway's file and store, while no gateway runs."""

import asyncio
import json
from pathlib import Path

import pytest
import yaml

from tests.cli.test_main import invoke
from transcoder.config import Config, load_file
from transcoder.config.kept_changes import Overlay
from transcoder.exit_codes import NO, OK, USAGE
from transcoder.service.audit import GENESIS, Entry
from transcoder.service.state_database import FILE_NAME
from transcoder.service.store import Store

FILE = """\
# the file of the north gate
streams:
  front: {source: {url: "rtsp://10.0.0.2/x", username: u, password: "front-pw"}, video: {fps: 10}}
  yard: {source: "rtsp://10.0.0.3/y"}
"""
ADDED = {"source": {"url": "rtsp://10.0.0.4/z", "username": "u", "password": "$" + "{gate}-pw"}}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(f"state_dir: {tmp_path / 'state'}\n{FILE}")
    return path


@pytest.fixture
def changed(config: Path, tmp_path: Path) -> Path:
    """The same, after three changes at runtime."""

    async def change() -> None:
        store = Store(tmp_path / "state")
        await store.open()
        overlays = {
            "front": Overlay(keys={"video": {"fps": 5}}),
            "yard": Overlay(removed=True),
            "gate": Overlay(keys=ADDED),
        }
        entries = [Entry(who="http:ops", what="update", stream=name, detail={}) for name in overlays]
        await store.commit(entries, overlays, yaml.safe_load(config.read_text()))
        await store.close()

    asyncio.run(change())
    return config


def test_nothing_was_changed(config: Path) -> None:
    assert (invoke("config", "diff", config).exit_code, invoke("config", "diff", config).stdout) == (OK, "")
    shown = invoke("config", "show", config).stdout
    assert yaml.safe_load(shown)["streams"]["front"]["video"]["fps"] == 10
    assert yaml.safe_load(invoke("config", "export", config).stdout) == yaml.safe_load(config.read_text())


def test_diff_names_every_change(changed: Path) -> None:
    done = invoke("config", "diff", changed)
    assert done.exit_code == NO
    assert set(done.stdout.splitlines()) == {"~ front.video.fps: 10.0 -> 5.0", "- yard", "+ gate: rtsp://10.0.0.4/z"}


def test_show_holds_no_secret_and_says_where_each_stream_is_from(changed: Path) -> None:
    shown = invoke("config", "show", changed).stdout
    assert "-pw" not in shown
    assert set(yaml.safe_load(shown)["streams"]) == {"front", "gate"}
    assert "# changed at runtime\n  front:" in shown
    assert "# added at runtime\n  gate:" in shown


def test_show_holds_every_section_and_no_secret_of_any(config: Path) -> None:
    config.write_text("""
node: gw1
rtsp: {listen: "127.0.0.1:8555", users: {vms: {password: vms-pw}}}
http: {listen: "127.0.0.1:8081", tokens: {ops: {token: ops-pw, role: control}}}
mqtt: {url: "mqtt://gw:mqtt-pw@10.0.0.9"}
defaults: {source: {username: viewer-name, password: shared-pw}, video: {fps: 7}}
streams:
  a: {source: "rtsp://10.0.0.2/a@b"}
  b: {source: "rtsp://10.0.0.3/user=admin&password=path-pw&channel=1"}
""")
    done = invoke("config", "show", config)
    assert done.exit_code == OK
    shown = yaml.safe_load(done.stdout)
    assert set(shown) == set(Config.model_fields)
    assert shown["rtsp"]["listen"] == "127.0.0.1:8555"
    assert shown["rtsp"]["users"]["vms"]["password"] == "***"
    assert shown["http"]["tokens"]["ops"] == {"token": "***", "token_file": None, "role": "control"}
    assert (shown["mqtt"]["url"], shown["mqtt"]["username"], shown["mqtt"]["password"]) == (
        "mqtt://10.0.0.9",
        "gw",
        "***",
    )
    assert shown["defaults"]["video"]["fps"] == 7
    assert shown["streams"]["a"]["source"]["url"] == "rtsp://10.0.0.2/a@b"  # the host that is connected to
    for secret in ("-pw", "viewer-name"):
        assert secret not in done.stdout


def test_export_is_a_file_that_says_the_same(changed: Path, tmp_path: Path) -> None:
    exported = invoke("config", "export", changed).stdout
    found = yaml.safe_load(exported)["streams"]
    assert set(found) == {"front", "gate"}
    assert found["front"]["source"]["password"] == "front-pw"
    assert found["front"]["video"]["fps"] == 5
    assert found["gate"]["source"]["password"] == "$$" + "{gate}-pw"  # in a file a single $ would name a variable
    path = tmp_path / "exported.yaml"
    path.write_text(exported)
    assert invoke("check", path).exit_code == OK


def test_changes_of_assets_are_shown_told_apart_and_exported(config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text() + "assets: {pole-17: {site: Harbour, planned: 2026-Q4}, shed: {}}\n")

    async def change() -> None:
        store = Store(tmp_path / "state")
        await store.open()
        assets = {
            "pole-17": Overlay(keys={"planned": "2027-Q2"}),
            "pole-18": Overlay(keys={"brand": "Axis", "notes": "$" + "{key}"}),
            "shed": Overlay(removed=True),
        }
        await store.commit([], {}, yaml.safe_load(config.read_text()), assets)
        await store.close()

    asyncio.run(change())
    done = invoke("config", "diff", config)
    assert (done.exit_code, done.stdout.splitlines()) == (
        1,
        [
            "~ assets.pole-17.planned: 2026-Q4 -> 2027-Q2",
            "+ assets.pole-18",
            "~ assets.pole-18.brand: Axis",
            "~ assets.pole-18.notes: ${key}",
            "- assets.shed",
        ],
    )
    shown = invoke("config", "show", config).stdout
    assert "  # changed at runtime\n  pole-17:" in shown
    assert yaml.safe_load(shown)["assets"] == {
        "pole-17": {"site": "Harbour", "planned": "2027-Q2"},
        "pole-18": {"brand": "Axis", "notes": "$" + "{key}"},
    }
    exported = tmp_path / "exported.yaml"
    exported.write_text(invoke("config", "export", config).stdout)
    assert load_file(exported).config.assets["pole-18"].notes == "$" + "{key}"
    assert set(load_file(exported).config.assets) == {"pole-17", "pole-18"}


def test_a_file_that_is_not_valid(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("streams: 5\n")
    for arguments in (["config", "show"], ["config", "diff"], ["config", "export"], ["audit", "verify"]):
        done = invoke(*arguments, path)
        assert (done.exit_code, done.stdout) == (USAGE, "")
        assert "streams" in done.stderr


def test_audit(changed: Path, tmp_path: Path) -> None:
    records = [json.loads(line) for line in invoke("audit", "export", changed).stdout.splitlines()]
    assert [(record["sequence"], record["stream"]) for record in records] == [(1, "front"), (2, "yard"), (3, "gate")]
    done = invoke("audit", "verify", changed)
    assert (done.exit_code, done.stdout) == (OK, f"the audit log is whole: 3 records, head {records[-1]['hash']}\n")
    assert invoke("audit", "verify", changed, "--head", records[1]["hash"]).exit_code == OK
    done = invoke("audit", "verify", changed, "--head", "0" * 63 + "1")
    assert (done.exit_code, "doesn't contain the given record" in done.stdout) == (NO, True)
    (tmp_path / "state" / FILE_NAME).write_bytes(b"no database")
    assert invoke("audit", "verify", changed).exit_code == USAGE


@pytest.mark.parametrize("left", [None, b""], ids=["no file", "an empty file"])
def test_a_log_that_is_missing_is_not_whole(config: Path, tmp_path: Path, left: bytes | None) -> None:
    """A copied file in another folder, the time before the first start, a log that was taken away."""
    log = tmp_path / "state" / FILE_NAME
    if left is not None:
        log.parent.mkdir()
        log.write_bytes(left)
    told = f"there is no audit log at {log}"
    for head in ([], ["--head", GENESIS]):
        done = invoke("audit", "verify", config, *head)
        assert (done.exit_code, done.stdout.startswith(told)) == (NO, True)
    done = invoke("audit", "export", config)
    assert (done.exit_code, done.stdout, done.stderr.startswith(told)) == (NO, "", True)


def test_the_log_of_a_gateway_that_changed_nothing_is_whole(config: Path, tmp_path: Path) -> None:
    async def start() -> None:
        store = Store(tmp_path / "state")
        await store.open()
        await store.close()

    asyncio.run(start())
    done = invoke("audit", "verify", config)
    assert (done.exit_code, done.stdout) == (OK, f"the audit log is whole: 0 records, head {GENESIS}\n")
    assert invoke("audit", "export", config).stdout == ""


def test_a_gateway_that_keeps_nothing_has_no_changes_and_no_audit_log(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("streams: {front: {source: 'rtsp://10.0.0.2/x'}}\nstate_dir: null\n")
    assert "state_dir: null" in invoke("config", "show", path).stdout
    assert invoke("config", "diff", path).exit_code == OK
    done = invoke("audit", "verify", path)
    assert (done.exit_code, done.stdout) == (NO, "there is no audit log: state_dir is null, so that nothing is kept\n")
    done = invoke("backup", path, tmp_path / "x.tar")
    assert (done.exit_code, "configuration alone" in done.stderr) == (OK, True)
    assert invoke("restore", tmp_path / "new" / "gateway.yaml", tmp_path / "x.tar").exit_code == OK
