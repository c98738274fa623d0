import shutil
import tempfile
from pathlib import Path

import pytest

from imapserver.engine.private_dovecot import PrivateDovecot
from tests.imapserver.engine.mail import Mail
from tests.support.peers import require


@pytest.fixture
def data_dir():
    """A directory that the user whose the mail is can pass: pytest's own is for its owner alone."""
    require("dovecot", "dovecot-imapd")
    path = Path(tempfile.mkdtemp(prefix="imapx-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
async def engine(data_dir):
    engine = PrivateDovecot(data_dir)
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
async def mail_of(engine):
    """Logs a user in and returns the Mail."""
    open_ones = []

    async def log_in(username):
        mail = Mail(await engine.open(username))
        open_ones.append(mail)
        return mail

    yield log_in
    for mail in open_ones:
        mail.transport.abort()


@pytest.fixture
def path_with_dovecot(tmp_path, monkeypatch):
    """Puts a `dovecot` first in PATH that is a shell script of the given lines."""

    def put(lines):
        script = tmp_path / "dovecot"
        script.write_text(f"#!/bin/sh\n{lines}\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return put
