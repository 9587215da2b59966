"""This module makes the certificate of a camera that speaks TLS: self-signed, or signed by an authority."""

import datetime as dt
import ipaddress
import ssl
import tempfile
import warnings
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_DAY, _LIFE = dt.timedelta(days=1), dt.timedelta(days=3650)


class Certificate:
    """Holds a key and its certificate.

    Args:
        host: the name or address that the certificate names.
        signer: the authority that signs the certificate; None: it is self-signed, and may sign others.
        expired: whether the certificate was valid until yesterday.

    Attributes:
        der: the certificate.
        pem: the certificate, PEM.
        pem_with_key: the key and the certificate, PEM.
        key, name: the key, and the name of its holder, with which it signs others.
    """

    def __init__(self, host: str, signer: "Certificate | None" = None, *, expired: bool = False) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self.key, self.name = key, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        issuer = signer or self
        ended = dt.datetime.now(dt.UTC) + (-_DAY if expired else _LIFE)
        made = x509.CertificateBuilder().subject_name(self.name).issuer_name(issuer.name).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number())
        made = made.not_valid_before(ended - _DAY - _LIFE).not_valid_after(ended)
        made = made.add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        made = made.add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        certificate = made.sign(issuer.key, hashes.SHA256())
        self.der = certificate.public_bytes(Encoding.DER)
        self.pem = certificate.public_bytes(Encoding.PEM)
        self.pem_with_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + self.pem

    def context(self, version: str, client_certificate: Literal["none", "asked", "needed"] = "none") -> ssl.SSLContext:
        """Return the settings of a server.

        Args:
            version: "1.2", "1.3", or "old" for TLS 1.0 alone.
            client_certificate: whether a client is asked for a certificate, which it can do without or not.
        """
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            wanted = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3, "old": ssl.TLSVersion.TLSv1}[
                version
            ]
            made.minimum_version = made.maximum_version = wanted
        if version == "old":
            made.set_ciphers("ALL:@SECLEVEL=0")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "camera.pem"
            path.write_bytes(self.pem_with_key)
            made.load_cert_chain(path)
        if client_certificate != "none":
            made.load_verify_locations(cadata=self.der)
            made.verify_mode = ssl.CERT_REQUIRED if client_certificate == "needed" else ssl.CERT_OPTIONAL
        return made


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
