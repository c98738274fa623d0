"""The reference Dovecot with Pigeonhole: ManageSieve, Sieve at deliveries, and all that it would send out."""

import contextlib
import email
import email.policy
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from string import Template

from commands.programs.managesieve import ManageSieve
from tests.support import peers
from tests.support.dovecot import MASTER, ReferenceDovecot, free_ports

DOMAIN = "example.org"
QUOTA = 64 * 1024
"""Octets of all scripts of a user."""

CONFIGURATION = Template("""\
protocols = imap sieve
postmaster_address = postmaster@example.org
hostname = mail.example.org
lda_mailbox_autocreate = yes
sendmail_path = $directory/sendmail
protocol lda {
  mail_plugins = sieve
}
plugin {
  sieve = file:~/sieve;active=~/.dovecot.sieve
  sieve_quota_max_storage = $quota
}
service managesieve-login {
  inet_listener sieve {
    port = $sieve
  }
  inet_listener sieves {
    port = $sieves
    ssl = yes
  }
  unix_listener sieve.socket {
    mode = 0666
  }
}
""")

ROOTLESS = """\
service managesieve-login {
  chroot =
}
"""

SENDMAIL = """\
#!/bin/sh
draft=$(mktemp "{outgoing}/.XXXXXX")
{{ echo "$*"; cat; }} > "$draft"
mv "$draft" "$(mktemp "{outgoing}/XXXXXX")"
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that went out. `arguments` are sendmail's."""

    arguments: list[str]
    message: EmailMessage

    @property
    def recipient(self) -> str:
        return self.arguments[-1]


class Pigeonhole(ReferenceDovecot):
    """`sieve` and `sieves` (TLS from the start) are the ManageSieve ports, `sieve_socket` its Unix socket."""

    def __init__(self, users: Iterable[str]) -> None:
        self._lda = peers.require("dovecot-lda", "dovecot-core")
        peers.require("managesieve", "dovecot-managesieved")
        if not Path("/usr/lib/dovecot/modules/lib90_sieve_plugin.so").exists():
            peers.require("sievec", "dovecot-sieve")
        self.sieve, self.sieves = (("127.0.0.1", port) for port in free_ports(2))
        super().__init__(users)
        self.sieve_socket = self.directory / "run" / "sieve.socket"

    def _configure(self, users: list[str]) -> None:
        super()._configure(users)
        values = {"directory": self.directory, "sieve": self.sieve[1], "sieves": self.sieves[1], "quota": QUOTA}
        with (self.directory / "dovecot.conf").open("a") as file:
            file.write(CONFIGURATION.substitute(values) + (ROOTLESS if self._rootless else ""))
        self._outgoing = self.directory / "outgoing"
        self._make_directory(self._outgoing)
        sendmail = self.directory / "sendmail"
        sendmail.write_text(SENDMAIL.format(outgoing=self._outgoing))
        sendmail.chmod(0o755)

    def log_in(self, user: str) -> ManageSieve:
        """As a Sieve editor of the user's does."""
        with contextlib.ExitStack() as stack:
            client = stack.enter_context(ManageSieve(f"unix:{self.sieve_socket}", tls="off", seconds=15))
            client.log_in(MASTER, MASTER.encode(), user)
            stack.pop_all()
        return client

    def arrive(self, user: str, message: bytes, sender: str = "joe@example.net", recipient: str = "") -> list[Sent]:
        """Deliver a message, as a mail server does to `recipient` (USER@example.org); return what went out by it."""
        before = set(self._outgoing.glob("[!.]*"))
        done = self.deliver_by_agent(user, message, "-f", sender, "-a", recipient or f"{user}@{DOMAIN}")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        return [_read(path) for path in set(self._outgoing.glob("[!.]*")) - before]

    def deliver_by_agent(self, user: str, message: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
        argv = [self._lda, "-c", self.directory / "dovecot.conf", "-d", user, *options]
        return subprocess.run(argv, input=message, capture_output=True, timeout=30)

    def kept(self, user: str) -> dict[str, list[str]]:
        """Subjects by mailbox, without the mailboxes that have none."""
        found = {name: [each.subject for each in box.messages.values()] for name, box in self.snapshot(user).items()}
        return {name: subjects for name, subjects in found.items() if subjects}


def _read(path: Path) -> Sent:
    arguments, _, data = path.read_bytes().partition(b"\n")
    message = email.message_from_bytes(data.replace(b"\r\n", b"\n"), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return Sent(arguments.decode().split(), message)
