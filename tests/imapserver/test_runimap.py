"""The command `runimap`: what it refuses to start with, and how it ends."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imapserver.test_tagged_form import begin
from tests.support import peers, process
from tests.support.conversation import Client
from tests.support.process import alive, eventually
from tests.support.server import ROOT, Server


@pytest.fixture
def started(site: Server) -> Iterator[Server]:
    peers.require("dovecot", "dovecot-imapd")
    site.start("--engine", "dovecot")
    yield site
    site.stop()


def left_over(server: Server) -> set[int]:
    """Processes that have this server's data directory in their command line: it, and its Dovecot."""
    return process.running(str(server.data))


def refusal(site: Server, *arguments: str, **settings: str) -> str:
    """Start the server, which must refuse; return what it says."""
    options = ["--imap", "127.0.0.1:0", "--imaps", "127.0.0.1:0", "--no-web", "--engine", "none"]
    for name, value in zip(arguments[::2], arguments[1::2], strict=True):
        if name in options:
            options[options.index(name) + 1] = value
        else:
            options += [name, value]
            options.remove("--no-web")
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "runimap", *options],
        env=site.environment | {f"IMAPX_{name}": value for name, value in settings.items()},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode in (1, 2), done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_address_that_is_none_is_refused(site: Server) -> None:
    assert "'nonsense' is not HOST:PORT" in refusal(site, "--imap", "nonsense")
    assert "'127.0.0.1:65536' is not HOST:PORT" in refusal(site, "--imaps", "127.0.0.1:65536")


def test_unknown_engine_is_refused(site: Server) -> None:
    assert "There is no engine 'cyrus'" in refusal(site, "--engine", "cyrus")


@pytest.mark.parametrize("option", ["--imap", "--imaps", "--web"])
@pytest.mark.parametrize("engine", ["none", "dovecot"])
def test_port_in_use_is_named(site: Server, option: str, engine: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = refusal(site, option, address, "--engine", engine)
    assert "in use" in said and address.rpartition(":")[2] in said
    assert not left_over(site)


def test_certificate_that_cannot_be_used_is_named(site: Server, tmp_path: Path) -> None:
    (tmp_path / "junk.pem").write_text("junk")
    for path in (tmp_path / "missing.pem", tmp_path / "junk.pem"):
        assert f"The certificate {path} can't be used" in refusal(site, TLS_CERTIFICATE=str(path))


def test_second_server_on_the_same_data_is_refused(started: Server) -> None:
    assert "another runimap uses this data directory" in refusal(started, "--engine", "dovecot")
    with Client(started.imap).log_in() as client:
        assert client.command("s SELECT INBOX")[-1].startswith("s OK")


def test_term_drains(started: Server) -> None:
    idle, busy = Client(started.imap).log_in("ann"), Client(started.imap).log_in()
    with idle, busy:
        deaf = begin(busy, "deaf-dialogue", "200")
        begin(busy)
        os.kill(started.pid, signal.SIGTERM)
        assert idle.until(r"\* BYE") == ["* BYE the server is shutting down"]
        assert idle.closed()
        with contextlib.suppress(OSError, EOFError), Client(started.imap) as late:
            pytest.fail(f"it still accepts clients: {late.read_line()!r}")
        busy.line("100 still here")
        assert busy.read_line() == b"100 still here"
        lines = busy.until(r"\* BYE")
        assert sorted(lines) == [
            "* BYE the server is shutting down",
            "100 NO [CANCELED] echo was canceled: the server is shutting down",
            "200 NO [CANCELED] deaf-dialogue was canceled: the server is shutting down",
        ]
    assert started.stop() == 0
    assert not alive(deaf)
    assert started.exits("echo")[-1] == started.exits("deaf-dialogue")[-1] == "shutdown"
    assert not left_over(started)


def test_second_term_ends_at_once(site: Server) -> None:
    site.environment["IMAPX_DRAIN_SECONDS"] = "30"
    site.start("--engine", "none")
    idle, busy = Client(site.imap).log_in("ann"), Client(site.imap).log_in()
    with idle, busy:
        begin(busy)
        os.kill(site.pid, signal.SIGTERM)
        idle.until(r"\* BYE")
        os.kill(site.pid, signal.SIGTERM)
        assert busy.closed()
        assert site.process is not None
        assert site.process.wait(5) == 0
    assert site.stop() == 0
    site.environment["IMAPX_DRAIN_SECONDS"] = "1"
    unfinished = "SELECT count(*) FROM commands_execution WHERE ended IS NULL"
    assert site.query(unfinished) == [(0,)]


def test_term_with_a_client_that_does_not_read_drains(site: Server) -> None:
    site.start("--engine", "none")
    with Client(site.imap).log_in() as client:
        client.line("100 EXECUTE flood-lines")
        assert eventually(lambda: process.children(site.pid))
        assert site.stop() == 0
    assert site.exits("flood-lines")[-1] == "shutdown"


def test_client_is_told_when_the_engine_is_gone(started: Server) -> None:
    with Client(started.imap).log_in() as client:
        client.command("s SELECT INBOX")
        pid = begin(client)
        (engine,) = process.children(started.pid) - {pid}
        os.kill(engine, signal.SIGKILL)
        assert client.until(r"\* BYE")[-1] == "* BYE [UNAVAILABLE] the mail engine is gone"
        assert client.closed()
        assert eventually(lambda: not alive(pid), 5)
    with Client(started.imap).log_in() as client:  # it is started again
        assert client.command("s SELECT INBOX")[-1].startswith("s OK")
