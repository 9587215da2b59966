"""Reports are signed; a changed one is found out, and a statement of another kind is none."""

import csv
import io
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.report.test_dataset import report
from transcoder.report.dataset import FORMAT
from transcoder.report.texts import Texts
from transcoder.report.writing import check_report, write_report
from transcoder.verify import proof
from transcoder.verify.statement import ProofError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def written(tmp_path):
    return write_report(report("public"), Texts("en"), KEY, tmp_path / "out")[0]


def public_key(tmp_path, key=KEY):
    path = tmp_path / "key.pub"
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


def test_a_report_is_signed(written, tmp_path):
    for key in (None, public_key(tmp_path)):
        checked = check_report(written, key)
        assert checked.is_signed
        assert checked.is_trusted == (key is not None)
        assert checked.fingerprint == proof.fingerprint(KEY.public_key())
        assert checked.statement["node"] == "gw1"


def test_a_number_that_was_changed_is_found_out(written, tmp_path):
    data = json.loads(written.read_text())
    data["statement"]["sections"][0]["figures"][1]["value"] += 1
    written.write_text(json.dumps(data))
    assert not check_report(written, public_key(tmp_path)).is_signed
    assert not check_report(written, None).is_signed


def test_another_key_is_found_out(written, tmp_path):
    assert not check_report(written, public_key(tmp_path, Ed25519PrivateKey.generate())).is_signed


def test_a_signed_statement_of_another_kind_is_no_report(written, tmp_path):
    data = json.loads(written.read_text())
    written.write_text(json.dumps(proof.sign(data["statement"], KEY)))
    assert not check_report(written, public_key(tmp_path)).is_signed
    written.write_text(json.dumps(proof.sign({"format": "transcoder verify statement 1"}, KEY)))
    with pytest.raises(ProofError, match="no report"):
        check_report(written, None)


@pytest.mark.parametrize(
    "told", [{}, {"audience": "public", "node": 1, "at": "x"}, {"audience": ["public"], "node": "gw1", "at": "x"}]
)
def test_what_somebody_else_signed_need_not_be_a_report(tmp_path, told):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(proof.sign({"format": FORMAT, **told}, KEY, FORMAT)))
    with pytest.raises(ProofError, match="no report"):
        check_report(path, None)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"statement": {}, "algorithm": "Ed25519"}'])
def test_what_is_no_report_is_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(ProofError):
        check_report(path, None)


def test_the_table_opens_in_a_spreadsheet_without_danger(written):
    text = written.with_name("assets.csv").read_text("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert "d-legacy" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_a_report_that_is_made_again_replaces_the_other(tmp_path):
    for audience in ("internal", "public"):
        paths = write_report(report(audience), Texts("en"), KEY, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)
    assert json.loads(paths[0].read_text())["statement"]["audience"] == "public"
