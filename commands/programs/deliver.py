"""imapx-deliver --config DOVECOT_CONF [--lda PATH] [SUBJECT]: put a small message into the user's own INBOX.

It goes through Dovecot's delivery agent (dovecot-lda(1)), so the mail store's own locks and indexes hold and an open
connection hears of it. Prints nothing on success. Exit status: 64 wrong usage, 65 a subject or a user's name that no
header can hold, 69 no Dovecot or no configuration of it, 75 no answer in time; otherwise the delivery agent's.
"""

import os
import re
import subprocess
import sys
from email.header import Header
from email.message import Message
from email.utils import formataddr, formatdate, make_msgid

EX_USAGE, EX_DATAERR, EX_UNAVAILABLE, EX_SOFTWARE, EX_TEMPFAIL = 64, 65, 69, 70, 75  # sysexits.h

# Where Debian and Red Hat, Fedora, and a build from source put it.
PLACES = ("/usr/lib/dovecot", "/usr/libexec/dovecot", "/usr/local/libexec/dovecot", "/usr/local/lib/dovecot")

SECONDS = 25  # less than a verb's default time limit, to end with a message rather than killed

DOMAIN = "localhost"  # the message never leaves this mail store

ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")  # RFC 5322 3.2.3: dot-atom


class DeliveryError(Exception):
    """Nothing was delivered; `status` is the exit status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def make_message(user: str, subject: str) -> bytes:
    """RFC 5322. Raises DeliveryError for what could end a header line, or is no Unicode."""
    for text in (user, subject):
        # Header folding uses str.splitlines(), which breaks lines at more than CR and LF.
        if any(c < " " or "\x7f" <= c <= "\x9f" or c in "\u2028\u2029" or "\ud800" <= c <= "\udfff" for c in text):
            raise DeliveryError(EX_DATAERR, "the subject or the user's name holds control characters")
    # Not EmailMessage: until Python 3.11.10 it decodes `=?utf-8?q?=0ABcc:_x?=` and writes it out as two lines.
    message: Message[str, Header | str] = Message()
    message["From"] = f"IMAPX <imapx@{DOMAIN}>"
    message["To"] = make_address(user)
    message["Subject"] = make_subject(subject)
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=DOMAIN)
    message["MIME-Version"] = "1.0"
    message["Content-Type"] = "text/plain; charset=us-ascii"
    message.set_payload("This message was put here by the verb deliver, at your own wish.\n")
    return message.as_bytes()


def make_subject(subject: str) -> Header:
    """What fits on a line and can't be taken for an encoded word (RFC 2047) stands as it is."""
    plain = subject.isascii() and "=?" not in subject and len(subject) <= 66
    return Header(subject, "us-ascii" if plain else "utf-8", header_name="Subject")


def make_address(user: str) -> str:
    """A user's name need not be an address: one that no address can hold is shown as the name beside one."""
    local, at, domain = user.rpartition("@") if "@" in user else (user, "@", DOMAIN)
    if ATOMS.fullmatch(local) and ATOMS.fullmatch(domain):
        return local + at + domain
    return formataddr((user, f"user@{DOMAIN}"))


def find_lda() -> str:
    for place in PLACES:
        path = f"{place}/dovecot-lda"
        if os.access(path, os.X_OK):
            return path
    raise DeliveryError(EX_UNAVAILABLE, "Dovecot's dovecot-lda was not found: is Dovecot installed?")


def deliver(user: str, subject: str, config: str, lda: str | None) -> None:
    if not os.access(config, os.R_OK):
        raise DeliveryError(EX_UNAVAILABLE, f"no mail engine's configuration can be read at {config}")
    if lda is not None and not os.access(lda, os.X_OK):
        raise DeliveryError(EX_UNAVAILABLE, f"{lda} is not there, or can't be executed")
    # -e: what it refuses comes back as a status, not as a bounce by way of sendmail.
    # -a: by itself it makes an address of the user name, and fails where that is none.
    argv = [lda or find_lda(), "-e", "-a", "postmaster@localhost", "-c", config, "-d", user]
    try:
        status = subprocess.run(  # noqa: S603
            argv, input=make_message(user, subject), timeout=SECONDS, check=False
        ).returncode
    except subprocess.TimeoutExpired as error:
        raise DeliveryError(EX_TEMPFAIL, f"dovecot-lda did not end in {SECONDS} seconds") from error
    except OSError as error:
        raise DeliveryError(EX_UNAVAILABLE, f"{argv[0]} can't be executed: {error.strerror}") from error
    if status < 0:
        raise DeliveryError(EX_SOFTWARE, f"dovecot-lda was killed by signal {-status}")
    if status > 0:
        raise DeliveryError(status, f"dovecot-lda ended with status {status}")


def main() -> int:
    user = os.environ.get("IMAPX_USER", "")
    lda = None
    arguments = sys.argv[1:]
    if arguments[2:3] == ["--lda"] and len(arguments) > 3:
        lda = arguments[3]
        del arguments[2:4]
    match arguments:
        case ["--config", config] | ["--config", config, _] if user:
            subject = arguments[2] if len(arguments) == 3 else "A message from IMAPX"
        case _:
            usage = "usage: imapx-deliver --config DOVECOT_CONF [--lda PATH] [SUBJECT], with IMAPX_USER set"
            print(f"deliver: {usage}", file=sys.stderr)
            return EX_USAGE
    try:
        deliver(user, subject, config, lda)
    except DeliveryError as error:
        print(f"deliver: {error}", file=sys.stderr)
        return error.status
    return 0
