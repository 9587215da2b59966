"""`transcoder verify` on recordings and on cameras: exit codes, and that everything that is hidden is found."""

import io
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from tests.support.cameras import Cameras
from tests.verify.test_capture import ethernet, ipv4, pcap
from transcoder.verify.command import VerifyOptions, check, verify
from transcoder.verify.inspector import Inspector
from transcoder.verify.recording import inspect_file

SPS = bytes.fromhex("674d401fda0586e840000003004000000783c60ca8")
PPS = bytes.fromhex("68ef0f2c80")
CODE = b"\x00\x00\x00\x01"
CLEAN = b"".join(CODE + unit for unit in (SPS, PPS, b"\x65\x88\x84\x21", b"\x41\x9a\x02\x05", b"\x41\x9a\x04\x05"))


def run(source: object, **options) -> tuple[int, dict, str]:
    """Exit code, the verdict as JSON and what went to standard error."""
    out, errors = io.StringIO(), io.StringIO()
    code = verify(
        VerifyOptions(source=str(source), as_json=True, **options), Console(file=out), Console(file=errors, width=500)
    )
    return code, json.loads(out.getvalue() or "{}"), errors.getvalue()


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_clean_byte_stream(tmp_path: Path) -> None:
    code, found, _ = run(written(tmp_path / "a.h264", CLEAN))
    assert (code, found["clean"], found["problems"]) == (0, True, {})
    assert found["media"][0]["pictures"] == 3
    assert found["media"][0]["nal_units"] == {"1 slice": 2, "5 IDR slice": 1, "7 SPS": 1, "8 PPS": 1}


def test_one_message_too_many(tmp_path: Path) -> None:
    code, found, _ = run(written(tmp_path / "a.h264", CLEAN + CODE + b"\x06\xe5\x01\xa7\x80"))
    assert (code, found["clean"]) == (1, False)
    assert list(found["problems"]) == ["NAL units of type 6 SEI"]
    assert found["media"][0]["sei"] == {"229": {"messages": 1, "first_bytes": "e501a7"}}


def test_canary_in_a_slice(tmp_path: Path) -> None:
    path = written(tmp_path / "a.h264", CLEAN + b"-hidden-canary-")
    assert run(path)[0] == 0
    code, found, _ = run(path, canaries=(b"hidden-canary".hex(),))
    assert (code, found["problems"]) == (1, {"canary number 1 (raw) in NAL units": 1})


def rtp(number: int, payload: bytes, *, marker: bool = False, timestamp: int = 0, head: int = 0x80) -> bytes:
    second = 0x80 * marker + 96
    return bytes((head, second)) + number.to_bytes(2) + timestamp.to_bytes(4) + b"\x01\x02\x03\x04" + payload


def stream() -> list[bytes]:
    packets = [rtp(65534, SPS), rtp(65535, PPS), rtp(0, b"\x65\x88\x84\x21", marker=True)]
    return [*packets, *(rtp(at, b"\x41\x9a\x02\x05", marker=True, timestamp=3600 * at) for at in range(1, 25))]


def captured(packets: list[bytes], *, to: int = 6000) -> list[bytes]:
    head = (5004).to_bytes(2) + to.to_bytes(2)
    return [ethernet(ipv4(head + (8 + len(data)).to_bytes(2) + bytes(2) + data)) for data in packets]


