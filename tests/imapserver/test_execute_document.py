"""The transcripts of docs/execute.md, each played on a raw connection: what the page says is what happens."""

import re
from collections.abc import Iterator

import pytest

from tests.support import peers, verbs
from tests.support.conversation import Client
from tests.support.postgres import Postgres
from tests.support.server import ROOT, Server
from tests.support.verbs import TestVerb

LISTING = "C: 1 EXECUTE\n"
COUNT = ["/usr/bin/wc", "-c"]
TRANSCRIPT = re.compile(r"(?:^    [CS]: ?.*\n)+", re.MULTILINE)
TRANSCRIPTS = TRANSCRIPT.findall((ROOT / "docs" / "execute.md").read_text())


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory, run_postgres: Postgres | None) -> Iterator[Server]:
    peers.require("dovecot", "dovecot-imapd")
    server = Server(tmp_path_factory.mktemp("documented"), run_postgres)
    server.prepare()
    about = "How many bytes each of these messages has."
    verbs.add(
        server,
        TestVerb("count", COUNT, takes_input=True),
        TestVerb("sizes", COUNT, uids=True, description=about),
    )
    # The listing is ann's, who may run few.
    server.python(
        "from django.contrib.auth.models import User; from commands.models import Rule, Verb\n"
        "for verb in Verb.objects.filter(name__in=['count', 'sizes']):\n"
        "    Rule.objects.create(user=User.objects.get(username='ann'), verb=verb)"
    )
    with server.running("--engine", "dovecot", XEXEC="1"):
        with Client(server.imap).log_in() as client:
            for size in (22, 33):
                client.send(b"a APPEND INBOX {%d+}\r\n%b\r\n" % (size, b"x" * size))
                assert client.until("a ")[-1].startswith("a OK")
        yield server
    server.close()


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=[text.split("\n", 1)[0].strip() for text in TRANSCRIPTS])
def test_transcript_goes_as_the_page_says(documented: Server, transcript: str) -> None:
    user = "ann" if LISTING in transcript else "demo"
    with Client(documented.imap).log_in(user) as client:
        client.command("s SELECT INBOX")
        client.play(transcript)
