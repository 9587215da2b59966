"""Mistakes that people make in the file, and what they are told to do about each."""

from pathlib import Path

import pytest

from transcoder.config import this_machine
from transcoder.config.load import ConfigFile, load_file, parse
from transcoder.config.warnings import warnings
from transcoder.errors import ConfigError

CAMERA = "source: rtsp://10.0.0.2/"


def _problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, Path("/nonexistent"), {})
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("streams:\n\tfront: 1", "the line is indented by a tab, and YAML takes blanks only"),
        ("streams: {Front Door: {%s}}", "streams.'Front Door': this name must consist of lower-case letters, digits"),
        ("streams: {Front Door: {%s}}", "for example front-door"),
        ("streams: {Cam_01: {%s}}", "for example cam_01"),
        ("node: gw 1\nstreams: {}", "node: must consist of letters, digits, dots, - and _"),
        ("node: gw 1\nstreams: {}", "for example gw-1"),
        ("http: {listen: 8080}\nstreams: {}", "http.listen: must be host:port such as 127.0.0.1:8080"),
        ("streams: {a: {%s, video: {codec: hevc}}}", "did you mean h265?"),
        ("streams: {a: {%s, video: {codec: H264}}}", "did you mean h264?"),
        ("streams: {a: {source: {url: rtsp://10.0.0.2/, transport: TCP}}}", "did you mean tcp?"),
        ("streams: {a: {%s, audio: aac}}", "did you mean reencode?"),
        ("rtsp: {users: {vms: {password: ''}}}\nstreams: {}", "rtsp.users.vms.password: must not be empty"),
        ("streams: {a: {%s, colour: red}}", "streams.a.colour: unknown key, known are"),
        ("onvif: {listen: '0.0.0.0:8081'}\nstreams: {}", "onvif.listen: 0.0.0.0:8081 is reached from other machines"),
        ("onvif: {control: [eve]}\nstreams: {}", "onvif.control: 'eve' is no user of rtsp.users"),
        ("onvif: {listen: '127.0.0.1:8554'}\nstreams: {}", "onvif.listen: 127.0.0.1:8554 is taken by rtsp.listen"),
        ("onvif: {}\nstreams: {a: {%s, onvif: {port: 8554}}}", "streams.a.onvif.port: 127.0.0.1:8554 is taken by"),
        ("streams:\n- front", "streams: must be a mapping of keys; write `streams:`, and below it, indented, `front:"),
        ("streams:\n  front:\n  source: rtsp://10.0.0.2/", "streams.front: must be a mapping of keys (it is empty)"),
        ("streams:\n  front:\n  source: rtsp://10.0.0.2/", "or indent its keys more than its name"),
        ("streams:\n  front:\n  source: rtsp://10.0.0.2/", "streams.source: must be a mapping of keys: is it a key"),
        ("streams: {a: {%s, masks: [{polygon: [[0, 0], [640, 0], [640, 360]]}]}}", "from 0 to 1, not pixels"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_what_to_do(text: str, says: str) -> None:
    assert any(says in line for line in _problems(text.replace("%s", CAMERA)))


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://admin:p@ss/w0rd@127.0.0.1:554/x",
        "rtsp://admin:1234/x@10.0.0.2/live",
        "rtsp://admin:12#ss@10.0.0.2/live",
        "rtsp://admin/pw@10.0.0.2/",
        "rtsp://u:p@s?x@10.0.0.2/",
    ],
)
def test_a_part_of_a_password_is_never_a_host(url: str) -> None:
    (line,) = _problems(f'streams: {{a: {{source: "{url}"}}}}')
    assert "has an @ behind its host" in line
    assert "percent-encoded" in line
    assert url.rpartition("@")[0][-4:] not in line


@pytest.mark.parametrize("password", ["secretpw", "secretpw-that-is-longer-than-what-is-shown-of-a-value"])
def test_a_url_in_the_wrong_place_is_shown_without_its_login(password: str) -> None:
    (line,) = _problems(f'streams: {{front: "rtsp://viewer:{password}@10.0.0.2/live"}}')
    assert "must be a mapping of keys (it is 'rtsp://***@10.0.0.2/live')" in line
    assert "secretpw" not in line


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://10.0.0.2/a@b",
        "rtsp://u:p@10.0.0.2/a@b",
        "rtsp://cam/a%40b",
        "rtsp://cam/live?user=a@b.c",
        "rtsp://u:p@w@cam/",
    ],
)
def test_an_at_that_is_no_part_of_a_password_is_taken(url: str) -> None:
    assert parse(f'streams: {{a: {{source: "{url}"}}}}', Path("/nonexistent"), {}).streams


