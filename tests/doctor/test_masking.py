"""A bug report does not tell where cameras are."""

from pathlib import Path

from transcoder.config import load_file
from transcoder.doctor.finding import Finding, Subject
from transcoder.doctor.masking import masked

FILE = """
mqtt: {url: mqtt://broker.site.example}
streams:
  front: {source: {url: "rtsp://u:p@cam7/x", bind_address: 10.1.2.3, bind_interface: eth-cams}}
  back: {source: "rtsp://192.168.10.21/x"}
"""


def test_each_host_has_a_number_and_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "gw.yaml"
    path.write_text(FILE)
    texts = [
        "front at cam7:554: no answer",
        "back at 192.168.10.21:554: none; again 192.168.10.21",
        "from 10.1.2.3 and eth-cams, broker.site.example, [2001:db8::1]:554 and 2001:db8::1",
        "Linux 6.18.44-fc, libavcodec 62.28.102 at 2026-11-29T07:25:12Z, cam70, 127.0.0.1:8080, ::1, 0.0.0.0, 25276 MB",
    ]
    findings = [Finding(check="a", level="ok", text=text) for text in texts]
    shown = [each.text for each in masked(findings, Subject(path=path, file=load_file(path)))]
    assert shown[0] == "front at [host 1]:554: no answer"
    assert shown[1] == "back at [host 2]:554: none; again [host 2]"
    assert shown[2] == "from [host 5] and [host 4], [host 3], [[host 6]]:554 and [host 6]"
    assert shown[3] == texts[3]


def test_a_machine_alone_is_masked_too() -> None:
    [finding] = masked([Finding(check="a", level="ok", text="at 192.0.2.1")], Subject())
    assert finding.text == "at [host 1]"
