"""`push` of a stream, in the file and at runtime: what is taken, what is refused in which words, and what is shown."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from transcoder.config import Config, ConfigFile, parse
from transcoder.config.load import load_file
from transcoder.config.overlay import EffectiveConfig
from transcoder.config.permissions import loose_permissions, named_files
from transcoder.config.push import MAX_PUSHES
from transcoder.config.remote import HIDDEN, check_remote
from transcoder.control.shown import hide, restore_secrets, shown
from transcoder.errors import ConfigError

SOURCE = "rtsp://10.0.0.2/live"


def parsed(push: Any, folder: Path = Path("/nonexistent"), **top: Any) -> Config:
    return parse(yaml.safe_dump({"streams": {"front": {"source": SOURCE, "push": push}}, **top}), folder, {})


def problem(push: Any) -> str:
    with pytest.raises(ConfigError) as error:
        parsed(push)
    (line,) = error.value.problems
    return line


def test_a_url_alone_is_a_target() -> None:
    push = parsed({"vms": "rtsp://gw:s3cr3t@10.0.0.9:8554/in/front"}).streams["front"].push["vms"]
    assert (push.url, push.rendition, push.enabled) == ("rtsp://10.0.0.9:8554/in/front", "main", True)
    assert push.username is not None
    assert push.username.get_secret_value() == "gw"
    assert push.password is not None
    assert push.password.get_secret_value() == "s3cr3t"
    assert "s3cr3t" not in repr(push)


def test_secrets_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "vms.secret").write_text("s3cr3t\n")
    (tmp_path / "key.secret").write_text("k3y\n")
    vms = {"url": "rtsps://vms.example/in", "username": "gw", "password_file": "vms.secret"}
    tube = {"url": "rtmp://tube.example/live2", "stream_key_file": "key.secret"}
    pushes = parsed({"vms": vms, "tube": tube}, tmp_path).streams["front"].push
    assert pushes["vms"].password is not None
    assert pushes["vms"].password.get_secret_value() == "s3cr3t"
    assert pushes["tube"].stream_key is not None
    assert pushes["tube"].stream_key.get_secret_value() == "k3y"
    assert (pushes["vms"].split.port, pushes["tube"].split.port) == (322, 1935)


@pytest.mark.parametrize(
    ("push", "words"),
    [
        ({"a": "srt://10.0.0.9:9000"}, "built without SRT"),
        ({"a": "rtmps://tube.example/live/k3y"}, "rtmps:// can't be sent"),
        ({"a": "http://10.0.0.9/"}, "http:// can't be sent to"),
        ({"a": "file:///etc/passwd"}, "must start with rtsp:// or rtsps:// or rtmp:// or udp://"),
        ({"a": "udp://10.0.0.9"}, "must be udp://host:port and nothing else"),
        ({"a": "udp://10.0.0.9:5000/x"}, "must be udp://host:port and nothing else"),
        ({"a": {"url": "udp://10.0.0.9:5000", "username": "u"}}, "udp:// knows no login"),
        ({"a": {"url": "rtsp://10.0.0.9/x", "stream_key": "k"}}, "rtsp:// knows none"),
        ({"a": {"url": "rtsp://10.0.0.9/x", "password": "p"}}, "has a password and no username"),
        ({"a": {"url": "rtsp://10.0.0.9/x", "rendition": "sub"}}, "push.a.rendition names no output"),
        ({"A b": "rtsp://10.0.0.9/x"}, "lower-case letters"),
    ],
)
def test_what_can_not_be_sent_is_refused_in_words(push: Any, words: str) -> None:
    line = problem(push)
    assert words in line
    assert line.startswith("streams.front")
    assert "k3y" not in line


def test_the_file_of_a_stream_key_is_one_of_a_secret(tmp_path: Path) -> None:
    (tmp_path / "key.secret").write_text("k3y")
    (tmp_path / "key.secret").chmod(0o644)
    path = tmp_path / "gateway.yaml"
    tube = {"url": "rtmp://tube.example/live2", "stream_key_file": "key.secret"}
    path.write_text(yaml.safe_dump({"streams": {"front": {"source": SOURCE, "push": {"tube": tube}}}}))
    found = loose_permissions(path, load_file(path))
    assert [line for line in found if "key.secret" in line and "chmod o-r" in line]
    assert ("key.secret", True) in list(named_files({"push": {"tube": tube}}))  # backups take it along


def test_targets_are_few() -> None:
    assert "push" in problem({f"t{number}": "rtsp://10.0.0.9/x" for number in range(MAX_PUSHES + 1)})


# -- what is shown, and what a writer elsewhere can do -----------------------------------------------------------------


def effective(tmp_path: Path, push: Any) -> EffectiveConfig:
    path = tmp_path / "gateway.yaml"
    path.write_text(yaml.safe_dump({"streams": {"front": {"source": SOURCE, "push": push}}}))
    file: ConfigFile = load_file(path)
    return EffectiveConfig.build(file, {})


TUBE = {"url": "rtmp://tube.example/live2/k3y-in-path", "stream_key": "k3y"}
VMS = {"url": "rtsp://10.0.0.9/in", "username": "gw", "password": "s3cr3t"}


def test_no_secret_is_shown(tmp_path: Path) -> None:
    stream = effective(tmp_path, {"tube": TUBE, "vms": VMS}).config.streams["front"]
    told = shown(stream)["push"]
    assert told["tube"]["url"] == f"rtmp://tube.example/{HIDDEN}"
    assert told["vms"]["url"] == f"rtsp://10.0.0.9/{HIDDEN}"
    assert not [secret for secret in ("k3y", "s3cr3t", "'gw'") if secret in repr(told)]
    assert not [secret for secret in ("k3y", "s3cr3t") if secret in repr(hide({"push": {"tube": TUBE, "vms": VMS}}))]


def test_a_target_as_it_was_shown_keeps_its_secrets(tmp_path: Path) -> None:
    before = effective(tmp_path, {"tube": TUBE, "vms": VMS})
    stream = before.config.streams["front"]
    restored = restore_secrets({**shown(stream), "audio": "reencode"}, stream)
    after = before.replace("front", restored).config.streams["front"]
    assert (after.push, after.audio) == (stream.push, "reencode")


def test_a_password_never_goes_to_another_target(tmp_path: Path) -> None:
    before = effective(tmp_path, {"vms": VMS})
    changed = before.update("front", {"push": {"vms": {"url": "rtsp://10.0.0.66/in"}}})
    assert changed.config.streams["front"].push["vms"].password is None
    again = changed.update("front", {"push": {"vms": {"url": "rtsp://10.0.0.67/in", "username": "u", "password": "p"}}})
    last = again.update("front", {"push": {"vms": {"url": "rtsp://10.0.0.68/in"}}}).config.streams["front"].push["vms"]
    assert (last.username, last.password) == (None, None)


def test_a_target_is_switched_off_and_taken_away_at_runtime(tmp_path: Path) -> None:
    before = effective(tmp_path, {"vms": VMS, "other": "rtsp://10.0.0.9/other"})
    off = before.update("front", {"push": {"vms": {"enabled": False}, "other": {"enabled": False}}})
    pushes = off.config.streams["front"].push
    assert [push.enabled for push in pushes.values()] == [False, False]
    assert pushes["vms"].password is not None
    assert list(before.update("front", {"push": {"vms": None}}).config.streams["front"].push) == ["other"]


@pytest.mark.parametrize("key", ["password_file", "stream_key_file"])
def test_no_file_of_this_machine_is_sent_to_a_target_of_somebody_elses_choice(key: str) -> None:
    with pytest.raises(ConfigError, match="in the configuration file only"):
        check_remote("front", {"push": {"evil": {"url": "rtmp://198.51.100.1/a", key: "/etc/passwd"}}})
