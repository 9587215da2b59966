"""The file as a whole: the example of the design, defaults, merging, and text that is no configuration."""

import re
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder.config import Config, Endpoint, json_schema, load, parse
from transcoder.errors import ConfigError

NOWHERE = Path("/nonexistent")
FRONT = "streams: {front: {source: 'rtsp://10.0.0.2/'}}\n"

TAG = "configuration: line 1, column 4: tag tag:yaml.org,2002:python/name:os.system is not allowed"

NO_STREAMS = (
    "streams: must be a mapping of keys (it is empty); write `streams:`, and below it, indented, "
    "`front: {source: rtsp://...}`"
)

EXAMPLE = """
node: gw1
rtsp:
  listen: 127.0.0.1:8554
  users: {vms: {password_file: vms.secret, streams: ["*"]}}
  insecure: false
  udp_ports: [8000, 8001]
http: {listen: 127.0.0.1:8080, tokens: {ops: {token_file: ops.token, role: control}}}
mqtt: {url: mqtt://127.0.0.1:1883, base_topic: transcoder, username: gw, password_file: mqtt.secret}
state_dir: ./state
sources: {allow: ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "::1/128"]}
defaults: {audio: drop, video: {codec: h264, bitrate_kbps: 4000, gop_s: 1}}
streams:
  front:
    source: rtsp://user:password@10.0.2.10:554/Streaming/Channels/101
    enabled: true
    audio: drop
    video: {codec: h264, bitrate_kbps: 4000, fps: null, gop_s: 1, size: null, preset: null}
    masks: [{polygon: [[0, 0], [0.2, 0], [0.2, 0.1], [0, 0.1]], style: solid}]
    memory_limit_mb: 512
  back:
    source: {url: rtsp://10.0.2.11/x, username: u, password_file: f, transport: auto, profile: auto,
             bind_address: 10.0.0.2}
"""


def problems(text: str, folder: Path = NOWHERE, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, folder, environ)
    return caught.value.problems


@pytest.fixture
def example(tmp_path):
    for name, content in {"vms.secret": "v\n", "ops.token": "t\r\n", "mqtt.secret": "m", "f": "cam\n"}.items():
        (tmp_path / name).write_text(content, newline="")
    (tmp_path / "gateway.yaml").write_text(EXAMPLE)
    return load(tmp_path / "gateway.yaml")


def test_every_key_of_the_example(example, tmp_path):
    assert example.node == "gw1"
    assert example.rtsp.listen == (Endpoint(host="127.0.0.1", port=8554),)
    assert example.rtsp.users["vms"].password.get_secret_value() == "v"
    assert example.rtsp.udp_ports == (8000, 8001)
    assert example.http.tokens["ops"].token.get_secret_value() == "t"
    assert example.http.tokens["ops"].role == "control"
    assert (example.mqtt.host, example.mqtt.port, example.mqtt.tls) == ("127.0.0.1", 1883, False)
    assert example.mqtt.password.get_secret_value() == "m"
    assert example.mqtt.discovery_prefix == "homeassistant"
    assert example.state_dir == tmp_path / "state"
    front, back = example.streams["front"], example.streams["back"]
    assert front.source.url == "rtsp://10.0.2.10:554/Streaming/Channels/101"
    assert front.source.username.get_secret_value() == "user"
    assert front.source.password.get_secret_value() == "password"
    assert front.masks[0].polygon == ((0, 0), (0.2, 0), (0.2, 0.1), (0, 0.1))
    assert back.source.password.get_secret_value() == "cam"
    assert (back.source.host, back.source.port, back.source.bind_address) == ("10.0.2.11", 554, "10.0.0.2")


def test_no_secret_in_any_representation(example):
    for text in (repr(example), str(example), str(example.model_dump()), example.model_dump_json()):
        for secret in ("'v'", "'t'", "'m'", "'cam'", "'password'"):
            assert secret not in text.replace('"', "'").replace("'password':", "")


