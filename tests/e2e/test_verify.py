"""`transcoder verify` and `transcoder probe` as an operator runs them, against what the gateway serves."""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.cameras import Cameras
from tests.support.gateway_process import GatewayProcess

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
