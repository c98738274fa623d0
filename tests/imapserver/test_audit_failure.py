"""Where an execution can't be recorded it is not started, and mail goes on."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imapserver.test_tagged_form import begin
from tests.support.conversation import Client
from tests.support.process import alive
from tests.support.server import Server

NOT_RUN = "NO [UNAVAILABLE] this can't be recorded now, so it was not run"

REFUSE = """
from django.db import connection
with connection.cursor() as cursor:
    if connection.vendor == "postgresql":
        cursor.execute(
            "CREATE FUNCTION test_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER test_refuse BEFORE INSERT ON commands_auditevent "
            "FOR EACH STATEMENT EXECUTE FUNCTION test_refuse()"
        )
    else:
        cursor.execute(
            "CREATE TRIGGER test_refuse BEFORE INSERT ON commands_auditevent "
            "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
"""

ALLOW = """
from django.db import connection
with connection.cursor() as cursor:
    if connection.vendor == "postgresql":
        cursor.execute("DROP FUNCTION test_refuse CASCADE")
    else:
        cursor.execute("DROP TRIGGER test_refuse")
"""


@contextlib.contextmanager
def no_record(server: Server) -> Iterator[None]:
    """While in it, no audit event can be written."""
    server.python(REFUSE)
    try:
        yield
    finally:
        server.python(ALLOW)


@pytest.fixture
def dialogue(server: Server) -> Iterator[Client]:
    with Client(server.imap) as client:
        yield client.log_in()


def test_without_a_record_nothing_runs_and_mail_goes_on(
    demo: Client, server: Server, dialogue: Client, canary: Path
) -> None:
    pid = begin(dialogue)
    with no_record(server):
        for command in ("EXECUTE canary", "EXECUTE canary x", "ADD canary x", "EXECUTE nosuchverb", "EXECUTE echo"):
            assert demo.command(f"100 {command}") == [f"100 {NOT_RUN}"], command
        # Mail, the listing, and what runs already
        demo.command("a APPEND INBOX {5+}\r\nhello")
        assert demo.command("s SELECT INBOX")[-1].startswith("s OK")
        assert demo.command("f FETCH * BODY.PEEK[]")[-1].startswith("f OK")
        assert "EXECUTE" in demo.command("c CAPABILITY")[0]
        dialogue.line("100 still here")
        assert dialogue.read_line() == b"100 still here"
        # A login can't be recorded either, but that is no reason to keep anybody from the mail.
        with Client(server.imap).log_in() as other:
            assert other.command("s SELECT INBOX")[-1].startswith("s OK")
            assert other.command("100 EXECUTE canary") == [f"100 {NOT_RUN}"]
        # What ends now ends for its client too.
        dialogue.line('101 CANCEL "100"')
        assert dialogue.until("100 ")[-1] == "100 NO [CANCELED] echo was canceled"
        assert not alive(pid)
        assert not canary.exists()
    assert demo.command("100 EXECUTE exits 0") == ["100 OK [EXIT 0] exits completed"]