def test_smallest_file_has_the_defaults_of_the_design():
    config = parse(FRONT, NOWHERE, {})
    assert config.node
    assert config.rtsp.model_dump() == {
        "users": {},
        "insecure": False,
        "udp_ports": (8000, 8001),
        "tls": None,
        "multicast": None,
        "digest": "md5",
        "basic": "tls",
        "listen": "127.0.0.1:8554",
    }
    assert config.http is None
    assert config.mqtt is None
    assert config.state_dir == NOWHERE / "state"
    assert [str(network) for network in config.sources.allow] == [
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "::1/128",
    ]  # fmt: skip
    stream = config.streams["front"].model_dump(exclude={"source"})
    encoder = stream.pop("encoder")
    assert encoder.pop("profile") == "balanced"
    assert set(encoder.values()) == {None}
    video = {"codec": "h264", "bitrate_kbps": 4000, "fps": None, "gop_s": 1, "size": None, "preset": None}
    video |= {"mode": "recode", "relay_reason": None}
    assert stream == {
        "vms": None,
        "enabled": True,
        "audio": "drop",
        "audio_codec": "aac",
        "video": video,
        "masks": (),
        "renditions": {},
        "slate": {"banner": True},
        "memory_limit_mb": 512,
        "site": None,
        "labels": {},
        "title": None,
        "asset": None,
        "aliases": (),
        "push": {},
        "onvif": {"port": None},
    }


def test_a_configuration_can_not_be_changed():
    config = parse(FRONT, NOWHERE, {})
    with pytest.raises(ValueError, match="frozen"):
        config.node = "x"
    with pytest.raises(ValueError, match="frozen"):
        config.streams["front"].video.fps = 1


def test_defaults_are_merged_under_each_stream():
    config = parse(
        """
defaults:
  {audio: reencode, memory_limit_mb: 256, video: {fps: 10, size: 640x360}, masks: [{polygon: [[0, 0], [1, 0], [1, 1]]}]}
streams:
  a: {source: 'rtsp://10.0.0.2/'}
  b: {source: 'rtsp://10.0.0.2/', audio: drop, video: {size: source, bitrate_kbps: 500}, masks: []}
  c: {source: 'rtsp://10.0.0.2/', video: {fps: null}}
""",
        NOWHERE,
        {},
    )
    a, b, c = (config.streams[name] for name in "abc")
    assert (a.audio, a.memory_limit_mb, a.video.fps, a.video.dimensions, len(a.masks)) == (
        "reencode",
        256,
        10,
        (640, 360),
        1,
    )
    assert (b.audio, b.memory_limit_mb, b.video.fps, b.video.dimensions, len(b.masks)) == ("drop", 256, 10, None, 0)
    assert b.video.bitrate_kbps == 500
    assert (c.video.fps, c.video.dimensions) == (None, (640, 360))


def test_a_problem_in_defaults_is_reported_once():
    text = "defaults: {video: {gop_s: 99}}\nstreams: {a: {source: 'rtsp://10.0.0.2/'}, b: {source: 'rtsp://10.0.0.2/'}}"
    assert problems(text) == ["defaults.video.gop_s: must be at most 10 (it is 99)"]


def test_every_problem_is_reported_at_once_and_none_twice():
    found = problems(
        """
nod: x
rtsp: {listen: "0.0.0.0:8554", udp_ports: [1, 2]}
defaults: {source: rtsp://10.0.0.1/}
http: {tokens: {ops: {role: root}}}
streams:
  Front: {source: rtsp://10.0.0.1/}
  a: {source: rtsp://8.8.8.8/x, bitrate_kbps: 3, video: {gops: 1, fps: true}}
  b: {source: {url: "http://10.0.0.1/", transport: quic}, masks: [{polygon: [[0, 0], [2, 1], [.nan, 1]]}]}
  c: {source: rtsp://10.0.0.1/, video: {bitrate_kbps: "${RATE}"}}
  d: {}
"""
    )
    starts = sorted(line.partition(": ")[0] for line in found)
    assert starts == sorted(
        [
            "nod",
            "rtsp.listen",
            "rtsp.udp_ports",
            "defaults.source",
            "http.tokens.ops.role",
            "http.tokens.ops.token",
            "streams.Front",
            "streams.a.source",
            "streams.a.bitrate_kbps",
            "streams.a.video.gops",
            "streams.a.video.fps",
            "streams.b.source.url",
            "streams.b.source.transport",
            "streams.b.masks[0].polygon[1][0]",
            "streams.b.masks[0].polygon[2][0]",
            "streams.c.video.bitrate_kbps",
            "streams.d.source",
        ]
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nod: x\nstreams: {}", "did you mean node?"),
        ("streams: {a: {source: 'rtsp://10.0.0.2/', vido: {}}}", "did you mean video?"),
        ("streams: {a: {source: 'rtsp://10.0.0.2/', gop_s: 2}}", "did you mean video.gop_s?"),
        ("streams: {a: {source: {url: 'rtsp://10.0.0.2/', user_name: x}}}", "did you mean username?"),
        (
            "streams: {a: {source: 'rtsp://10.0.0.2/', masks: [{poligon: [], polygon: [[0,0],[1,0],[1,1]]}]}}",
            "did you mean polygon?",
        ),
        ("mqtt: {url: 'mqtt://h', basetopic: x}\nstreams: {}", "did you mean base_topic?"),
        ("zzz: 1\nstreams: {}", "known are node, rtsp"),
    ],
)
def test_an_unknown_key_gets_a_suggestion(text, says):
    (line,) = problems(text)
    assert "unknown key" in line
    assert says in line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "configuration: is empty; at least the key streams is needed"),
        ("# nothing\n", "configuration: is empty; at least the key streams is needed"),
        ("- a\n", "configuration: must be a mapping of keys at its top level, not a list"),
        ("hello", "configuration: must be a mapping of keys at its top level, not a single value"),
        ("node: gw\n", "streams: is missing: `streams: {}` will do where a list of assets is to be imported"),
        ("streams:\n", NO_STREAMS),
        ("a: 1\n---\nb: 2\n", "configuration: line 2, column 1: a second document; a configuration is one"),
        ("a: \x07\n", "configuration: line 1, column 4: a character that YAML doesn't allow"),
        ("a: !!python/name:os.system x\n", TAG),
        ("a: &a [*a]\n", "configuration: line 1, column 8: alias *a of nothing that stands before it"),
        ("[" * 40, "configuration: line 1, column 34: nested deeper than 32 levels"),
        ("? [a]\n: b\n", "configuration: line 1, column 3: a key must be text"),
        (FRONT + "node: a\nnode: b\n", "node: given twice, in lines 2 and 3"),
    ],
)  # fmt: skip
def test_text_that_is_no_configuration(text, line):
    assert problems(text) == [line]


