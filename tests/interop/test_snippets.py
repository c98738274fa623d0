"""The examples of docs/clients.md, run as they stand there, print what stands there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.places import PATIENCE
from tests.support import database, peers
from tests.support.server import ROOT, Server

DOCUMENT = ROOT / "docs" / "clients.md"
SNIPPET = re.compile(
    r"<!-- snippet: (?P<name>\S+) -->\n```(?P<language>\w+)\n(?P<code>.*?)```\n\n```text\n(?P<printed>.*?)```\n",
    re.DOTALL,
)
SNIPPETS = {match["name"]: match for match in SNIPPET.finditer(DOCUMENT.read_text())}
NODE_MODULES = Path(__file__).parent / "node_modules"


@pytest.fixture(scope="module")
def fresh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the demo's data and nothing else."""
    peers.require("dovecot", "dovecot-imapd")
    server = Server(tmp_path_factory.mktemp("fresh"), request.config.stash.get(database.server, None))
    server.prepare()
    server.start("--engine", "dovecot")
    yield server
    assert server.stop() == 0
    server.close()


def test_every_example_is_a_snippet() -> None:
    text = DOCUMENT.read_text()
    assert len(SNIPPETS) == text.count("<!-- snippet:") == len(re.findall(r"^```(?:python|javascript)$", text, re.M))
    assert {"kit", "kit-asyncio", "imaplib", "imapclient", "aioimaplib", "imapflow"} <= set(SNIPPETS)


@pytest.mark.parametrize("name", SNIPPETS)
def test_snippet_prints_what_stands_below_it(name: str, fresh: Server, tmp_path: Path) -> None:
    snippet = SNIPPETS[name]
    command = {"python": python, "javascript": javascript}[snippet["language"]](tmp_path, snippet["code"])
    host, port = fresh.imap
    given = {"IMAP_HOST": host, "IMAP_PORT": str(port), "IMAP_USER": "demo", "IMAP_PASSWORD": "demo"}
    done = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), **given},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.stdout, done.stderr, done.returncode) == (snippet["printed"], "", 0)


def python(directory: Path, code: str) -> list[str]:
    path = directory / "snippet.py"
    path.write_text(code)
    return [sys.executable, "-W", "error", str(path)]


def javascript(directory: Path, code: str) -> list[str]:
    node = peers.require("node", "nodejs")
    if not (NODE_MODULES / "imapflow").is_dir():
        reason = "imapflow is not installed (npm ci in tests/interop)"
        (pytest.fail if peers.required() else pytest.skip)(reason)
    (directory / "node_modules").symlink_to(NODE_MODULES)
    path = directory / "snippet.mjs"
    path.write_text(code)
    return [str(node), str(path)]
