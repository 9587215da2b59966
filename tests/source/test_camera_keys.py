"""Keys of cameras: learned on first use, kept, and never replaced without leave."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.errors import KeyNotTrusted
from transcoder.lab.cameras.certificate import Certificate
from transcoder.rtsp.urls import parse_url
from transcoder.source.camera_keys import CameraKeys, TlsOptions, fingerprints

URL = parse_url("rtsps://192.0.2.7/live")
FIRST, SECOND = Certificate("192.0.2.7").der, Certificate("192.0.2.7").der
PIN = TlsOptions()


def test_fingerprints_are_those_of_another_program() -> None:
    """cryptography finds the key by itself; here it is cut out by hand."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_der_x509_certificate(FIRST).public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert fingerprints(FIRST) == (hashlib.sha256(FIRST).hexdigest(), hashlib.sha256(info).hexdigest())


def test_the_first_key_is_learned_and_another_one_refused() -> None:
    keys = CameraKeys()
    keys.check(PIN, URL, FIRST)
    assert keys.has_changed
    keys.check(PIN, URL, FIRST)
    with pytest.raises(KeyNotTrusted, match="another TLS key than before") as caught:
        keys.check(PIN, URL, SECOND)
    assert caught.value.found == fingerprints(SECOND)[1]
    keys.check(PIN, URL, FIRST)  # it was not learned instead
    keys.check(PIN, parse_url("rtsps://192.0.2.7:8322/live"), SECOND)  # another server of the host


def test_what_is_kept_counts_after_a_restart_and_tells_no_address() -> None:
    keys, restarted = CameraKeys(), CameraKeys()
    keys.check(PIN, URL, FIRST)
    kept = keys.changes()
    assert not keys.has_changed
    assert "192.0.2.7" not in repr(kept)
    restarted.load({**kept, "x": 7, "y": {"tls_key": "no"}, "z": {"transport": "tcp"}})
    with pytest.raises(KeyNotTrusted):
        restarted.check(PIN, URL, SECOND)
    restarted.accept(URL)
    assert restarted.has_changed
    restarted.check(PIN, URL, SECOND)
    with pytest.raises(KeyNotTrusted):  # what was accepted is the key that was refused, and no other
        restarted.check(PIN, URL, FIRST)


def test_where_no_key_was_refused_the_next_one_is_learned() -> None:
    keys = CameraKeys()
    keys.accept(URL)
    assert not keys.has_changed
    keys.check(PIN, URL, FIRST)
    keys.accept(URL)
    keys.check(PIN, URL, SECOND)


def test_a_fingerprint_is_that_of_the_certificate_or_of_its_key() -> None:
    for digits in fingerprints(FIRST):
        keys, options = CameraKeys(), TlsOptions(fingerprint=digits)
        keys.check(options, URL, FIRST)
        with pytest.raises(KeyNotTrusted, match=r"source\.tls\.fingerprint"):
            keys.check(options, URL, SECOND)
        assert not keys.has_changed


@pytest.mark.parametrize("verify", ["none", "ca"])
def test_nothing_is_learned_elsewhere(verify: str) -> None:
    keys, options = CameraKeys(), TlsOptions(verify=verify)  # type: ignore[arg-type]
    keys.check(options, URL, FIRST)
    keys.check(options, URL, SECOND)
    assert not keys.has_changed
    assert keys.latest == fingerprints(SECOND)[1]


@given(st.binary(max_size=200) | st.integers(0, len(FIRST) - 1).map(lambda size: FIRST[:size]))
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    try:
        fingerprints(data)
    except KeyNotTrusted:
        return
    assert len(data) > 2  # chance made a sequence of sequences
