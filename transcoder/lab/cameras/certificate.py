"""This module makes the self-signed certificate of a camera that speaks TLS."""

import datetime as dt
import ssl
import tempfile
import warnings
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_LIFE = dt.timedelta(days=3650)


class Certificate:
    """Holds a key and its certificate, which nobody vouches for.

    Args:
        host: the name or address that the certificate names.

    Attributes:
        der: the certificate.
    """

    def __init__(self, host: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        began = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(began).not_valid_after(began + _LIFE)
        certificate = made.sign(key, hashes.SHA256())
        self.der = certificate.public_bytes(Encoding.DER)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._pem = pem + certificate.public_bytes(Encoding.PEM)

    def context(self, version: str) -> ssl.SSLContext:
        """Return the settings of a server.

        Args:
            version: "1.2", "1.3", or "old" for TLS 1.0 alone.
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
            path.write_bytes(self._pem)
            made.load_cert_chain(path)
        return made
