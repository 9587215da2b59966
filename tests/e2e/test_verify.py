"""`transcoder verify` and `transcoder probe` as an operator runs them, against what the gateway serves."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.cameras import SMALL, Cameras
from tests.support.control_world import free_port
from tests.support.gateway_process import GatewayProcess, wait_for

pytestmark = pytest.mark.e2e

TRANSCODER = str(Path(sys.executable).parent / "transcoder")


def run(*arguments: str) -> tuple[int, dict]:
    done = subprocess.run([TRANSCODER, *arguments, "--json"], check=False, capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout or "{}")


def test_what_is_served_is_clean(start_gateway: Callable[..., GatewayProcess], tmp_path: Path) -> None:
    with Cameras(tmp_path / "content") as cameras:
        listed = tmp_path / "canaries.jsonl"
        listed.write_text(cameras.lines)
        streams = {
            "front": {"source": cameras.url("hikvision")},
            "dahua": {"source": cameras.url("dahua"), "video": {"codec": "h265"}},
        }
        gateway = start_gateway(streams)
        served = [(name, transport) for name in streams for transport in ("tcp", "udp")]
        with ThreadPoolExecutor() as threads:  # side by side: each takes as long as it reads
            verified = {
                (name, transport): threads.submit(
                    run,
                    *("verify", gateway.url(name), "--seconds", "5", "--transport", transport),
                    *("--canaries", str(listed)),
                )
                for name, transport in served
            }
        for (name, transport), judged in verified.items():
            code, found = judged.result()
            assert (code, found["problems"]) == (0, {}), (name, transport)
            (media,) = found["media"]
            codec = {"front": "H264", "dahua": "H265"}[name]
            assert (media["codec"], media["missing"], media["timestamps_advance"]) == (codec, 0, True)
            assert media["pictures"] >= 25  # of 50, or the rate of an outage: 5
            assert media["gop_s"]["max"] <= 1.5
            assert media["rtcp_text"] == {"CNAME: transcoder": media["rtcp"]["SDES"]}
        code, found = run("probe", gateway.url("front"), "--seconds", "3")
        assert code == 0
        assert (found["vendor_guess"]["family"], found["video"]["codec"]) == ("transcoder", "H264")
        assert found["video"]["size"] == "192x96"
        code, found = run("verify", cameras.url("hikvision"), "--seconds", "2", "--canaries", str(listed))
        assert (code, found["clean"]) == (1, False)


def test_a_slate_alone_is_not_clean(start_gateway: Callable[..., GatewayProcess], tmp_path: Path) -> None:
    """No camera answers, so a grey picture is served once a second."""
    gateway = start_gateway({"away": {"source": "rtsp://127.0.0.1:9/away"}})
    signed, key = tmp_path / "away.json", tmp_path / "verify.key"
    code, found = run("verify", gateway.url("away"), "--seconds", "4", "--signed", str(signed), "--key", str(key))
    assert (code, found["verdict"], found["problems"]) == (1, "nothing to judge", {})
    done = subprocess.run(
        [TRANSCODER, "verify", "--check", str(signed), "--key", str(key)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, "only the slate was served" in done.stdout) == (0, True)


def camera(tmp_path: Path, *options: str) -> tuple[subprocess.Popen[str], str]:
    """A simulated camera in a process of its own, and its URL."""
    command = [sys.executable, "-m", "transcoder.lab.cameras", *SMALL, "--cameras", "1", *options]
    process = subprocess.Popen([*command, "--cache", str(tmp_path / "content")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "ready":
            return process, event["urls"][0]
    raise AssertionError("no camera")


def ask(*arguments: str) -> tuple[int, str]:
    """The exit code of `verify`, and its first line: the verdict, or why there is none."""
    command = [TRANSCODER, "verify", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    lines = done.stdout.splitlines()
    assert not lines or lines[0] == lines[-1]
    return done.returncode, lines[0] if lines else done.stderr


def reads(port: int, stream: str, seconds: float) -> bool:
    """Whether somebody has a session with a stream for so long."""
    headers = {"Authorization": "Bearer token-of-ops-1234"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/sessions", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # http:// above
        sessions = json.load(answer)["sessions"]
    return any(each["stream"] == stream and each["playing"] and each["age_s"] > seconds for each in sessions)


@pytest.mark.timeout(200)  # nine commands, each a start of Python: 20 s alone, 120 s and more at a load of 20
def test_the_api_tells_a_still_picture_of_a_camera_from_a_slate(
    start_gateway: Callable[..., GatewayProcess], tmp_path: Path
) -> None:
    """One camera sends one and the same picture once a second, one goes away meanwhile, one was never there."""
    port, token = free_port(), tmp_path / "ops.token"
    token.write_text("token-of-ops-1234\n")
    still, still_url = camera(tmp_path, "--fps", "1", "--seconds", "1")
    leaving, leaving_url = camera(tmp_path)
    try:
        streams = {name: {"source": url} for name, url in (("still", still_url), ("leaving", leaving_url))}
        streams |= {"away": {"source": "rtsp://127.0.0.1:9/away"}, "hidden": {"source": still_url}}
        tokens = {"ops": {"token_file": str(token), "role": "read"}}
        users = {"vms": {"password": "secret", "streams": ["still", "leaving", "away"]}}
        http = {"listen": f"127.0.0.1:{port}", "tokens": tokens}
        gateway = start_gateway(streams, rtsp={"users": users}, sections={"http": http})
        base = gateway.base.replace("://", "://vms:secret@")
        api = ("--api", f"http://127.0.0.1:{port}")
        known = (*api, "--token-file", str(token))
        with ThreadPoolExecutor(4) as threads:  # side by side: each takes as long as it reads
            ask(f"{base}/still", "--seconds", "2")  # it waits for the first picture
            cut = threads.submit(ask, f"{base}/leaving", "--seconds", "14", *known)
            doubted = threads.submit(ask, f"{base}/still", "--seconds", "6")
            judged = threads.submit(ask, f"{base}/still", "--seconds", "6", *known)
            away = threads.submit(ask, f"{base}/away", "--seconds", "6", *known)
            wait_for(lambda: cut.done() or reads(port, "leaving", 4.0), 60, "the camera that leaves is read")
            assert not cut.done(), cut.result()
            leaving.send_signal(signal.SIGKILL)
            code, verdict = doubted.result()
            assert (code, verdict.startswith("nothing to judge: one picture was shown over and over")) == (1, True)
            assert judged.result() == (0, "clean")
            assert away.result() == (1, "nothing to judge: only the slate was served")
            code, verdict = cut.result()
            assert code == 0
            assert re.fullmatch(r"clean; for [0-9.]+ of 14\.0 s \([1-9][0-9]?%\) only the slate was served", verdict)
        refused = {
            (f"{base}/gone", *known): f"the API at 127.0.0.1:{port} has no stream 'gone'",
            (f"{base}/still", *api): f"the API at 127.0.0.1:{port} answers 401: give it --token-file",
            (f"{base}/still", "--api", "http://127.0.0.1:9"): "no connection to the API at 127.0.0.1:9",
            (
                f"{base}/hidden",
            ): "DESCRIBE is answered 403 Forbidden: this user may not read it: rtsp.users.vms.streams",
        }
        for arguments, words in refused.items():
            code, told = ask(*arguments)
            assert (code, words in told) == (1, True), told
    finally:
        for process in (still, leaving):
            process.kill()
            process.communicate()