def test_clean_capture(tmp_path: Path) -> None:
    report = (
        bytes.fromhex("80c80006 01020304")
        + bytes(20)
        + b"\x81\xca\x00\x05\x01\x02\x03\x04\x01\x0atranscoder\x00"
        + bytes(3)
    )
    path = written(tmp_path / "a.pcap", pcap(*captured(stream()), *captured([report], to=6001)))
    code, found, _ = run(path)
    assert (code, found["problems"]) == (0, {})
    media = found["media"][0]
    assert (media["codec"], media["pictures"], media["missing"], media["fps_by_timestamp"]) == ("H264", 25, 0, 25.0)
    assert (media["rtcp"], media["rtcp_text"]) == ({"SR": 1, "SDES": 1}, {"CNAME: transcoder": 1})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: [*p, rtp(25, b"\x00\x01\x00\x01HIKV\x41\x9a", head=0x90)], "extension of profile 0x0001"),
        (lambda p: [*p, rtp(25, b"\x41\x9a\x00\x00\x03", head=0xA0)], "padding"),
        (lambda p: [*p, rtp(25, b"vend\x41\x9a", head=0x81)], "CSRC"),
        (lambda p: [*p, p[-1][:1] + b"\x70" + p[-1][2:]], "more than one payload type"),
        (lambda p: [*p, p[-1][:8] + b"\x04\x03\x02\x01" + p[-1][12:]], "more than one SSRC"),
        (lambda p: [*p, rtp(25, b"\x18\x00\x09\x41")], "add up"),
        (lambda p: [*p, b"\x80\xcc\x00\x03\x01\x02\x03\x04DAHUsecr"], "RTCP APP"),
        (lambda p: [*p, b"\x81\xca\x00\x02\x01\x02\x03\x04\x01\x02ab"], "CNAME: ab"),
        (lambda p: [*p, b"\x81\xc9\x00\x07\x01\x02\x03\x04" + b"hidden" * 4], "RTCP report blocks"),
    ],
)
def test_each_field_of_a_packet(tmp_path: Path, change, words: str) -> None:
    code, found, _ = run(written(tmp_path / "a.pcap", pcap(*captured(change(stream())))))
    assert code == 1
    assert words in "\n".join(found["problems"])


def test_loss_is_told_and_is_clean(tmp_path: Path) -> None:
    packets = stream()
    del packets[10:13]
    packets.insert(15, packets[13])
    code, found, _ = run(written(tmp_path / "a.pcap", pcap(*captured(packets))))
    assert (code, found["media"][0]["missing"], found["media"][0]["late"]) == (0, 3, 1)
    assert found["media"][0]["pictures"] == 22


def test_interleaved_recording(tmp_path: Path) -> None:
    frames = b"".join(b"$\x00" + len(data).to_bytes(2) + data for data in stream())
    code, found, _ = run(written(tmp_path / "a.bin", frames))
    assert (code, found["media"][0]["pictures"]) == (0, 25)
    answer = b"RTSP/1.0 200 OK\r\nCSeq: 4\r\nServer: H264DVR 1.0\r\n\r\n"
    code, found, _ = run(written(tmp_path / "a.bin", answer + frames))
    assert code == 1
    assert "RTSP header that is not ours: Server: H264DVR 1.0" in found["problems"]
    code, found, _ = run(written(tmp_path / "a.bin", frames + b"secret" + frames))
    assert found["problems"]["bytes between RTSP messages and frames"] == 6


def test_recorded_camera(footage: Path) -> None:
    """The capture holds what its own byte stream holds: 276 pictures, and one SEI too many."""
    expected = {"1 TRAIL_R": 275, "20 IDR_N_LP": 1, "32 VPS": 1, "33 SPS": 1, "34 PPS": 1, "39 prefix SEI": 1}
    for name in ("tau_wilson.pcap", "tau_raw.h265"):
        code, found, _ = run(footage / name)
        assert (code, found["problems"]) == (1, {"NAL units of type 39 prefix SEI": 1})
        (media,) = found["media"]
        assert (media["nal_units"], media["pictures"]) == (expected, 276)