def test_a_nesting_that_the_parser_itself_may_limit_is_refused_too():
    (line,) = problems("[" * 100_000)  # ours at 32 levels; libyaml 0.2.6 stops at 1,000 before it hands on the first
    assert re.fullmatch(r"configuration: line 1, column \d+: .*(nested deeper than 32 levels|nesting depth)", line)


def test_a_syntax_error_names_file_line_and_column(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("node: gw\nstreams:\n  a: [\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    (line,) = caught.value.problems
    assert line.startswith(f"{path}: line 4, column 1: ")


def test_files_that_can_not_be_read(tmp_path):
    cases = {
        "missing.yaml": (None, "can't be read: No such file or directory"),
        "latin1.yaml": (b"node: gw\nstate_dir: caf\xe9\n", "line 2: not UTF-8 text"),
        "big.yaml": (b"#" * (4 * 1024 * 1024 + 1), "has more than 4194304 bytes"),
    }
    for name, (content, says) in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            load(tmp_path / name)
        assert caught.value.problems == [f"{tmp_path / name}: {says}"]
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path)


def test_a_byte_order_mark_is_no_problem(tmp_path):
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbf" + FRONT.encode())
    assert list(load(tmp_path / "c.yaml").streams) == ["front"]


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9}]\n" for i in range(1, 12)),
        "a0: &a0 {k: v}\n" + "".join(f"a{i}: &a{i} {{<<: [{f'*a{i - 1}, ' * 9}]}}\n" for i in range(1, 12)),
        "t: &t " + "x" * 1_000_000 + "\nl: [" + "*t, " * 100_000 + "]\n",
    ],
    ids=["sequences", "merge keys", "a long text"],
)  # fmt: skip
@pytest.mark.timeout(20)
def test_alias_bombs_are_refused(text):
    (line,) = problems(text)
    assert "more than 500000 values" in line


def test_anchors_and_merge_keys_work():
    text = """
streams:
  a: &a {source: rtsp://10.0.0.2/1, audio: reencode, video: &v {fps: 5}}
  b: {<<: *a, source: rtsp://10.0.0.2/2}
  c: {source: rtsp://10.0.0.2/3, video: *v}
"""
    streams = parse(text, NOWHERE, {}).streams
    assert (streams["b"].audio, streams["b"].source.url, streams["b"].video.fps) == ("reencode", "rtsp://10.0.0.2/2", 5)
    assert (streams["c"].audio, streams["c"].video.fps) == ("drop", 5)


def test_keys_are_text_and_words_are_not_booleans():
    text = "node: no\nstreams:\n  1: {source: rtsp://10.0.0.2/}\n  on: {source: rtsp://10.0.0.2/}\n"
    config = parse(text, NOWHERE, {})
    assert config.node == "no"
    assert list(config.streams) == ["1", "on"]


