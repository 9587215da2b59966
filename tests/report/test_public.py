"""Nothing of the public report helps an attacker, and it says what was left out."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.report.fleet import NOW, config
from tests.report.test_dataset import report, rows
from transcoder.assets.inventory import KeptFacts, build_inventory
from transcoder.report.dataset import Period, make_report
from transcoder.report.gathering import addresses_of
from transcoder.report.leaks import Kept
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


@pytest.mark.parametrize(
    ("secret", "text", "wanted"),
    [
        ("Prins Hendrikkade 33", "Camera prins  hendrikkade-33, hoek", f"Camera {LEFT_OUT}, hoek"),
        ("Kade 12, 3hoog", "Kade 12 3hoog", LEFT_OUT),
        ("52.3702, 4.8952", "paal 52.3702,4.8952", f"paal {LEFT_OUT}"),
        ("Caf\u00e9 Noord 5", "bij Cafe\u0301 Noord 5", f"bij {LEFT_OUT}"),
        ("SN1234567", "SN-123 4567 (1)", f"{LEFT_OUT} (1)"),
        ("192.168.10.5", "192 168 10 5 and \uff11\uff19\uff12.168.10.5", f"{LEFT_OUT} and {LEFT_OUT}"),
        ("44:19:b6:3f:5e:51", "44 19 B6 3F 5E 51", LEFT_OUT),
        ("fd00::12", "fd00--12", LEFT_OUT),
        ("x", "onvif://root:pw@cam5/x now", f"{LEFT_OUT} now"),
        ("x", "Gate V5.7.3 build 220112", f"Gate {LEFT_OUT}"),
        ("1.0.4.1.2", "11041299 and 110412", "11041299 and 110412"),
    ],
)
def test_a_secret_is_found_with_other_signs_between_its_words(secret, text, wanted):
    assert Scrubber([secret])(text) == wanted


def test_types_ends_of_mac_addresses_and_labels_of_rules_hold_no_secret(tmp_path):
    keys = {"maker": "Hikvision", "model": "DS-2CD2043G2-I", "mac": "44:19:b6:3f:5e:51", "serial": "SN77777"}
    scope = {"scope": ["sn77777", "own-policy"], "scope_reason": "x", "extra": {"address": "http://cam5.city.nl:80/"}}
    title = {"title": "HIKVISION DS-2CD2043G2-I 3f5e51 cam5.city.nl"}
    made = config({"a": {**keys, **scope, **title}})
    inventory = build_inventory(made, KeptFacts(), NOW.timestamp())
    period = Period(since=NOW.date(), until=NOW.date())
    public = make_report(inventory, Kept(), period, "public", addresses_of(made))
    written = write_report(public, Texts("en"), Ed25519PrivateKey.generate(), tmp_path)
    text = "".join(path.read_text() for path in written).casefold()
    assert not [each for each in ("ds-2cd2043g2-i", "3f5e51", "sn77777", "cam5.city.nl") if each in text]
    assert "own-policy" in text


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
