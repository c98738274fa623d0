"""imapflow, as it is, on Node.js."""

import json
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.interop.messages import message, messages, seeds
from tests.interop.places import PATIENCE, Both, Place
from tests.support import peers

DIRECTORY = Path(__file__).parent


@pytest.fixture(autouse=True)
def imapflow() -> None:
    """Skips where it is not installed."""
    peers.require("node", "nodejs")
    if not (DIRECTORY / "node_modules" / "imapflow").is_dir():
        reason = "imapflow is not installed (npm ci in tests/interop)"
        (pytest.fail if peers.required() else pytest.skip)(reason)


def run(place: Place, *, execute: bool, data: list[bytes]) -> Any:
    """Run imapflow.mjs; while it idles a message arrives."""
    given = {
        "host": place.host,
        "port": place.port,
        "tls": place.tls,
        "certificate": str(place.certificate),
        "user": place.user,
        "execute": execute,
        "messages": [b64encode(each).decode() for each in data],
    }
    command = [peers.require("node", "nodejs"), DIRECTORY / "imapflow.mjs"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdin is not None and node.stdout is not None
        try:
            node.stdin.write(json.dumps(given))
            node.stdin.close()
            line = node.stdout.readline()
            if line == "idle\n":
                place.deliver(message(50))
                line = node.stdout.readline()
            assert node.wait(PATIENCE) == 0, line
        finally:
            node.kill()
    return json.loads(line)


def test_mail(both: Both) -> None:
    both.seed(seeds(20))
    mailboxes = both.run(lambda place: run(place, execute=False, data=messages(10, start=20)))
    assert len(mailboxes["Archive 2021"].messages) == 10 + 3


def test_execute_beside_mail(relayed: Place) -> None:
    added, listed, found = run(relayed, execute=True, data=[message(0)])
    assert added == ["", ["EXIT", "0"]]
    assert listed == ["joe@smith.com\n", ["EXIT", "0"]]
    assert found == [1]
