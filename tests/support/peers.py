"""Programs of others that tests run against: found where distributions put them, or a reason to skip."""

import os
import shutil
from pathlib import Path

import pytest

REQUIRED = "IMAPX_TEST_REQUIRE_PEERS"
DIRECTORIES = ("/usr/sbin", "/usr/lib/dovecot", "/usr/libexec/dovecot")


def find(command: str | Path) -> Path | None:
    """The program's path: `command` itself if it is one, else from PATH and where PATH does not lead."""
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *DIRECTORIES, *map(str, servers)])
    found = shutil.which(str(command), path=path)
    return Path(found) if found else None


def required() -> bool:
    """Whether a missing peer is a failure, as where a whole run must prove something, and not a skip."""
    return os.environ.get(REQUIRED, "") not in ("", "0")


def missing(command: str | Path, package: str) -> str:
    return f"{command} is not installed (Debian: {package})"


def require(command: str | Path, package: str) -> Path:
    """The program's path. Without it the test is skipped; it fails where IMAPX_TEST_REQUIRE_PEERS=1."""
    found = find(command)
    if found is None:
        (pytest.fail if required() else pytest.skip)(missing(command, package))
    return found


def _version(directory: Path) -> int:
    number = directory.parent.name
    return int(number) if number.isdigit() else 0
