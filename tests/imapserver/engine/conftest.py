import pytest

from tests.imapserver.engine.places import open_directory
from tests.support.peers import require


@pytest.fixture
def data_dir():
    require("dovecot", "dovecot-imapd")
    with open_directory() as path:
        yield path


@pytest.fixture
def path_with_dovecot(tmp_path, monkeypatch):
    """Puts a `dovecot` first in PATH that is a shell script of the given lines."""

    def put(lines):
        script = tmp_path / "dovecot"
        script.write_text(f"#!/bin/sh\n{lines}\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return put
