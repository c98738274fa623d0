"""The certificate that IMAPS is served with."""

import datetime
import ipaddress
import logging
import os
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

logger = logging.getLogger(__name__)

VALID = datetime.timedelta(days=825)


class Certificate:
    """A certificate and its key in files, and the context that serves them."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises OSError (ssl.SSLError is one) for a pair that can't be used."""
        self._certificate, self._key = certificate, key
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.options |= ssl.OP_NO_RENEGOTIATION  # OpenSSL 3 refuses a client's by itself, 1.1.1 does not
        self._load(self.context)

    def reload(self) -> None:
        """Serve what the files hold now to clients that come from now on; a pair that can't be used changes nothing."""
        try:
            # A trial first: loading half of a pair would leave the context with a key of another certificate.
            Certificate(self._certificate, self._key)
            self._load(self.context)
        except OSError:
            logger.exception("The certificate %s can't be used; the one before it is served on", self._certificate)
        else:
            logger.info("The certificate %s was read again", self._certificate)

    def _load(self, context: ssl.SSLContext) -> None:
        # A key that is encrypted is one that can't be used: without a password OpenSSL would ask at the terminal.
        context.load_cert_chain(self._certificate, self._key, password="")


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """Return certificate and key in `directory`; where they are not there, a self-signed pair is made."""
    certificate_path, key_path = directory / "certificate.pem", directory / "key.pem"
    if certificate_path.exists() and key_path.exists():
        return certificate_path, key_path
    directory.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    host = socket.getfqdn()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(host), x509.DNSName("localhost")]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key_path.unlink(missing_ok=True)
    descriptor = os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(private)
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate_path, key_path
