"""A file that is written anew says exactly what it is to say, and keeps its comments."""

import sys
from typing import Any

import pytest
import yaml

from transcoder.cli import config_export
from transcoder.cli.config_export import export_text, plain_text
from transcoder.config.document import read_document

pytest.importorskip("ruamel.yaml", reason="the product does without, and says so")

TEXT = """\
# the north gate
node: gw1  # at the gate
rtsp: {udp_ports: [0, 0]}
streams:
  # about front
  front: {source: 'rtsp://10.0.0.2/x'}  # the door
  # about yard
  # in two lines
  yard:
    source: rtsp://10.0.0.3/y  # its camera
    video:
      fps: 5  # slow
      size: 640x360
    masks:
    - polygon: [[0, 0],
                [1, 0], [1, 1]]

  # about gate
  gate:
    source: rtsp://10.0.0.4/z
# the end
"""


def _whole(text: str = TEXT) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(text)
    return data


def test_nothing_changed_is_the_same_text_but_for_broken_lines() -> None:
    assert export_text(TEXT, _whole()).split() == TEXT.split()


def test_a_changed_value_leaves_every_comment_where_it_was() -> None:
    whole = _whole()
    whole["streams"]["yard"]["video"]["fps"] = 12
    whole["streams"]["yard"]["audio"] = "reencode"
    text = export_text(TEXT, whole)
    assert yaml.safe_load(text) == whole
    assert "fps: 12 # slow" in text
    assert text.index("reencode") < text.index("# about gate") < text.index("gate:")
    for comment in TEXT.split("#")[1:]:
        assert "#" + comment.partition("\n")[0] in text


@pytest.mark.parametrize(
    ("gone", "comments"),
    [
        ("front", {"# about front", "# the door"}),
        ("yard", {"# about yard", "# in two lines", "# its camera", "# slow"}),
        ("gate", {"# about gate"}),
    ],
)
def test_the_comments_of_a_stream_go_with_it_and_no_others(gone: str, comments: set[str]) -> None:
    whole = _whole()
    del whole["streams"][gone]
    text = export_text(TEXT, whole)
    assert yaml.safe_load(text) == whole
    for comment in ("# " + each.partition("\n")[0].strip() for each in TEXT.split("#")[1:]):
        assert (comment in text) == (comment not in comments), comment
    if gone == "front":
        assert "# about yard\n  # in two lines\n  yard:" in text


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("streams: {a: {source: x}, b: {source: y}}\n", {"streams": {"b": {"source": "y"}}}),
        ("streams:\n  a: {source: x}\n", {"streams": {}}),
        ("streams: {}\n", {"streams": {"a": {"source": "$${x}", "video": {"fps": 5}}}}),
        (
            "x-c: &c {source: x}\nstreams:\n  a: *c\n  b: *c\n",
            {"x-c": {"source": "x"}, "streams": {"a": {"source": "z"}, "b": {"source": "x"}}},
        ),
        (
            "x-c: &c {audio: drop}\nstreams:\n  a: {<<: *c, source: x}\n",
            {"x-c": {"audio": "drop"}, "streams": {"a": {"audio": "reencode", "source": "x"}}},
        ),
        ("include: conf.d/*\nstreams:\n", {"streams": {"1": {"source": "no"}, "on": {"source": "12:30"}}}),
        ("streams:\n  a: &a {source: x}\n  b: *a\n", {"streams": {"b": {"source": "x"}}}),
        ("streams:\n  a:\n    source: |\n      x\n  # b\n  b: {source: y}\n", {"streams": {"b": {"source": "y"}}}),
    ],
)  # fmt: skip
def test_any_file_says_what_it_is_to_say(text: str, change: dict[str, Any]) -> None:
    assert read_document(export_text(text, change), "t", []) == change


def test_a_file_that_can_not_keep_its_comments_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ruamel.yaml", None)
    text = export_text(TEXT, _whole())
    assert text.startswith("# Written anew: the comments of the file before are left out.\n")
    assert yaml.safe_load(text) == _whole()
    monkeypatch.undo()
    monkeypatch.setattr(config_export, "MAX_COMMENTED", 10)
    assert export_text(TEXT, _whole()) == text


def test_a_stream_that_was_added_stands_below_the_others_and_above_the_comment_behind_them() -> None:
    whole = _whole()
    whole["streams"]["roof"] = {"source": "rtsp://10.0.0.9/", "video": {"fps": 5}}
    text = export_text(TEXT, whole)
    assert yaml.safe_load(text) == whole
    assert text.index("gate:") < text.index("  roof:") < text.index("# the end")


@pytest.mark.parametrize("title", ["1e5", "0o17", "12:30", "no"])
def test_a_text_that_yaml_could_take_for_a_number_stays_a_text(title: str) -> None:
    whole = {"streams": {"front": {"source": "rtsp://10.0.0.2/", "title": title}}}
    assert read_document(plain_text(whole), "export", []) == whole
