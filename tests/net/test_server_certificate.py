"""A certificate of our own is made once, and is a secret."""

from pathlib import Path

import pytest
from cryptography import x509

from transcoder.net.server_certificate import OWN_FILE, ServerCertificate, own_certificate


def own(folder: Path | None) -> ServerCertificate:
    return ServerCertificate(None, None, folder)


def test_our_own_certificate_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    fingerprints = []
    for _ in range(2):
        certificate = own(tmp_path / "certificates")
        certificate.load()
        fingerprints.append(certificate.fingerprint)
    assert fingerprints[0] == fingerprints[1]
    file = tmp_path / "certificates" / OWN_FILE
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize(
    "damage", [b"", b"\0" * 100, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_our_own_certificate_that_is_damaged_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / OWN_FILE).write_bytes(damage)
    certificate = own(tmp_path)
    certificate.load()
    assert len(certificate.fingerprint) == 64


def test_without_a_folder_that_can_be_written_it_is_made_for_one_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (None, tmp_path / "file" / "certificates"):
        certificate = own(folder)
        certificate.load()
        assert certificate.fingerprint


def test_it_is_for_the_names_and_addresses_of_this_machine() -> None:
    pem = own_certificate(("gw.example", "192.0.2.7", "::"))
    certificate = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERTIFICATE") :])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "gw.example"} <= set(names.get_values_for_type(x509.DNSName))
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert addresses == {"127.0.0.1", "::1", "192.0.2.7"}  # nobody connects to ::
