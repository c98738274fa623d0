"""imapx-send: send the message on standard input, in the name of the user that IMAPX_USER names.

    imapx-send --server HOST:PORT [--tls starttls|tls|off] [--login NAME --password-file PATH] [--domain DOMAIN]
               [--sent DOVECOT_CONF] RECIPIENT...

The sender, in the envelope and in the header, is the user's name, with --domain behind it if it is no address. --tls:
without it STARTTLS must be there, and the server's certificate is checked; `off` with a password goes over loopback
alone. --sent: a copy goes to the user's mailbox Sent, in the private Dovecot with this configuration.

Standard output says, a line each, how each recipient came out, or why nothing was sent. Exit status: 0 sent to all;
1 refused for some or all; 64 wrong usage; 65 no message that may be sent; 75 not now, nothing was sent; 78 the
options are no use. Fewer octets of input than IMAPX_INPUT_SIZE says: who sends it is gone, and nothing is sent.
"""

import argparse
import os
import smtplib
import sys
from pathlib import Path
from typing import NoReturn

from commands.programs.lda import DeliveryError, deliver
from commands.programs.refused import RefusedError
from commands.programs.smtp_client import ConfigError, SmtpError, TemporaryError, connect, transmit
from commands.programs.submission import ADDRESS, Submission, submission

EX_USAGE, EX_DATAERR, EX_TEMPFAIL, EX_CONFIG = 64, 65, 75, 78  # sysexits.h


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """It would exit with status 2."""
        raise argparse.ArgumentError(None, message)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = _Parser("send", allow_abbrev=False, add_help=False)
    parser.add_argument("--server", required=True)
    parser.add_argument("--tls", choices=("starttls", "tls", "off"), default="starttls")
    parser.add_argument("--login")
    parser.add_argument("--password-file", type=Path)
    parser.add_argument("--domain")
    parser.add_argument("--sent", metavar="DOVECOT_CONF")
    parser.add_argument("recipients", metavar="RECIPIENT", nargs="+")
    return parser.parse_args(arguments)


def sender_address(user: str, domain: str | None) -> str:
    address = user if "@" in user or domain is None else f"{user}@{domain}"
    if not ADDRESS.fullmatch(address):
        raise ConfigError(f"{address!r} is no address to send from: give --domain, or users that are addresses")
    return address


def read_message() -> bytes:
    """All of standard input. TemporaryError, if it is cut short."""
    data = sys.stdin.buffer.read()
    size = os.environ.get("IMAPX_INPUT_SIZE")
    if size is not None and len(data) != int(size):
        raise TemporaryError(f"{len(data)} of {size} octets of the message have come")
    return data


def read_password(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text().partition("\n")[0]
    except (OSError, ValueError) as error:
        raise ConfigError(f"the password can't be read: {error}") from error


def send(options: argparse.Namespace, message: Submission, sender: str) -> int:
    recipients = list(dict.fromkeys(options.recipients))
    password = read_password(options.password_file)
    if (options.login is None) != (password is None):
        raise ConfigError("--login and --password-file go together")
    with connect(options.server, options.tls, options.login, password) as server:
        refused = transmit(server, message, sender, recipients)
    for recipient in recipients:
        print(f"{recipient}: {refused[recipient].text if recipient in refused else 'sent'}")
    if len(refused) == len(recipients):
        return EX_TEMPFAIL if all(each.temporary for each in refused.values()) else 1
    if options.sent is not None:
        keep(message.kept, options.sent)
    return 1 if refused else 0


def keep(message: bytes, config: str) -> None:
    """Whatever becomes of the copy, the message is on its way: to report a failure would have it sent twice."""
    try:
        # mail_plugins: the user's own Sieve script is for mail that comes in, and would forward this, or answer it.
        options = ("-m", "Sent", "-o", "mail_plugins=")
        deliver(message, user=os.environ["IMAPX_USER"], config=config, options=options)
    except DeliveryError as error:
        print("there is no copy in Sent")
        print(f"send: no copy in Sent: {error}", file=sys.stderr)


def main() -> int:
    try:
        options = parse(sys.argv[1:])
        for recipient in options.recipients:
            if not ADDRESS.fullmatch(recipient):
                raise RefusedError(f"{recipient!a} is no address")
        sender = sender_address(os.environ.get("IMAPX_USER", ""), options.domain)
        return send(options, submission(read_message(), sender), sender)
    except argparse.ArgumentError as error:
        print(f"send: {error}", file=sys.stderr)
        return EX_USAGE
    except ConfigError as error:
        print("sending is not set up")
        print(f"send: {error}", file=sys.stderr)
        return EX_CONFIG
    except RefusedError as error:
        print(f"nothing was sent: {error}")
        return EX_DATAERR
    except SmtpError as error:
        print(f"nothing was sent: {error}")
        return 1
    except TemporaryError as error:
        print(f"nothing was sent: {error}")
        return EX_TEMPFAIL
    except (OSError, smtplib.SMTPException) as error:
        print("nothing was sent: the mail server can't be reached now")
        print(f"send: {error}", file=sys.stderr)
        return EX_TEMPFAIL


if __name__ == "__main__":
    sys.exit(main())