@pytest.mark.parametrize("bad", ["Front", "", "-a", "a/b", "a" * 64, "ä", "a b"])
def test_stream_ids(bad):
    assert parse(f"streams: {{{'a' * 63}: {{source: 'rtsp://10.0.0.2/'}}}}", NOWHERE, {}).streams
    (line,) = problems(yaml.safe_dump({"streams": {bad: {"source": "rtsp://10.0.0.2/"}}}, allow_unicode=True))
    assert line.startswith("streams.")
    assert (
        "this name must consist of lower-case letters, digits, - and _, at most 63, with a letter or a digit first"
        in line
    )


def test_a_problem_never_shows_a_secret():
    text = """
rtsp: {users: {a: {password: [hunter2]}, b: {passwort: hunter2}}}
mqtt: {url: "mqtt://u:hunter2@h:x"}
streams:
  a: {source: "rtsp://u:hunter2@10.0.0.2:x/"}
  b: {source: {url: "rtsp://u:hunter2@8.8.8.8/", password: hunter2}}
  c: {source: "hunter2"}
"""
    found = problems(text)
    assert len(found) == 7
    assert "hunter2" not in "\n".join(found)


@pytest.mark.timeout(60)
def test_many_problems_take_linear_time():
    """Fifty thousand lines: about 0.5 s where comparing each with each takes 11 s."""
    text = "streams:\n" + "".join(f"  X{i}: 0\n" for i in range(25_000))
    start = time.process_time()
    assert len(problems(text)) == 50_000
    assert time.process_time() - start < 5


def test_json_schema_names_every_key():
    schema = json_schema()
    assert set(schema["properties"]) == {
        "node",
        "rtsp",
        "http",
        "mqtt",
        "onvif",
        "state_dir",
        "admission",
        "open_files",
        "watch",
        "verify",
        "sources",
        "push",
        "sandbox",
        "worker",
        "ledger",
        "include",
        "defaults",
        "streams",
        "assets",
    }
    assert schema["required"] == ["streams"]
    stream = schema["$defs"]["StreamConfig"]["properties"]
    assert set(stream) == {
        "source",
        "push",
        "vms",
        "enabled",
        "audio",
        "audio_codec",
        "video",
        "encoder",
        "masks",
        "renditions",
        "slate",
        "memory_limit_mb",
        "site",
        "labels",
        "title",
        "asset",
        "aliases",
        "onvif",
    }
    assert stream["source"]["anyOf"][0]["type"] == "string"
    assert schema["$defs"]["VideoConfig"]["properties"]["gop_s"]["maximum"] == 10
    assert schema["$defs"]["UserConfig"]["oneOf"] == [{"required": ["password"]}, {"required": ["password_file"]}]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(
    ["rtsp://u:p@10.0.0.2/", "rtsp://", "${X}", "${", "h264", "source", "127.0.0.1:0", "[::1]", "10.0.0.0/8", "\ud800"]
)  # fmt: skip
KEYS = st.text(max_size=6) | st.sampled_from([
    "node", "rtsp", "http", "mqtt", "state_dir", "sources", "defaults", "streams", "listen", "users", "udp_ports", "a",
    "tokens", "url", "password", "password_file", "token_file", "ca_file", "allow", "source", "video", "masks",
    "polygon", "size",
])  # fmt: skip
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.integers(), inner, max_size=6),
    max_leaves=30,
)
FILES = st.fixed_dictionaries(
    {
        "streams": st.dictionaries(
            KEYS, st.fixed_dictionaries({"source": DATA}, optional={"video": DATA, "masks": DATA}), max_size=3
        )
    },
    optional=dict.fromkeys(("rtsp", "http", "mqtt", "sources", "defaults", "node", "state_dir"), DATA),
)


def parsed_or_refused(text: str) -> None:
    try:
        assert isinstance(parse(text, NOWHERE, {"X": "1"}), Config)
    except ConfigError as error:
        found = error.problems
    else:
        return
    assert found
    for line in found:
        assert ": " in line
        assert "\n" not in line


@examples(300)
@given(DATA | FILES)
def test_any_data_is_a_configuration_or_a_config_error(data):
    parsed_or_refused(yaml.safe_dump(data))


@examples(200)
@given(st.text(alphabet=st.characters() | st.sampled_from("{}[]:,-&*!|>'\"%@`#?<~\n \t"), max_size=60))
def test_any_text_is_a_configuration_or_a_config_error(text):
    parsed_or_refused(text)
    parsed_or_refused("streams: " + text)