@pytest.mark.process
def test_encoders_sign_their_work(tmp_path: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if not ffmpeg:
        pytest.skip("ffmpeg is not installed")
    for name, encoder in (("a.264", "libx264"), ("a.265", "libx265")):
        made = ["-f", "lavfi", "-i", "testsrc=s=96x96:r=5:d=2", "-c:v", encoder, str(tmp_path / f"a.{name[-3:]}")]
        form = ["-f", "h264" if "264" in name else "hevc"]
        subprocess.run([ffmpeg, "-v", "error", *made[:-1], *form, tmp_path / name], check=True, timeout=60)
        code, found, _ = run(tmp_path / name)
        assert code == 1
        assert f"mark {encoder[3:]} identification SEI in NAL units" in found["problems"]
        assert found["media"][0]["pictures"] == 10


@pytest.mark.process
@pytest.mark.parametrize(
    ("family", "transport"),
    [("hikvision", "tcp"), ("dahua", "tcp"), ("uniview", "tcp"), ("h264dvr", "tcp"), ("hikvision", "udp")],
)
def test_everything_a_camera_hides_is_found(cameras: Cameras, tmp_path: Path, family: str, transport: str) -> None:
    path = written(tmp_path / "canaries.jsonl", cameras.lines.encode())
    code, found, _ = run(cameras.url(family), transport=transport, seconds=2.5, canary_files=(path,))
    assert (code, found["clean"]) == (1, False)
    camera = cameras.listed[family]
    hidden = {canary["name"] for canary in camera["canaries"]}
    if family == "h264dvr":
        hidden -= {"realm"}  # its password is in the path, so it never asks for one
    problems = "\n".join(found["problems"])
    assert hidden <= set(re.findall(rf"canary {camera['name']} (\w+) \(", problems))
    others = [other["name"] for name, other in cameras.listed.items() if name != family]
    assert not any(f"canary {name} " in problems for name in others)
    video = found["media"][0]
    assert video["fps_by_timestamp"] == pytest.approx(10, abs=0.1)
    assert video["gop_pictures"] == [10]
    assert video["missing"] == 0


def refuse(options: dict) -> str:
    code, found, errors = run(**options)
    assert (code, found) == (2, {})
    return errors


def slate(pictures: int, step: int = 90_000) -> list[bytes]:
    """RTP packets of one IDR picture over and over; every other one has another idr_pic_id."""
    body = bytes(range(1, 200))
    heads = (b"\x65\x88\x82\x02\x3f\xf7\xf5", b"\x65\x88\x84\x08\xff\xf7\xf5")
    packets = [rtp(0, SPS), rtp(1, PPS)]
    for number in range(pictures):
        unit = heads[number % 2] + body
        packets.append(rtp(number + 2, unit, marker=True, timestamp=step * number))
    return packets


def test_a_slate_alone_is_nothing_to_judge(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pcap", pcap(*captured(slate(20))))
    code, found, _ = run(path)
    assert (code, found["clean"], found["verdict"], found["problems"]) == (1, False, "nothing to judge", {})
    assert found["sentence"] == "nothing to judge: only the slate was served"
    assert run(written(tmp_path / "b.pcap", pcap(*captured(slate(20, 9_000)))))[1]["verdict"] == "clean"


def test_a_slate_with_something_in_it_is_not_clean(tmp_path: Path) -> None:
    packets = captured(slate(20)) + captured([b"\x80\xcc\x00\x03\x01\x02\x03\x04DAHUsecr"], to=6001)
    code, found, _ = run(written(tmp_path / "a.pcap", pcap(*packets)))
    assert (code, found["verdict"], found["sentence"]) == (1, "unclean", "not clean")


def byte_stream(units: list[bytes]) -> bytes:
    return b"".join(CODE + unit for unit in units)


def test_a_recording_of_a_slate_is_nothing_to_judge(tmp_path: Path) -> None:
    """A byte stream has no times: its pictures alone tell, and not whether the camera showed a still picture."""
    units = [packet[12:] for packet in slate(20)]
    code, found, _ = run(written(tmp_path / "a.h264", byte_stream(units)))
    assert (code, found["verdict"], found["problems"]) == (1, "nothing to judge", {})
    assert found["sentence"].startswith("nothing to judge: all pictures are alike and have no times")
    changing = [SPS, PPS, *(b"\x65\x88" + bytes([number]) * 200 for number in range(1, 20))]
    assert run(written(tmp_path / "b.h264", byte_stream(changing)))[1]["verdict"] == "clean"


def test_a_stream_that_turns_to_a_slate_is_told_with_its_share(tmp_path: Path) -> None:
    """Ten seconds at 15 a second, as announced, and ten pictures a second apart."""
    packets = stream_at([6_000] * 150 + [90_000] * 10)
    code, found, _ = run(written(tmp_path / "a.pcap", pcap(*captured(packets))))
    assert (code, found["verdict"]) == (0, "clean")
    told = "clean; for 10.0 of 20.0 s (50%) a picture a second came, most likely the slate"
    assert found["sentence"] == told
    assert found["shown"] == {"origin": "camera", "slate_s": 10.0, "told_by": "pictures"}


def stream_at(steps: list[int]) -> list[bytes]:
    """RTP packets of changing IDR pictures with these ticks between them."""
    packets, timestamp = [rtp(0, SPS), rtp(1, PPS)], 0
    for number, step in enumerate([0, *steps]):
        timestamp += step
        unit = b"\x65\x88\x84" + bytes([1 + number % 250]) * 200
        packets.append(rtp(number + 2, unit, marker=True, timestamp=timestamp))
    return packets


def test_nothing_was_in_it(tmp_path: Path) -> None:
    code, found, errors = run(written(tmp_path / "a.h264", b""))
    assert (code, found, "is empty: there is nothing to judge" in errors) == (1, {}, True)
    code, found, _ = run(written(tmp_path / "b.h264", CODE + SPS + CODE + PPS))
    assert (code, found["sentence"]) == (1, "nothing to judge: no picture was read")


def test_the_verdict_stands_first_and_last_and_reasons_are_grouped(tmp_path: Path) -> None:
    answer = b"RTSP/1.0 200 OK\r\nCSeq: 4\r\nServer: H264DVR 1.0\r\nX-A: 1\r\n\r\n"
    packets = [*stream(), rtp(25, b"\x06\xe5\x01\xa7\x80")]
    frames = b"".join(b"$\x00" + len(data).to_bytes(2) + data for data in packets)
    out = io.StringIO()
    options = VerifyOptions(source=str(written(tmp_path / "a.bin", answer + frames)))
    assert verify(options, Console(file=out, width=500), Console(file=io.StringIO())) == 1
    lines = out.getvalue().splitlines()
    head = ["not served by a transcoder (Server: H264DVR 1.0)", "not clean"]
    assert lines[:2] == lines[-2:] == head
    groups = [line.strip() for line in lines if line.startswith("  ") and " in all" in line]
    assert groups == [
        "marks of vendors: 1 kind, 1 in all",
        "words in RTSP and SDP that are not ours: 2 kinds, 2 in all",
        "SEI, parameter sets and other NAL units: 1 kind, 1 in all",
    ]


def test_a_signed_statement_and_its_page(tmp_path: Path) -> None:
    path, key, page = written(tmp_path / "a.h264", CLEAN), tmp_path / "k" / "verify.key", tmp_path / "a.html"
    code, found, _ = run(path, signed=tmp_path / "a.json", key=key, page=page)
    assert code == 0
    assert json.loads((tmp_path / "a.json").read_text())["statement"] == found
    out = io.StringIO()
    public = key.with_name("verify.key.pub")
    assert check(tmp_path / "a.json", public, Console(file=out, width=500), Console(file=io.StringIO())) == 0
    name = re.search("signed by ([0-9a-f]{32})", out.getvalue())
    assert name is not None
    assert name[1] in page.read_text()
    assert "verdict: clean" in out.getvalue()
    text = (tmp_path / "a.json").read_text()
    written(tmp_path / "b.json", text.replace('"pictures": 3', '"pictures": 4').encode())
    errors = io.StringIO()
    assert check(tmp_path / "b.json", public, Console(file=out), Console(file=errors, width=500)) == 1
    assert "was changed" in errors.getvalue()
    assert check(tmp_path / "a.json", tmp_path / "no key", Console(file=out), Console(file=errors)) == 2


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    path = written(tmp_path / "a.h264", CLEAN)
    code, found, errors = run(path, signed=tmp_path / "no" / "a.json", key=tmp_path / "verify.key")
    assert (code, found["clean"]) == (2, True)
    assert "No such file" in errors
    code, _, errors = run(path, signed=tmp_path / "a.json", key=path / "k")
    assert (code, "can't be used" in errors) == (2, True)


def test_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while a recording is read, after everything in it was seen."""

    def interrupted(path: Path, inspector: Inspector) -> None:
        inspect_file(path, inspector)
        raise KeyboardInterrupt

    monkeypatch.setattr("transcoder.verify.command.inspect_file", interrupted)
    code, found, _ = run(written(tmp_path / "a.h264", CLEAN))
    assert (code, found["clean"], found["complete"]) == (1, False, False)
    assert found["sentence"] == "clean so far (cut short)"
    assert found["media"][0]["pictures"] == 3


@pytest.mark.process
@pytest.mark.parametrize(("as_json", "number"), [(True, signal.SIGINT), (False, signal.SIGINT), (True, signal.SIGTERM)])
def test_ctrl_c_prints_what_there_is(cameras: Cameras, as_json: bool, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "transcoder", "verify", cameras.url("hikvision"), "--seconds", "60"]
    with subprocess.Popen(
        [*command, *["--json"][: int(as_json)]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "reading" in process.stderr.readline()
        time.sleep(2)
        process.send_signal(number)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert re.search(r"not clean \(cut short after [0-9.]+ of 60 s\)", out)
    if as_json:
        found = json.loads(out)
        assert (found["complete"], found["media"][0]["pictures"] > 5) == (False, True)


def test_usage(tmp_path: Path) -> None:
    path = str(written(tmp_path / "a.h264", CLEAN))
    assert "neither" in refuse({"source": str(tmp_path / "missing")})
    assert "rtsp://" in refuse({"source": "http://127.0.0.1/"})
    assert "--transport" in refuse({"source": path, "transport": "quic"})
    assert "rtsps:// needs --transport tcp" in refuse({"source": "rtsps://127.0.0.1/x", "transport": "udp"})
    assert "--seconds" in refuse({"source": path, "seconds": 0})
    assert "--codec" in refuse({"source": path, "codec": "av1"})
    assert "hexadecimal" in refuse({"source": path, "canaries": ("xyz",)})
    assert "shorter" in refuse({"source": path, "canaries": ("ab",)})
    assert "--api needs the URL" in refuse({"source": path, "api": "http://127.0.0.1:8080"})
    stream = "rtsp://127.0.0.1/front"
    for url in ("ftp://h/", "h:8080", "http://", "http://u:p@h/", "http://h:x/"):
        assert "--api" in refuse({"source": stream, "api": url})
    assert "--token-file is for --api" in refuse({"source": stream, "token_file": tmp_path / "x"})
    token = {"source": stream, "api": "http://127.0.0.1:8080", "token_file": written(tmp_path / "t", b"two\nlines")}
    assert "no bearer token" in refuse(token)
    assert "No such file" in refuse(token | {"token_file": tmp_path / "missing"})
    assert "no list" in refuse({"source": path, "canary_files": (written(tmp_path / "b", b"no json"),)})


@pytest.mark.process
def test_not_reachable(cameras: Cameras, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    code, found, errors = run(f"rtsp://user:pass-word@127.0.0.1:{port}/x")
    assert (code, found) == (1, {})
    assert f"127.0.0.1:{port}" in errors
    assert "pass-word" not in errors
    code, _, errors = run(cameras.url("hikvision", login=False))
    assert (code, "give a user and a password" in errors) == (1, True)
    code, _, errors = run(cameras.url("hikvision", login=False), username="admin")
    assert (code, "give the password, best in TRANSCODER_PASSWORD" in errors) == (1, True)
    code, _, errors = run(cameras.url("hikvision", login=False), username="admin", password="wrong")
    assert (code, "check user and password" in errors) == (1, True)
    code, _, errors = run(written(tmp_path / "a.bin", b"neither this nor that"))
    assert (code, "is no Annex B stream" in errors) == (1, True)
    assert "ffmpeg -i FILE -c copy" in errors


def test_a_server_that_answers_nonsense() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"\x00\x01garbage" * 100)

        thread = threading.Thread(target=answer)
        thread.start()
        code, _, errors = run(f"rtsp://127.0.0.1:{server.getsockname()[1]}/x")
        thread.join()
    assert code == 1
    assert "closed the connection" in errors


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"403 Forbidden\r\nServer: transcoder", "this user may not read it: rtsp.users.vms.streams"),
        (b"403 Forbidden\r\nServer: other", "this user may not read it"),
        (b"404 Not Found", "is the path right?"),
        (b"503 Service Unavailable", "it has no picture yet, or no room; try again"),
        (b"500 Oops", "see the server's log"),
    ],
)
def test_what_to_do_about_a_refusal(answer: bytes, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                for number in (1, 2):
                    connection.recv(4096)
                    connection.sendall(b"RTSP/1.0 %s\r\nCSeq: %d\r\n\r\n" % (answer, number))

        thread = threading.Thread(target=refuse)
        thread.start()
        code, _, errors = run(f"rtsp://vms:x@127.0.0.1:{server.getsockname()[1]}/x")
        thread.join()
    line = errors.splitlines()[-1]
    assert (code, line) == (1, f"verify: DESCRIBE is answered {answer.decode().splitlines()[0]}: {words}")
