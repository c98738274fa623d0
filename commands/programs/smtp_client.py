"""One message handed to an SMTP server: TLS, login, envelope, and what the server says to each recipient."""

import ipaddress
import re
import smtplib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from commands.programs.refused import RefusedError
from commands.programs.submission import Submission

SECONDS = 60  # for each answer; RFC 5321 section 4.5.3.2 has minutes, which the verb's own limit cuts short

SERVER = re.compile(r"\[?([^\[\]]+)\]?:([0-9]{1,5})")


class ConfigError(Exception):
    """The map entry, or what it names, makes no sense; for the operator."""


class TemporaryError(Exception):
    """It may go well later. For the user."""


class SmtpError(Exception):
    """The server has refused it for good. For the user."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the server says to one recipient."""

    code: int
    text: str

    @property
    def temporary(self) -> bool:
        return self.code < 500


def connect(server: str, tls: str, login: str | None, password: str | None) -> smtplib.SMTP:
    """A session, encrypted and logged in as the options say; to be used as a context manager.

    ConfigError, OSError (ssl.SSLError is one) and smtplib.SMTPException if there is none."""
    address = SERVER.fullmatch(server)
    if address is None:
        raise ConfigError(f"{server!r} is not HOST:PORT")
    host, port = address[1], int(address[2])
    if password is not None and tls == "off" and not _is_loopback(host):
        raise ConfigError("a password goes over TLS, or over loopback")
    context = ssl.create_default_context()
    name = socket.gethostname()  # by itself it asks the DNS for one
    session: smtplib.SMTP
    if tls == "tls":
        session = smtplib.SMTP_SSL(host, port, name, timeout=SECONDS, context=context)
    else:
        session = smtplib.SMTP(host, port, name, timeout=SECONDS)
    try:
        if tls == "starttls":
            session.starttls(context=context)
        session.ehlo_or_helo_if_needed()
        if login is not None and password is not None:
            _log_in(session, login, password)
    except BaseException:
        session.close()
        raise
    return session


def _log_in(session: smtplib.SMTP, login: str, password: str) -> None:
    try:
        session.login(login, password)
    except smtplib.SMTPAuthenticationError as error:
        if error.smtp_code < 500:
            raise
        raise ConfigError(f"the mail server refuses the login {login}: {_shown(error.smtp_error)}") from error


def transmit(session: smtplib.SMTP, message: Submission, sender: str, recipients: Sequence[str]) -> dict[str, Refusal]:
    """Send it to those that the server takes; returns the others. If it takes none, nothing was sent."""
    _expect(*session.mail(sender, _options(session, message, [sender, *recipients])))
    refused = {}
    for recipient in recipients:
        code, text = session.rcpt(recipient)
        if code == 421:
            raise TemporaryError(f"the mail server closes: {_shown(text)}")
        if code not in (250, 251):
            refused[recipient] = Refusal(code, f"refused: {code} {_shown(text)}")
    if len(refused) < len(recipients):
        try:
            _expect(*session.data(message.sent))
        except smtplib.SMTPDataError as error:
            _expect(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPServerDisconnected, TimeoutError) as error:
            raise TemporaryError("or it was: the mail server went away before it had said which") from error
    return refused


def _options(session: smtplib.SMTP, message: Submission, addresses: Sequence[str]) -> list[str]:
    options = []
    if session.has_extn("size"):
        options.append(f"SIZE={len(message.sent)}")
    if message.utf8_header or not all(map(str.isascii, addresses)):
        if not session.has_extn("smtputf8"):
            raise RefusedError("the mail server takes ASCII alone, in addresses and in the header (no SMTPUTF8)")
        options.append("SMTPUTF8")
    if message.eight_bit:
        if not session.has_extn("8bitmime"):
            raise RefusedError("the mail server takes no 8-bit text: send it quoted-printable or in base64")
        options.append("BODY=8BITMIME")
    return options


def _expect(code: int, text: bytes | str) -> None:
    if code >= 500:
        raise SmtpError(f"{code} {_shown(text)}")
    if code != 250:
        raise TemporaryError(f"{code} {_shown(text)}")


def _shown(text: bytes | str) -> str:
    """On one line."""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    return "".join(c if c.isprintable() else " " for c in text)[:300]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
