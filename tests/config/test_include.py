"""Configurations of several files: what is put together, and what is refused by name."""

import os
from pathlib import Path

import pytest

from transcoder.config import include, load_file
from transcoder.config.permissions import loose_permissions
from transcoder.errors import ConfigError

CAMERA = "{{source: rtsp://10.0.0.{}/}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "gateway.yaml").write_text("include: conf.d/*.yaml\nstreams: {}\n")
    return tmp_path


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / "conf.d" / f"{name}.yaml").write_text(text)


def _problems(folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_file(folder / "gateway.yaml")
    return [line.replace(f"{folder}/", "") for line in caught.value.lines]


def test_files_are_read_in_the_order_of_their_names_and_hidden_ones_are_not(folder: Path) -> None:
    _write(
        folder,
        b=f"streams: {{b: {CAMERA.format(2)}}}\nrtsp: {{users: {{vms: {{password: s3cret-s3cret}}}}}}",
        a=f"streams: {{z: {CAMERA.format(3)}}}\n"
        "rtsp: {users: {wall: {password: s3cret-s3cret}}, listen: '0.0.0.0:8554'}",
        empty="# nothing yet\n",
    )
    (folder / "conf.d" / ".b.yaml.swp.yaml").write_text("streams: [")  # an editor's
    (folder / "conf.d" / "notes.txt").write_text("streams: [")
    file = load_file(folder / "gateway.yaml")
    assert list(file.config.streams) == ["z", "b"]
    assert set(file.config.rtsp.users) == {"vms", "wall"}
    assert [each.name for each in file.files] == ["gateway.yaml", "a.yaml", "b.yaml", "empty.yaml"]


def test_defaults_and_secrets_hold_for_the_streams_of_all_files(folder: Path) -> None:
    (folder / "cameras.secret").write_text("word")
    _write(folder, a=f"streams: {{a: {CAMERA.format(2)}}}")
    with (folder / "gateway.yaml").open("a") as main:
        main.write("defaults: {source: {username: u, password_file: cameras.secret}}\n")
    password = load_file(folder / "gateway.yaml").config.streams["a"].source.password
    assert password is not None
    assert password.get_secret_value() == "word"


def test_a_key_or_a_stream_that_two_files_give_is_named_with_both(folder: Path) -> None:
    _write(folder, a=f"node: x\nstreams: {{a: {CAMERA.format(2)}}}", b=f"node: y\nstreams:\n  a: {CAMERA.format(3)}")
    assert _problems(folder) == [
        "conf.d/a.yaml:1: node: given twice, in conf.d/a.yaml and in conf.d/b.yaml",
        "conf.d/a.yaml:2: streams.a: given twice, in conf.d/a.yaml and in conf.d/b.yaml",
    ]


def test_a_problem_is_told_with_the_file_and_line_that_it_is_in(folder: Path) -> None:
    _write(folder, a=f"# site a\nstreams:\n  a: {CAMERA.format(2)}\n  b:\n    source: http://x/\n    audio: loud\n")
    first, second = sorted(_problems(folder))
    assert first.startswith("conf.d/a.yaml:5: streams.b.source: must start with rtsp://")
    assert second.startswith("conf.d/a.yaml:6: streams.b.audio: must be 'drop' or 'reencode'")


def test_nothing_goes_in_a_circle(folder: Path) -> None:
    _write(folder, a="include: b.yaml\n")
    (line,) = _problems(folder)
    assert line.startswith("conf.d/a.yaml: include: an included file includes no more")
    (folder / "gateway.yaml").write_text("include: '*.yaml'\nstreams: {}\n")
    assert _problems(folder) == ["gateway.yaml:1: include: gateway.yaml is the file that includes it"]


def test_a_file_is_included_once(folder: Path) -> None:
    _write(folder, a=f"streams: {{a: {CAMERA.format(2)}}}")
    (folder / "gateway.yaml").write_text("include: [conf.d/*.yaml, conf.d/a.yaml]\nstreams: {}\n")
    assert list(load_file(folder / "gateway.yaml").config.streams) == ["a"]
    (folder / "conf.d/b.yaml").symlink_to("a.yaml")
    assert _problems(folder) == ["gateway.yaml:1: include: conf.d/b.yaml is conf.d/a.yaml once more"]


@pytest.mark.timeout(20)
def test_what_is_no_file_of_text_is_named_and_holds_nothing_up(folder: Path) -> None:
    os.mkfifo(folder / "conf.d/pipe.yaml")
    (folder / "conf.d/loop.yaml").symlink_to("loop.yaml")
    (folder / "conf.d/gone.yaml").symlink_to("nowhere")
    (folder / "conf.d/folder.yaml").mkdir()
    (folder / "conf.d/zero.yaml").symlink_to("/dev/zero")
    (folder / "conf.d/latin.yaml").write_bytes(b"node: caf\xe9")
    assert _problems(folder) == [
        "gateway.yaml:1: include: conf.d/folder.yaml is not a regular file",
        "gateway.yaml:1: include: conf.d/gone.yaml can't be read: No such file or directory",
        "gateway.yaml:1: include: conf.d/latin.yaml is not UTF-8 text",
        "gateway.yaml:1: include: conf.d/loop.yaml can't be read: Too many levels of symbolic links",
        "gateway.yaml:1: include: conf.d/pipe.yaml is not a regular file",
        "gateway.yaml:1: include: conf.d/zero.yaml is not a regular file",
    ]


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("missing.yaml", "missing.yaml can't be read: No such file or directory"),
        ("missing/*.yaml", "missing/*.yaml: No such file or directory"),
        ("*/a.yaml", "*/a.yaml: * ? [ may stand in the last part of a pattern only"),
        ("'**/*.yaml'", "**/*.yaml: * ? [ may stand in the last part of a pattern only"),
        ("$" + "{UNSET_HERE}.yaml", "environment variable UNSET_HERE is not set"),
        ("5", "must be a list (it is 5)"),
    ],
)
def test_a_pattern_that_can_not_be_followed(folder: Path, pattern: str, says: str) -> None:
    (folder / "gateway.yaml").write_text(f"include: {pattern if pattern[0] != '*' else repr(pattern)}\nstreams: {{}}\n")
    assert f"gateway.yaml:1: include: {says}" in _problems(folder)