@pytest.mark.parametrize(
    ("rtsp", "http", "meet"),
    [
        ("127.0.0.1:8080", "127.0.0.1:8080", True),
        ("0.0.0.0:8080", "127.0.0.1:8080", True),
        ("127.0.0.1:8080", "'[::]:8080'", True),
        ("localhost:8080", "127.0.0.1:8080", True),
        ("'[::ffff:127.0.0.1]:8080'", "127.0.0.1:8080", True),
        ("127.0.0.1:8554", "127.0.0.1:8080", False),
        ("127.0.0.1:8080", "127.0.0.2:8080", False),
        ("127.0.0.1:0", "127.0.0.1:0", False),
    ],
)
def test_two_servers_at_one_port(rtsp: str, http: str, meet: bool) -> None:  # a table's column
    text = f"rtsp: {{listen: {rtsp}, insecure: true}}\nhttp: {{listen: {http}}}\nstreams: {{}}"
    if meet:
        (line,) = _problems(text)
        assert line.startswith("http.listen: ")
        assert "is taken by rtsp.listen" in line
    else:
        parse(text, Path("/nonexistent"), {})


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(this_machine, "own_addresses", lambda: frozenset({"192.168.1.5", "fd00::5"}))
    monkeypatch.setattr(this_machine, "_own_names", lambda: frozenset({"gw1", "gw1.local", "gw1.example.org"}))


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("listen", "source", "own"),
    [
        ("0.0.0.0:8554", "192.168.1.5:8554", True),
        ("0.0.0.0:8554", "[::ffff:192.168.1.5]:8554", True),
        ("0.0.0.0:8554", "[fd00::5]:8554", True),
        ("0.0.0.0:8554", "GW1.local.:8554", True),
        ("0.0.0.0:8554", "gw1.example.org:8554", True),
        ("0.0.0.0:8554", "any.localhost:8554", True),
        ("0.0.0.0:8554", "192.168.1.6:8554", False),
        ("0.0.0.0:8554", "gw2:8554", False),
        ("0.0.0.0:8554", "192.168.1.5:554", False),
        ("192.168.1.5:8554", "[::ffff:192.168.1.5]:8554", True),
        ("192.168.1.5:8554", "gw1:8554", True),
        ("127.0.0.1:8554", "[::ffff:127.0.0.1]:8554", True),
        ("127.0.0.1:8554", "192.168.1.5:8554", False),
        ("'[::]:8554'", "0.0.0.0:8554", True),
    ],
)
def test_a_source_that_is_this_gateway(listen: str, source: str, own: bool) -> None:  # a table's column
    text = (
        f"rtsp: {{listen: {listen}, insecure: true}}\nsources: {{allow: ['0.0.0.0/0', '::/0']}}\n"
        f'streams: {{a: {{source: "rtsp://{source}/b"}}}}'
    )
    if own:
        (line,) = _problems(text)
        assert "is a listener of this gateway, and no camera" in line
    else:
        parse(text, Path("/nonexistent"), {})


def test_the_tables_of_the_kernel_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The forms of Linux 6.18."""
    routes, ipv6, hosts = tmp_path / "fib_trie", tmp_path / "if_inet6", tmp_path / "hosts"
    routes.write_text("     |-- 10.0.0.9\n        /32 host LOCAL\n     |-- 10.0.0.255\n        /32 link BROADCAST\n")
    ipv6.write_text("fd000000000000000000000000000005 02 40 00 80     eth0\n")
    hosts.write_text("127.0.1.1 gw7.example.org gw7 # this\n10.0.0.3 camera\n10.0.0.9 front\n")
    for name, path in (("_ROUTES", routes), ("_IPV6", ipv6), ("_HOSTS", hosts)):
        monkeypatch.setattr(this_machine, name, path)
    this_machine.own_addresses.cache_clear()
    this_machine._own_names.cache_clear()
    try:
        for host in ("10.0.0.9", "fd00::5", "gw7", "GW7.example.org", "front", "127.9.9.9", "localhost"):
            assert this_machine.is_this_machine(host)
        for host in ("10.0.0.255", "10.0.0.3", "camera", "fd00::6"):
            assert not this_machine.is_this_machine(host)
    finally:
        this_machine.own_addresses.cache_clear()
        this_machine._own_names.cache_clear()


def _file(folder: Path, text: str) -> tuple[Path, ConfigFile]:
    path = folder / "gateway.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return path, load_file(path)


def test_two_streams_of_one_camera_url_are_a_warning(tmp_path: Path) -> None:
    text = """
streams:
  a: {source: rtsp://u:p@CAM/live}
  b: {source: {url: rtsp://cam:554/live, username: other}}
  c: {source: rtsp://cam/live, enabled: false}
  d: {source: rtsp://cam/sub}
"""
    (line,) = warnings(*_file(tmp_path, text))
    assert line.startswith(
        "streams.b.source: pulls the same URL of CAM as streams.a: the camera is logged in to once for each"
    )


def test_a_secret_file_that_others_may_read_is_a_warning(tmp_path: Path) -> None:
    secret = tmp_path / "front.secret"
    secret.write_text("word")
    secret.chmod(0o644)
    (line,) = warnings(
        *_file(tmp_path, "streams: {a: {source: {url: rtsp://cam/, username: u, password_file: front.secret}}}")
    )
    assert line == f"{secret} holds passwords or tokens and can be read by everybody on this machine: chmod o-r"


@pytest.mark.parametrize(
    ("verify", "streams", "warned"),
    [
        ("{every_h: 721}", 1, "verify.every_h: each stream is verified once in 721 h"),
        ("{every_h: 720}", 1, ""),
        ("{every_h: 25, clean_days: 1}", 1, "verify.every_h: each stream is verified once in 25 h"),
        ("{every_h: null, clean_days: 1}", 1, ""),
        ("{seconds: 3600, clean_days: 1}", 25, "verify.seconds: each stream is verified once in 25 h"),
        ("{seconds: 3600, clean_days: 1}", 24, ""),
    ],
)
def test_verdicts_that_grow_old_before_the_next_are_a_warning(
    tmp_path: Path, verify: str, streams: int, warned: str
) -> None:
    lines = [f"  s{number}: {{source: 'rtsp://cam/{number}', asset: pole}}" for number in range(streams)]
    text = "\n".join(
        [
            f"verify: {verify}",
            "assets: {pole: {}}",
            "streams:",
            *lines,
            "  off: {source: 'rtsp://cam/off', enabled: false}",
            "",
        ]
    )
    found = warnings(*_file(tmp_path, text))
    assert len(found) == bool(warned)
    assert all(line.startswith(warned) for line in found)
    assert not warnings(*_file(tmp_path, text.replace(", asset: pole", "").replace("assets: {pole: {}}", "")))
