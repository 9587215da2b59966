"""The command: what it prints, what it ends with, and a real worker looked at."""

import json
import os
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from transcoder.config import load_file
from transcoder.doctor import command, sandbox
from transcoder.doctor.command import DoctorOptions, doctor, document, line
from transcoder.doctor.files import permissions
from transcoder.doctor.finding import Finding, Subject
from transcoder.doctor.machine import kernel_finding, user
from transcoder.exit_codes import NO, OK

FINE = Finding(check="a", level="ok", text="all is well")
WARNING = Finding(check="b", level="warning", text="old", advice="renew it")
ERROR = Finding(check="c", level="error", text="gone", advice="bring it back")


def run(found: list[Finding], monkeypatch: pytest.MonkeyPatch, *, as_json: bool = False) -> tuple[int, str]:
    async def examine(subject: Subject) -> list[Finding]:
        assert subject.file is None
        return found

    monkeypatch.setattr(command, "examine", examine)
    out = StringIO()
    return doctor(DoctorOptions(as_json=as_json), Console(file=out, width=200)), out.getvalue()


@pytest.mark.parametrize(("found", "code"), [([FINE], OK), ([FINE, WARNING], OK), ([WARNING, ERROR, FINE], NO)])
def test_only_an_error_is_a_no(found: list[Finding], code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    got, text = run(found, monkeypatch)
    assert got == code
    assert [line.split()[0] for line in text.splitlines()] == [finding.level for finding in found]


def test_a_line_says_the_fact_and_what_to_do() -> None:
    assert line(WARNING).plain.split() == ["warning", "b", "old:", "renew", "it"]
    assert line(FINE).plain.endswith("all is well")


def test_json_has_the_same_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = run([FINE, ERROR], monkeypatch, as_json=True)
    told: dict[str, Any] = json.loads(text)
    assert code == NO
    assert told == json.loads(json.dumps(document([FINE, ERROR])))
    assert told["ok"] is False
    assert told["findings"][1] == {"check": "c", "level": "error", "text": "gone", "advice": "bring it back"}


@pytest.mark.parametrize(
    ("release", "level"),
    [
        ("4.19.0-26", "error"),
        ("5.4.0", "warning"),
        ("6.1.0-31-amd64", "warning"),
        ("6.12.1", "ok"),
        ("7.0", "ok"),
    ],
)
def test_a_kernel_is_judged_by_its_version(release: str, level: str) -> None:
    assert kernel_finding(release).level == level


async def test_files_that_everybody_may_read_are_told_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "gw.yaml"
    path.write_text("streams: {front: {source: 'rtsp://u:secret@192.168.10.2/'}}\n")
    path.chmod(0o604)
    tmp_path.chmod(0o700)
    subject = Subject(path=path, file=load_file(path))
    [finding] = await permissions(subject)
    assert (finding.level, finding.advice) == ("warning", "chmod o-r")
    path.chmod(0o600)
    [finding] = await permissions(subject)
    assert finding.level == "ok"
    assert await permissions(Subject()) == []


async def test_another_users_state_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gw.yaml"
    path.write_text("streams: {}\nstate_dir: .\n")
    subject = Subject(path=path, file=load_file(path))
    assert [finding.level for finding in await user(subject)] == ["ok"]
    monkeypatch.setattr("os.geteuid", lambda: 4711)
    [finding] = await user(subject)
    assert (finding.level, "user 4711" in finding.text) == ("warning", True)


@pytest.mark.process
@pytest.mark.parametrize(("split", "processes"), [(False, ["worker"]), (True, ["decoder", "encoder"])])
async def test_the_processes_of_a_stream_are_looked_at(
    split: bool, processes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gw.yaml"
    path.write_text(f"streams: {{}}\nworker: {{split: {str(split).lower()}}}\n")
    if cache := os.environ.get("NUMBA_CACHE_DIR"):
        monkeypatch.setattr(sandbox, "_own_folder", lambda _: Path(cache))
    found = {finding.check: finding for finding in await sandbox.sandbox(Subject(path=path, file=load_file(path)))}
    fine = {check for check, finding in found.items() if finding.level == "ok"}
    assert found["picture"].text == "a worker decoded and encoded a built-in picture"
    for process in processes:
        assert {f"{process} {name}" for name in ("Seccomp", "NoNewPrivs", "memory", "descriptors", "core")} <= fine
        if "measure user namespace" in fine:
            assert {f"{process} {name}" for name in ("CapEff", "files", "network", "namespace pid")} <= fine
    assert {finding.level for finding in found.values()} <= {"ok", "warning"}
