"""imapx-forward and imapx-vacation as a server runs them, and the scripts that they leave."""

import subprocess
import sys
from pathlib import Path

from tests.support.dovecot import MASTER
from tests.support.pigeonhole import DOMAIN, Pigeonhole

DONE = (0, b"", b"")

OWN = """\
require ["fileinto", "variables"];
set "y" "own";
if header :contains "subject" "list" { fileinto "Lists"; stop; }
if header :contains "subject" "junk" { discard; }
"""
"""A script that the user had before."""


def make_message(subject: str, to: str, body: str = "The body.") -> bytes:
    lines = ["From: joe@example.net", f"To: {to}", f"Subject: {subject}", f"Message-ID: <{subject}.{to}>", "", body]
    return "".join(f"{line}\r\n" for line in lines).encode()


class SieveUser:
    """One user's. `forward` and `vacation` return exit status, standard output, standard error."""

    def __init__(self, pigeonhole: Pigeonhole, user: str, home: Path) -> None:
        self.pigeonhole = pigeonhole
        self.user = user
        self.home = home
        self.password_file = home / "password"
        self.password_file.write_text(f"{MASTER}\n")
        self.password_file.chmod(0o600)
        self.server = ("--server", f"unix:{pigeonhole.sieve_socket}", "--tls", "off")

    def start(self, program: str, *arguments: str | bytes, options: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        argv: list[str | bytes] = [sys.executable, "-m", f"commands.programs.{program}", *self.server]
        argv += ["--master", MASTER, "--password-file", str(self.password_file), "--domain", DOMAIN, *options, "--"]
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "IMAPX_USER": self.user}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*argv, *arguments], env=environment, cwd=self.home, stdin=pipe, stdout=pipe, stderr=pipe
        )

    def run(
        self, program: str, *arguments: str | bytes, options: tuple[str, ...] = (), given: bytes = b""
    ) -> tuple[int, bytes, bytes]:
        with self.start(program, *arguments, options=options) as process:
            try:
                output, errors = process.communicate(given, timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return process.returncode, output, errors

    def forward(self, *arguments: str | bytes, **kwargs) -> tuple[int, bytes, bytes]:
        return self.run("forward", *arguments, **kwargs)

    def vacation(self, *arguments: str | bytes, **kwargs) -> tuple[int, bytes, bytes]:
        return self.run("vacation", *arguments, **kwargs)

    def arrive(self, subject: str, sender: str = "joe@example.net") -> list[str]:
        """Recipients of what went out by this message, sorted."""
        message = make_message(subject, f"{self.user}@{DOMAIN}")
        return sorted(sent.recipient for sent in self.pigeonhole.arrive(self.user, message, sender))

    def kept(self) -> dict[str, list[str]]:
        return self.pigeonhole.kept(self.user)

    # As the user's own Sieve editor

    def write(self, name: str, script: str, active: bool = True) -> None:
        with self.pigeonhole.log_in(self.user) as client:
            client.put_script(name, script)
            if active:
                client.set_active(name)

    def edit(self, command: str, *names: str) -> None:
        """`command` is a method of ManageSieve."""
        with self.pigeonhole.log_in(self.user) as client:
            getattr(client, command)(*names)

    def scripts(self) -> tuple[dict[str, str], str | None]:
        """All by name, and the name of the active one."""
        with self.pigeonhole.log_in(self.user) as client:
            names, active = client.list_scripts()
            return {name: client.get_script(name) for name in names}, active
