"""File and runtime changes as one configuration."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from transcoder.config import ConfigFile, load_file
from transcoder.config.difference import difference
from transcoder.config.kept_changes import Overlay, rebase
from transcoder.config.overlay import EffectiveConfig
from transcoder.errors import ConfigError
from transcoder.rejection import Code, Rejected

KEY = b"k" * 32
FRONT = {"source": "rtsp://u:pw@10.0.0.2/live", "video": {"fps": 10, "bitrate_kbps": 900}}


@pytest.fixture
def file_of(tmp_path: Path):
    def make(streams: dict[str, Any], **keys: Any) -> ConfigFile:
        path = tmp_path / "gateway.yaml"
        path.write_text(yaml.safe_dump({"streams": streams, **keys}))
        return load_file(path)

    return make


@pytest.fixture
def model(file_of) -> EffectiveConfig:
    return EffectiveConfig.build(file_of({"front": FRONT}, defaults={"video": {"gop_s": 2}}), {})


def rejection(call) -> Rejected:
    with pytest.raises(Rejected) as caught:
        call()
    return caught.value


def test_update_changes_the_given_keys_only(model: EffectiveConfig) -> None:
    video = model.update("front", {"video": {"bitrate_kbps": 700}}).config.streams["front"].video
    assert (video.bitrate_kbps, video.fps, video.gop_s) == (700, 10, 2)


OTHER = {"source": "rtsp://10.0.0.3/live", "aliases": ["/cam/1"], "onvif": {"port": 8083}}


@pytest.mark.parametrize(
    "keys",
    [
        {"aliases": ["/cam/1"]},
        {"aliases": ["/Other"]},
        {"renditions": {"sub": {"size": "640x360", "aliases": ["/cam/1"]}}},
        {"onvif": {"port": 8083}},
        {"onvif": {"port": 8554}},
    ],
)
def test_what_must_hold_between_streams_holds_at_runtime(file_of, keys: dict[str, Any]) -> None:
    file = file_of(
        {"front": FRONT, "other": OTHER}, rtsp={"listen": "127.0.0.1:8554"}, onvif={"listen": "127.0.0.1:8081"}
    )
    model = EffectiveConfig.build(file, {})
    assert rejection(lambda: model.update("front", keys)).code == Code.INVALID
    assert rejection(lambda: model.add("third", {"source": "rtsp://10.0.0.4/"} | keys)).code == Code.INVALID
    free = model.update("other", {"aliases": [], "onvif": {"port": 8084}})
    if keys in ({"aliases": ["/cam/1"]}, {"onvif": {"port": 8083}}):
        free.update("front", keys)


def test_a_preset_at_runtime_lies_under_the_streams_own_keys(model: EffectiveConfig) -> None:
    changed = model.update("front", {"vms": "nx"})
    front = changed.config.streams["front"]
    assert (front.video.fps, front.video.gop_s, list(front.renditions)) == (10, 1, ["sub"])
    paths = difference(model.config, changed.config).changed["front"]
    assert {path for path in paths if not path.startswith("renditions.sub.")} == {"vms", "video.gop_s"}
    assert changed.update("front", {"vms": None}).config.streams["front"] == model.config.streams["front"]


def test_a_stream_that_was_replaced_follows_another_preset(file_of) -> None:
    """A preset is no key of the stream's own, so that what it stood for does not stay in the way of the next."""
    kept = {"vms": "frigate", "video": {"gop_s": 3}, "renditions": {"low": {"size": "320x180"}}}
    model = EffectiveConfig.build(file_of({"front": FRONT | kept}), {})
    replaced = model.replace("front", {"source": "rtsp://10.0.0.2/", "vms": "nx"})
    front = replaced.config.streams["front"]
    assert (front.video.gop_s, front.video.fps, front.video.bitrate_kbps) == (1, None, 4000)
    assert {name: sub.fps for name, sub in front.renditions.items() if sub is not None} == {"sub": 7}
    later = replaced.update("front", {"vms": "frigate"}).config.streams["front"]
    assert {name: sub.fps for name, sub in later.renditions.items() if sub is not None} == {"sub": 5}
    plain = model.replace("front", {"source": "rtsp://10.0.0.2/"})
    assert (plain.config.streams["front"].vms, plain.config.streams["front"].renditions) == (None, {})
    assert list(plain.update("front", {"vms": "nx"}).config.streams["front"].renditions) == ["sub"]


