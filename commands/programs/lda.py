"""Dovecot's delivery agent, dovecot-lda(1): the mail store's own locks and indexes hold, and an open connection hears
of what it has put there."""

import os
import subprocess

EX_UNAVAILABLE, EX_SOFTWARE, EX_TEMPFAIL = 69, 70, 75  # sysexits.h

# Where Debian and Red Hat, Fedora, and a build from source put it.
PLACES = ("/usr/lib/dovecot", "/usr/libexec/dovecot", "/usr/local/libexec/dovecot", "/usr/local/lib/dovecot")

SECONDS = 25  # less than a verb's default time limit, to end with a message rather than killed


class DeliveryError(Exception):
    """Nothing was delivered; `status` is the exit status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def find_lda() -> str:
    for place in PLACES:
        path = f"{place}/dovecot-lda"
        if os.access(path, os.X_OK):
            return path
    raise DeliveryError(EX_UNAVAILABLE, "Dovecot's dovecot-lda was not found: is Dovecot installed?")


def deliver(message: bytes, *, user: str, config: str, lda: str | None = None, options: tuple[str, ...] = ()) -> None:
    """Put this message into the user's mail; the INBOX unless `options`, of dovecot-lda, say otherwise."""
    if not os.access(config, os.R_OK):
        raise DeliveryError(EX_UNAVAILABLE, f"no mail engine's configuration can be read at {config}")
    if lda is not None and not os.access(lda, os.X_OK):
        raise DeliveryError(EX_UNAVAILABLE, f"{lda} is not there, or can't be executed")
    # -e: what it refuses comes back as a status, not as a bounce by way of sendmail.
    # -a: by itself it makes an address of the user name, and fails where that is none.
    argv = [lda or find_lda(), "-e", "-a", "postmaster@localhost", "-c", config, "-d", user, *options]
    try:
        status = subprocess.run(argv, input=message, timeout=SECONDS, check=False).returncode  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise DeliveryError(EX_TEMPFAIL, f"dovecot-lda did not end in {SECONDS} seconds") from error
    except OSError as error:
        raise DeliveryError(EX_UNAVAILABLE, f"{argv[0]} can't be executed: {error.strerror}") from error
    if status < 0:
        raise DeliveryError(EX_SOFTWARE, f"dovecot-lda was killed by signal {-status}")
    if status > 0:
        raise DeliveryError(status, f"dovecot-lda ended with status {status}")
