"""Nothing of the public report helps an attacker, and it says what was left out."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.report.test_dataset import report, rows
from transcoder.report.public import LEFT_OUT, Scrubber
from transcoder.report.texts import LANGUAGES, Texts
from transcoder.report.writing import write_report

SECRETS = (
    "192.168.10.2", "192.168.10.3", "192.168.10.4", "SERIAL-0815", "44:19:b6:3f:5e:51", "4419b63f5e51", "52.3702 N",
    "V5.5.82 build 190909", "190909", "IPC-HFW1", "Jansen", "room 2.11", "CVE-", "CISO", "SEI of quay",
)  # fmt: skip


def encodings(text: str) -> set[bytes]:
    found = {
        form.encode(code) for form in (text, text.upper(), text.lower()) for code in ("utf-8", "utf-16-le", "utf-16-be")
    }
    raw = text.encode()
    found |= {raw.hex().encode(), text.replace(".", "-").encode(), "".join(f"%{byte:02X}" for byte in raw).encode()}
    found |= {base64.b64encode(b"." * shift + raw)[shift + 2 : -4] for shift in range(3) if len(raw) > 9}
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_secret_is_in_any_file_in_any_encoding(tmp_path, language):
    key = Ed25519PrivateKey.generate()
    public = write_report(report("public"), Texts(language), key, tmp_path / "public")
    for secret in SECRETS:
        for form in encodings(secret):
            for path in public:
                assert form not in path.read_bytes(), (secret, path.name)


def test_the_internal_report_has_them(tmp_path):
    key = Ed25519PrivateKey.generate()
    internal = write_report(report(), Texts("en"), key, tmp_path)
    text = "".join(path.read_text() for path in internal)
    assert not [secret for secret in SECRETS if secret not in text and secret not in {"4419b63f5e51", "192.168.10.4"}]
    assert {path.stat().st_mode & 0o777 for path in internal} == {0o600}


def test_what_was_left_out_is_told():
    told = {each["what"]: each["count"] for each in report("public").to_dict("en")["left_out"]}
    assert told["serial"] == 1
    assert told["address"] == 2
    assert told["location_exact"] == 1
    assert told["firmware"] == 6 - 4 + 1, "the column of one asset and the table of two rows"
    assert told["vulnerabilities"] == len(rows("risks", "vulnerabilities"))
    assert told["text"] == 3


def test_both_reports_have_the_same_numbers():
    public, internal = report("public"), report()
    for name in ("in_scope", "out", "behind", "exempt", "neither", "unknown"):
        assert public.figure("totals", name) == internal.figure("totals", name)
    assert rows("progress", "years", public) == rows("progress", "years", internal)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Camera (10.0.0.17)", f"Camera ({LEFT_OUT})"),
        ("cam-10-0-0-17", f"cam-{LEFT_OUT}"),
        ("fd00:1:2::17 at the gate", f"{LEFT_OUT} at the gate"),
        ("fe80::1%eth0, ::1 and 2001:db8:0:0:0:0:0:1", f"{LEFT_OUT}%eth0, {LEFT_OUT} and {LEFT_OUT}"),
        ("aa-bb-cc-dd-ee-ff", LEFT_OUT),
        ("AABBCCDDEEFF", LEFT_OUT),
        ("see rtsp://host/x?y now", f"see {LEFT_OUT} now"),
        ("Pole SeCrEt-1 and secret-1", f"Pole {LEFT_OUT} and {LEFT_OUT}"),
        ("V5 or V55", f"{LEFT_OUT} or V55"),
        ("İ secret-1", LEFT_OUT),
        ("Camera 2, 2026-11-29 12:34:56, 12 of 40", "Camera 2, 2026-11-29 12:34:56, 12 of 40"),
    ],
)
def test_secrets_are_taken_out_of_what_people_typed(text, wanted):
    assert Scrubber(["secret-1", "V5", "secret"[:0]])(text) == wanted


def test_the_json_of_the_public_report_is_valid_and_has_no_private_column(tmp_path):
    paths = write_report(report("public"), Texts("nl"), Ed25519PrivateKey.generate(), tmp_path)
    data = json.loads(paths[0].read_text())["statement"]
    columns = {
        column for section in data["sections"] for figure in section["figures"] for column in figure.get("columns", ())
    }
    assert not columns & {
        "serial",
        "mac",
        "firmware",
        "location_exact",
        "model",
        "owner",
        "notes",
        "because",
        "moved_by",
    }
