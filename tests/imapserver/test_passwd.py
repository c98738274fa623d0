"""`passwd` over the wire: the next login takes the new password, and neither is in anything the server keeps."""

from pathlib import Path

import pytest

from tests.support.conversation import Client
from tests.support.postgres import Postgres
from tests.support.server import Server

FIRST, SECOND = "hunter2-Olden", 'hunter2-grün "Newer"'


def execute(client: Client, tag: str, verb: str, *words: str) -> tuple[bytes, str]:
    """With each word as a literal."""
    literals = b"".join(b" {%d+}\r\n%b" % (len(word.encode()), word.encode()) for word in words)
    client.send(f"{tag} EXECUTE {verb}".encode() + literals + b"\r\n")
    return client.output(tag)


@pytest.fixture
def server(tmp_path: Path, run_postgres: Postgres | None) -> Server:
    data = tmp_path / "data"
    data.mkdir()
    server = Server(data, run_postgres)
    server.prepare()
    return server


def test_password_is_changed_and_kept_nowhere(server: Server, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with server.running("--engine", "none", "--trace", str(trace), "--trace-contents"):
        with Client(server.imap) as client:
            client.log_in("demo")
            output, end = execute(client, "c1", "passwd", "demo", FIRST)
            assert (output[:25], end) == (b"Your password is changed.", "c1 OK [EXIT 0] passwd completed")
            output, end = execute(client, "c2", "passwd", FIRST, SECOND)
            assert end == "c2 OK [EXIT 0] passwd completed"
            # And as people get it wrong: the old one again, one too few, the name misspelt, one that is denied.
            assert execute(client, "c3", "passwd", FIRST, SECOND) == (
                b"The old password is wrong.\n",
                "c3 NO [EXIT 1] passwd failed",
            )
            assert execute(client, "c4", "passwd", SECOND)[1] == "c4 BAD passwd: usage: OLD NEW"
            assert execute(client, "c5", "passwrd", FIRST, SECOND)[1].startswith("c5 NO [NOPERM]")
        with Client(server.imap) as client:
            client.send(b"1 LOGIN demo {%d+}\r\n%b\r\n" % (len(SECOND.encode()), SECOND.encode()))
            assert client.until("1 ")[-1].startswith("1 OK")
        with Client(server.imap) as client:
            client.log_in("ann")
            assert execute(client, "c6", "passwd", FIRST, SECOND)[1].startswith("c6 NO [NOPERM]")
    rows = [server.query(f"SELECT * FROM {table}") for table in ("commands_auditevent", "commands_execution")]
    assert "passwd" in repr(rows) and "passwd" in trace.read_text()
    for kept in (repr(rows).encode(), server.logged().encode(), *contents(tmp_path)):
        assert b"hunter2" not in kept
    server.close()


def contents(directory: Path) -> list[bytes]:
    """Of the database's own files among others."""
    return [path.read_bytes() for path in directory.rglob("*") if path.is_file()]
