"""`transcoder probe` against simulated cameras and against nobody."""

import asyncio
import io
import json
import signal
import socket
import subprocess
import sys
import time

import pytest
from rich.console import Console

from tests.net.test_tunnel import TunnelCamera
from tests.support.cameras import Cameras
from transcoder.probe.command import ProbeOptions, probe


def run(url: str, *, as_json: bool = True, **options) -> tuple[int, str, str]:
    out, errors = io.StringIO(), io.StringIO()
    code = probe(
        ProbeOptions(url=url, as_json=as_json, **options), Console(file=out, width=500), Console(file=errors, width=500)
    )
    return code, out.getvalue(), errors.getvalue()


EXPECTED = {
    "hikvision": ("hikvision", {("payload type", "112"), ("header extension", "profile 0x4000")}),
    "dahua": ("dahua", {("SDP attribute", "packetization-supported:DH"), ("NAL unit", "38 filler")}),
    "uniview": ("uniview", {("payload type", "50"), ("SEI", "4 registered user data (T.35)")}),
    "h264dvr": ("xiongmai", {("SEI", "229 reserved or private"), ("media", "audio 8 PCMA/8000")}),
}


@pytest.mark.process
@pytest.mark.parametrize(("family", "transport"), [*((name, "auto") for name in EXPECTED), ("dahua", "udp")])
def test_families(cameras: Cameras, family: str, transport: str) -> None:
    code, out, _ = run(cameras.url(family), seconds=3.5, transport=transport)
    assert code == 0
    found = json.loads(out)
    guess, channels = EXPECTED[family]
    assert found["vendor_guess"]["family"] == guess
    assert channels <= {(row["channel"], row["what"]) for row in found["metadata"]}
    assert ("RTCP", "APP") in {(row["channel"], row["what"]) for row in found["metadata"]}
    listed, video = cameras.listed[family], found["video"]
    assert (video["codec"], video["size"]) == (listed["codec"], f"{listed['width']}x{listed['height']}")
    assert video["fps"] == pytest.approx(10, abs=1)
    assert video["fps_by_timestamp"] == pytest.approx(10, abs=0.1)
    assert video["gop"].endswith(" 10 pictures")
    assert (video["packets"]["lost"], video["encrypted"]) == (0, False)
    assert found["transport"] == ("udp" if transport == "udp" else "tcp")
    assert "s3cr3t" not in out


@pytest.mark.process
def test_lines_without_a_terminal(cameras: Cameras) -> None:
    code, out, errors = run(cameras.url("h264dvr"), as_json=False, seconds=1)
    assert code == 0
    assert "vendor family: xiongmai (a guess; the operator's word stands above it)" in out
    assert "maker of its software: Xiongmai (high confidence)" in out
    assert "metadata channels: SDP attribute | etag:" in out
    assert "\nhabits: " in out
    assert out.endswith(
        "for the configuration file:\nstreams:\n"
        "  # CAMERA_PASSWORD of the environment holds the camera's password\n"
        "  # camera.secret, beside this file, holds the camera's password: chmod 600\n"
        "  camera:\n    source:\n"
        f'      url: "{cameras.url("h264dvr", login=False).replace("s3cr3t", "${CAMERA_PASSWORD}")}"\n'
        '      username: "admin"\n      password_file: camera.secret\n'
    )
    assert "\x1b" not in out + errors
    assert "s3cr3t" not in out + errors


@pytest.mark.process
def test_login(cameras: Cameras) -> None:
    url = cameras.url("uniview", login=False)
    code, _, errors = run(url, seconds=1)
    assert (code, "give --username and --password" in errors) == (1, True)
    code, _, errors = run(url, seconds=1, username="admin")
    assert (code, "give the password, best in TRANSCODER_PASSWORD" in errors) == (1, True)
    code, _, errors = run(url, seconds=1, username="admin", password="no-such-word")
    assert (code, "check user and password" in errors) == (1, True)
    assert "no-such-word" not in errors
    assert run(url, seconds=1, username="admin", password="s3cr3t")[0] == 0


@pytest.mark.process
def test_not_reachable(cameras: Cameras) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    code, out, errors = run(f"rtsp://admin:pass-word@127.0.0.1:{port}/x")
    assert (code, out) == (1, "")
    assert "Connection refused; check host and port" in errors
    assert "pass-word" not in errors
    wrong = cameras.url("hikvision").rpartition("/Streaming")[0] + "/nope"
    code, _, errors = run(wrong, seconds=1)
    assert (code, "404" in errors, "check the path" in errors) == (1, True, True)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://127.0.0.1/", {}),
        ("rtsp:///x", {}),
        ("rtsp://127.0.0.1/x", {"transport": "carrier pigeon"}),
        ("rtsp://127.0.0.1/x", {"seconds": 0.0}),
        ("rtsps://127.0.0.1/x", {"transport": "http"}),
        ("rtsps://127.0.0.1/x", {"transport": "udp"}),
    ],
)
def test_usage(url: str, options: dict) -> None:
    code, out, errors = run(url, **options)
    assert (code, out) == (2, "")
    assert errors.startswith("probe: ")


async def test_through_a_tunnel() -> None:
    async with TunnelCamera() as camera:
        code, out, errors = await asyncio.to_thread(run, camera.url, transport="http", seconds=0.5)
        assert (code, camera.http[0]) == (0, ("GET", "/live?channel=2")), errors
        found = json.loads(out)
        assert found["video"]["pictures"] > 0
        assert found["config"].endswith("transport: http")
        camera.reply = b"HTTP/1.0 404 Not Found\r\n\r\n"
        code, out, errors = await asyncio.to_thread(run, camera.url, transport="http", seconds=0.5)
        assert (code, out) == (1, "")


@pytest.mark.process
@pytest.mark.parametrize(("as_json", "number"), [(True, signal.SIGINT), (False, signal.SIGTERM)])
def test_cut_short_it_prints_what_it_has(cameras: Cameras, as_json: bool, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "transcoder", "probe", cameras.url("dahua"), "--seconds", "60"]
    with subprocess.Popen(
        [*command, *["--json"][: int(as_json)]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "watching for 60 s" in process.stderr.readline()
        time.sleep(2)
        process.send_signal(number)
        out, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    words = "cut short after "
    assert f"probe: {words}" in errors
    assert "Traceback" not in errors
    if as_json:
        found = json.loads(out)
        assert (found["complete"], found["video"]["pictures"] > 5) == (False, True)
    else:
        lines = out.splitlines()
        assert lines[0] == lines[-1]
        assert lines[0].startswith(words)
        assert lines[0].endswith(" of 60 s: there may be more than was seen")
        assert any(line.startswith("pictures: ") for line in lines)


@pytest.mark.process
def test_cut_short_before_anything_came() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen(
            [sys.executable, "-m", "transcoder", "probe", f"rtsp://127.0.0.1:{server.getsockname()[1]}/x"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process,
    ):  # fmt: skip
        connection, _ = server.accept()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    connection.close()
    assert errors.splitlines()[-1] == "probe: cut short before the camera described itself"
