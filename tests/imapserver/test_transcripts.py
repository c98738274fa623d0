"""Transcripts of what goes over IMAP, on the whole server: recorded as it went, or the execution ends."""

import contextlib
import uuid
from collections.abc import Iterator

import pytest

from tests.imapserver.test_audit_failure import ALLOW, REFUSE
from tests.support.conversation import Client
from tests.support.process import eventually
from tests.support.server import Server

RECORD = """
from commands.models import Verb
Verb.objects.filter(name__in=["echo", "same", "flood-lines", "prints"]).update(transcript="full")
Verb.objects.filter(name="echo").update(redactions=["pin [0-9]+"])
"""


@pytest.fixture(scope="module")
def recording(site: Server) -> Iterator[Server]:
    site.python(RECORD)
    with site.running("--engine", "none", "--no-web"):
        yield site


@pytest.fixture
def demo(recording: Server) -> Iterator[Client]:
    with Client(recording.imap) as client:
        yield client.log_in()


def last(server: Server, verb: str) -> str:
    rows = server.query(f"SELECT execution_id FROM commands_auditevent WHERE verb = '{verb}' ORDER BY id")
    return str(rows[-1][0]) if isinstance(rows[-1][0], uuid.UUID) else rows[-1][0]


def transcript(server: Server, verb: str) -> list[tuple[str, bytes]]:
    """The pieces of the last one's, those of one stream that follow each other as one."""
    statement = f"SELECT stream, data FROM commands_transcriptchunk WHERE execution_id = '{last(server, verb)}'"
    pieces: list[tuple[str, bytes]] = []
    for stream, data in server.query(f"{statement} ORDER BY sequence"):
        if pieces and pieces[-1][0] == stream:
            pieces[-1] = (stream, pieces[-1][1] + bytes(data))
        else:
            pieces.append((stream, bytes(data)))
    return pieces


def test_dialogue_is_recorded_line_by_line_and_redacted(demo: Client, recording: Server) -> None:
    demo.line("100 EXECUTE echo")
    demo.until("100 OK .EXECUTING.")
    pid = demo.read_line()[4:]
    demo.line("100 my pin 1234, please")
    demo.until("100 my pin")
    demo.line("100 bye")
    demo.until("100 bye")
    demo.line('c CANCEL "100"')
    demo.until("100 NO .CANCELED.")
    assert transcript(recording, "echo") == [
        ("o", pid + b"\n"),
        *(("i", b"my [redacted], please\n"), ("o", b"my [redacted], please\n")),
        *(("i", b"bye\n"), ("o", b"bye\n")),
    ]


def test_exit_event_has_the_digest_of_it(demo: Client, recording: Server) -> None:
    demo.execute("1 EXECUTE prints hello")
    execution = last(recording, "prints")
    exits = f"SELECT transcript_digest FROM commands_auditevent WHERE kind = 'exit' AND execution_id = '{execution}'"
    ((digest,),) = recording.query(exits)
    found = recording.python(f"""
import uuid
from commands.transcript.digest import digest
from commands.transcript.reading import read_chunks
print(digest(read_chunks(uuid.UUID("{execution}"))).hex())
""")
    assert found.strip() == bytes(digest).hex()


def test_message_as_input_is_recorded_with_its_output(demo: Client, recording: Server) -> None:
    demo.send(b"1 EXECUTE same {100000+}\r\n" + b"x" * 99_998 + b"\r\n\r\n")
    demo.output("1")
    pieces = transcript(recording, "same")
    for stream in "io":
        assert b"".join(data for each, data in pieces if each == stream) == b"x" * 99_998 + b"\r\n"


def test_what_a_client_that_is_gone_has_seen_is_recorded(recording: Server) -> None:
    exits = recording.exits("echo")
    with Client(recording.imap).log_in() as client:
        client.line("100 EXECUTE echo")
        client.until("100 OK .EXECUTING.")
        client.read_line()  # what it says first
        client.line("100 last words")
        client.until("100 last words")
    assert eventually(lambda: len(recording.exits("echo")) > len(exits))
    assert transcript(recording, "echo")[-2:] == [("i", b"last words\n"), ("o", b"last words\n")]


@contextlib.contextmanager
def no_transcripts(server: Server) -> Iterator[None]:
    """While in it, no chunk can be written."""
    server.python(REFUSE.replace("commands_auditevent", "commands_transcriptchunk"))
    try:
        yield
    finally:
        server.python(ALLOW.replace("commands_auditevent", "commands_transcriptchunk"))


def test_execution_that_cannot_be_recorded_is_ended_and_the_connection_goes_on(demo: Client, recording: Server) -> None:
    with no_transcripts(recording):
        demo.line("100 EXECUTE flood-lines")
        *_, end = demo.until("100 NO ")
        assert end.startswith("100 NO [UNAVAILABLE] flood-lines was ended")
        assert demo.command("n NOOP")[-1].startswith("n OK")
    assert recording.exits("flood-lines")[-1] == "audit-lost"
    assert demo.execute("2 EXECUTE prints again") == (b"again", "2 OK [EXIT 0] prints completed")
