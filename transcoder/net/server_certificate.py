"""The certificate of a server over TLS: the operator's files, or one that signs itself and is made once."""

import contextlib
import datetime as dt
import hashlib
import ipaddress
import os
import socket
import ssl
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from transcoder.product import NAME

OWN_LIFE: Final = dt.timedelta(days=3650)
"""How long a certificate of our own is valid: readers that trust it know it by its fingerprint, and it is kept."""
OWN_FILE: Final = "rtsp.pem"
"""The file in the folder of certificates that holds our own key and certificate."""


class ServerCertificate:
    """Holds the settings of TLS of a server, whose certificate may change while the server runs.

    Args:
        certificate_file: the certificate and its chain, PEM; None: our own.
        key_file: the certificate's key, PEM.
        folder: the folder in which our own is kept; None: another one is made at every start.
        names: the names and addresses that our own certificate is for.

    Attributes:
        context: the settings of TLS; the certificate in it is that of the last load.
        fingerprint: SHA-256 of the certificate, as hexadecimal digits.
        expires: the UTC seconds at which the certificate expires.
    """

    def __init__(
        self, certificate_file: Path | None, key_file: Path | None, folder: Path | None, names: tuple[str, ...] = ()
    ) -> None:
        self.context = _new_context()
        self.fingerprint = ""
        self.expires = 0.0
        self._certificate_file = certificate_file
        self._key_file = key_file
        self._folder = folder
        self._names = names
        self._stamp: tuple[tuple[int, int], ...] | None = None

    def load(self) -> None:
        """Read the certificate; make our own where there is none yet.

        Raises:
            OSError: a file can't be used; ssl.SSLError is one.
        """
        stamp = self._look()
        if self._certificate_file is not None:
            pem = self._certificate_file.read_bytes()
            self._use(self._certificate_file, self._key_file, pem)
        else:
            self._load_own()
        self._stamp = stamp

    def load_again(self) -> bool:
        """Read the operator's files again where they are others; connections that there are stay.

        Returns:
            Whether another certificate is used from now on.

        Raises:
            OSError: a file can't be used; the certificate before is used on, and each later call tries again.
        """
        if self._certificate_file is None or self._look() == self._stamp:
            return False
        before = self.fingerprint
        self.load()
        return self.fingerprint != before

    def _look(self) -> tuple[tuple[int, int], ...] | None:
        files = [file for file in (self._certificate_file, self._key_file) if file is not None]
        with contextlib.suppress(OSError):
            return tuple((status.st_mtime_ns, status.st_ino) for status in (file.stat() for file in files))
        return None

    def _load_own(self) -> None:
        file = self._folder / OWN_FILE if self._folder is not None else None
        if file is not None and file.is_file():
            with contextlib.suppress(ValueError, ssl.SSLError):  # one that was cut short is made anew
                self._use(file, None, file.read_bytes())
                return
        pem = own_certificate(self._names)
        if file is not None:
            with contextlib.suppress(OSError):  # a state that can't be written: the next start makes another one
                _keep(file, pem)
        descriptor = os.memfd_create("certificate")
        try:
            os.write(descriptor, pem)
            self._use(Path(f"/proc/self/fd/{descriptor}"), None, pem)
        finally:
            os.close(descriptor)

    def _use(self, certificate_file: Path, key_file: Path | None, pem: bytes) -> None:
        found = x509.load_pem_x509_certificate(pem[pem.find(b"-----BEGIN CERTIFICATE") :])
        # a certificate without its key would take the place of the one before all the same
        _new_context().load_cert_chain(certificate_file, key_file)
        self.context.load_cert_chain(certificate_file, key_file)
        self.fingerprint = hashlib.sha256(found.public_bytes(Encoding.DER)).hexdigest()
        self.expires = found.not_valid_after_utc.timestamp()


def _new_context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def own_certificate(names: tuple[str, ...]) -> bytes:
    """Make a key and a certificate that signs itself; return both, PEM.

    Args:
        names: names and addresses of the server, besides those of this machine.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{NAME} {socket.gethostname()}"[:64])])
    now = dt.datetime.now(dt.UTC)
    wanted = dict.fromkeys(("localhost", socket.gethostname(), "127.0.0.1", "::1", *names))
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + OWN_LIFE)
    alternatives = [general for each in wanted if (general := _general_name(each)) is not None]
    made = made.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = made.sign(key, hashes.SHA256())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)


def _general_name(host: str) -> x509.GeneralName | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return x509.DNSName(host) if host.isascii() else None
    return None if address.is_unspecified else x509.IPAddress(address)


def _keep(file: Path, pem: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all.

    Raises:
        OSError: the file can't be written.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        output.write(pem)
    part.replace(file)
