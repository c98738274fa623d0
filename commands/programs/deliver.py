"""imapx-deliver --config DOVECOT_CONF [--lda PATH] [SUBJECT]: put a small message into the user's own INBOX.

It goes through Dovecot's delivery agent (dovecot-lda(1)), so the mail store's own locks and indexes hold and an open
connection hears of it. Prints nothing on success. Exit status: 64 wrong usage, 65 a subject or a user's name that no
header can hold, 69 no Dovecot or no configuration of it, 75 no answer in time; otherwise the delivery agent's.
"""

import os
import re
import sys
from email.header import Header
from email.message import Message
from email.utils import formataddr, formatdate, make_msgid

from commands.programs.lda import DeliveryError, deliver

EX_USAGE, EX_DATAERR = 64, 65  # sysexits.h

DOMAIN = "localhost"  # the message never leaves this mail store

ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")  # RFC 5322 3.2.3: dot-atom


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
        deliver(make_message(user, subject), user=user, config=config, lda=lda)
    except DeliveryError as error:
        print(f"deliver: {error}", file=sys.stderr)
        return error.status
    return 0