def test_a_null_is_a_value(model: EffectiveConfig) -> None:
    assert model.update("front", {"video": {"fps": None}}).config.streams["front"].video.fps is None


def test_updates_of_different_keys_add_up(model: EffectiveConfig) -> None:
    changed = model.update("front", {"video": {"bitrate_kbps": 700}}).update("front", {"video": {"codec": "h265"}})
    video = changed.config.streams["front"].video
    assert (video.bitrate_kbps, video.codec) == (700, "h265")


def test_a_change_back_to_what_the_file_says_is_none(model: EffectiveConfig) -> None:
    changed = model.update("front", {"video": {"bitrate_kbps": 700}})
    assert (changed.origin("front"), set(changed.overlays)) == ("changed", {"front"})
    back = changed.update("front", {"video": {"bitrate_kbps": 900}})
    assert (back.origin("front"), dict(back.overlays)) == ("file", {})


def test_add_gets_the_defaults(model: EffectiveConfig) -> None:
    added = model.add("back", {"source": "rtsp://10.0.0.3/"})
    assert added.config.streams["back"].video.gop_s == 2
    assert added.origin("back") == "runtime"
    assert list(added.config.streams) == ["front", "back"]


def test_replace_of_a_stream_of_the_file_forgets_its_keys(model: EffectiveConfig) -> None:
    replaced = model.replace("front", {"source": "rtsp://10.0.0.9/", "video": {"bitrate_kbps": 700}})
    stream = replaced.config.streams["front"]
    assert (stream.video.bitrate_kbps, stream.video.fps, stream.video.gop_s) == (700, None, 2)
    assert stream.source.username is None


def test_remove(model: EffectiveConfig) -> None:
    removed = model.remove("front")
    assert removed.config.streams == {}
    assert EffectiveConfig.build(model.file, removed.overlays).config.streams == {}
    added = model.add("back", {"source": "rtsp://10.0.0.3/"})
    assert dict(added.remove("back").overlays) == {}


def test_a_removed_stream_can_be_added_again(model: EffectiveConfig) -> None:
    again = model.remove("front").add("front", {"source": "rtsp://10.0.0.4/"})
    assert again.config.streams["front"].source.host == "10.0.0.4"
    assert again.config.streams["front"].video.fps is None


@pytest.mark.parametrize(
    ("change", "code", "problems"),
    [
        (lambda m: m.add("front", {"source": "rtsp://10.0.0.2/"}), Code.EXISTS, ()),
        (lambda m: m.update("x", {}), Code.UNKNOWN_STREAM, ()),
        (lambda m: m.remove("x"), Code.UNKNOWN_STREAM, ()),
        (lambda m: m.add("back", {}), Code.INVALID, ("streams.back.source: is missing",)),
        (
            lambda m: m.update("front", {"video": {"fps": 0, "gop": 1}}),
            Code.INVALID,
            (
                "streams.front.video.fps: must be at least 0.5 (it is 0)",
                "streams.front.video.gop: unknown key, did you mean gop_s?",
            ),
        ),
        (
            lambda m: m.update("front", {"source": {"password_file": "/etc/shadow"}}),
            Code.INVALID,
            ("streams.front.source.password_file: can be set in the configuration file only",),
        ),
        (lambda m: m.update("front", []), Code.INVALID, ("streams.front: must be a mapping of keys",)),
        (
            lambda m: m.add("back", {"source": "rtsp://192.0.2.1/"}),
            Code.INVALID,
            ("streams.back.source: address 192.0.2.1 is in none of the networks of sources.allow",),
        ),
    ],
)
def test_refusals(model: EffectiveConfig, change, code: Code, problems: tuple[str, ...]) -> None:
    error = rejection(lambda: change(model))
    assert error.code is code
    if problems:
        assert error.problems == problems