def test_all_files_together_have_bounds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = "x-a0: &a0 [x, x]\n" + "".join(f"x-a{i}: &a{i} [{f'*a{i - 1}, ' * 9}]\n" for i in range(1, 6))  # 133,000
    _write(folder, **dict.fromkeys("abcde", bomb))
    assert any("more than 500000 values, aliases counted in full" in line for line in _problems(folder))
    _write(folder, **dict.fromkeys("abcde", "#" * 1_000_000))
    says = "gateway.yaml:1: include: conf.d/e.yaml makes the configuration larger than 4194304 bytes"
    assert _problems(folder) == [says]
    monkeypatch.setattr(include, "MAX_FILES", 3)
    assert "gateway.yaml:1: include: names 5 files; at most 3 may be included" in _problems(folder)
    monkeypatch.setattr(include, "MAX_ENTRIES", 4)
    assert "gateway.yaml:1: include: conf.d/*.yaml: its folder has more than 4 entries" in _problems(folder)


def test_an_included_file_with_a_password_that_others_may_read_is_named(folder: Path) -> None:
    _write(folder, a="streams: {a: {source: 'rtsp://u:word@10.0.0.2/'}}")
    (folder / "conf.d/a.yaml").chmod(0o644)
    file = load_file(folder / "gateway.yaml")
    lines = loose_permissions(folder / "gateway.yaml", file)
    assert any(f"{folder}/conf.d/a.yaml holds passwords" in line for line in lines)