def test_an_id_must_fit_a_topic_and_a_url(model: EffectiveConfig) -> None:
    for stream in ("", "A", "a/b", "a" * 64, "#", "\ud800"):
        assert rejection(lambda stream=stream: model.add(stream, {"source": "rtsp://10.0.0.2/"})).code is Code.INVALID


def test_environment_variables_are_the_files(model: EffectiveConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hidden")
    added = model.add(
        "back", {"source": {"url": "rtsp://10.0.0.3/${SECRET}", "username": "u", "password": "${SECRET}"}}
    )
    source = added.config.streams["back"].source
    assert source.url == "rtsp://10.0.0.3/${SECRET}"
    assert source.password == SecretStr("${SECRET}")


def test_the_credentials_of_one_camera_never_go_to_another(model: EffectiveConfig) -> None:
    moved = model.update("front", {"source": {"url": "rtsp://10.0.0.66/"}}).config.streams["front"].source
    assert (moved.host, moved.username, moved.password) == ("10.0.0.66", None, None)


def test_keys_of_a_source_beside_its_url(model: EffectiveConfig) -> None:
    source = model.update("front", {"source": {"transport": "udp"}}).config.streams["front"].source
    assert (source.host, source.transport, source.password) == ("10.0.0.2", "udp", SecretStr("pw"))
    source = model.update("front", {"source": {"username": "v", "password": "x"}}).config.streams["front"].source
    assert (source.username, source.password) == (SecretStr("v"), SecretStr("x"))


def test_a_tag_changes_with_the_configuration_and_its_secrets(model: EffectiveConfig) -> None:
    tag = model.etag("front", KEY)
    assert model.etag("front", KEY) == tag
    assert model.update("front", {"video": {"fps": 11}}).etag("front", KEY) != tag
    assert model.update("front", {"source": {"username": "u", "password": "other"}}).etag("front", KEY) != tag
    assert model.update("front", {"video": {"fps": 10}}).etag("front", KEY) == tag
    assert model.etag("front", b"j" * 32) != tag


class TestFile:
    def test_what_changed_in_it_wins_and_nothing_else_is_touched(self, model: EffectiveConfig, file_of) -> None:
        changed = model.update("front", {"video": {"fps": 5, "codec": "h265"}})
        edited = {**FRONT, "video": {"fps": 20, "bitrate_kbps": 900}}
        video = (
            changed.with_file(file_of({"front": edited}, defaults={"video": {"gop_s": 2}}))
            .config.streams["front"]
            .video
        )
        assert (video.fps, video.codec) == (20, "h265")

    def test_the_same_file_again(self, model: EffectiveConfig, file_of) -> None:
        changed = model.update("front", {"video": {"fps": 5}})
        again = changed.with_file(file_of({"front": FRONT}, defaults={"video": {"gop_s": 2}}))
        assert difference(changed.config, again.config).streams == ()

    def test_a_stream_that_is_gone_takes_its_changes_along(self, model: EffectiveConfig, file_of) -> None:
        changed = model.update("front", {"video": {"fps": 5}}).add("back", {"source": "rtsp://10.0.0.3/"})
        assert set(changed.with_file(file_of({})).config.streams) == {"back"}

    def test_a_removed_stream_stays_away_until_it_is_written_anew(self, model: EffectiveConfig, file_of) -> None:
        removed = model.remove("front")
        edited = {**FRONT, "enabled": False}
        assert removed.with_file(file_of({"front": edited})).config.streams == {}
        without = removed.with_file(file_of({}))
        assert set(without.with_file(file_of({"front": FRONT})).config.streams) == {"front"}

    def test_a_stream_of_the_file_takes_the_place_of_an_added_one(self, model: EffectiveConfig, file_of) -> None:
        added = model.add("back", {"source": "rtsp://10.0.0.3/", "video": {"fps": 5}})
        written = added.with_file(file_of({"front": FRONT, "back": {"source": "rtsp://10.0.0.7/"}}))
        assert written.config.streams["back"].source.host == "10.0.0.7"
        assert written.origin("back") == "file"

    def test_one_that_makes_a_change_invalid_is_refused(self, model: EffectiveConfig, file_of) -> None:
        changed = model.add("back", {"source": "rtsp://192.168.0.3/"})
        narrower = file_of({"front": FRONT}, sources={"allow": ["10.0.0.0/8"]})
        with pytest.raises(ConfigError, match=r"streams\.back\.source: .* \(set at runtime\)"):
            changed.with_file(narrower)

    def test_at_a_start_such_a_stream_is_left_out_not_shown_without_its_masks(
        self, model: EffectiveConfig, file_of
    ) -> None:
        mask = [{"polygon": [[0, 0], [1, 0], [1, 1]]}]
        changed = model.update("front", {"masks": mask, "source": "rtsp://192.168.0.3/"})
        narrower = file_of({"front": FRONT}, sources={"allow": ["10.0.0.0/8"]})
        built = EffectiveConfig.build(narrower, changed.overlays, lenient=True)
        assert built.config.streams == {}
        assert list(built.unusable) == ["front"]
        assert dict(built.overlays) == dict(changed.overlays)  # kept, for when it is valid again


def test_rebase_drops_only_the_edited_keys() -> None:
    overlays = {"a": Overlay(keys={"video": {"fps": 5, "gop_s": 2}, "enabled": False})}
    old = {"streams": {"a": {"video": {"fps": 1}}}}
    new = {"streams": {"a": {"video": {"fps": 2, "codec": "h265"}}}}
    assert rebase(overlays, old, new) == {"a": Overlay(keys={"video": {"gop_s": 2}, "enabled": False})}


def test_difference(model: EffectiveConfig, file_of) -> None:
    other = file_of({"back": {"source": "rtsp://10.0.0.3/"}, "front": {**FRONT, "enabled": False}}, node="other")
    found = difference(model.config, other.config)
    assert found.added == ("back",)
    assert found.changed == {"front": ("enabled", "video.gop_s")}
    assert found.sections == ("node",)
    assert difference(other.config, model.config).removed == ("back",)
    assert difference(model.config, model.config).streams == ()


def test_an_overlay_as_text() -> None:
    overlay = Overlay(keys={"video": {"fps": None}, "masks": [{"polygon": [[0, 0.5]]}]}, removed=False)
    assert Overlay.from_json(overlay.to_json()) == overlay
    assert json.loads(Overlay(removed=True).to_json()) == {"keys": {}, "removed": True}


WITH_SUB = {
    "source": "rtsp://10.0.0.2/live",
    "renditions": {"sub": {"size": "640x360", "fps": 7}},
    "encoder": {"crf": 30},
}


def test_a_rendition_is_added_changed_and_taken_away(file_of) -> None:
    file = file_of({"front": WITH_SUB})
    model = EffectiveConfig.build(file, {})
    added = model.update("front", {"renditions": {"tiny": {"size": "320x180"}, "sub": {"fps": 5}}})
    assert list(added.config.streams["front"].outputs) == ["main", "sub", "tiny"]
    assert [video.fps for video in added.config.streams["front"].outputs.values()] == [None, 5, None]
    gone = added.update("front", {"renditions": {"sub": None}})
    kept = EffectiveConfig.build(file, gone.overlays)  # as after a restart
    assert list(gone.config.streams["front"].outputs) == list(kept.config.streams["front"].outputs) == ["main", "tiny"]
    again = gone.update("front", {"renditions": {"sub": {"size": "640x480"}}})
    assert again.config.streams["front"].outputs["sub"].dimensions == (640, 480)


def test_replace_forgets_renditions_and_encoder_of_the_file(file_of) -> None:
    model = EffectiveConfig.build(file_of({"front": WITH_SUB}), {})
    keys = {"source": "rtsp://10.0.0.2/live", "renditions": {"tiny": {}}, "encoder": {"subme": 1}}
    replaced = model.replace("front", keys).config.streams["front"]
    assert list(replaced.outputs) == ["main", "tiny"]
    assert (replaced.encoder.crf, replaced.encoder.subme) == (None, 1)
