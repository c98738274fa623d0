"""The verbs `spam` and `ham`: the message is the standard input of a real learner."""

from collections.abc import Iterator

import pytest

from tests.commands.test_execute import execute
from tests.support import database, peers, verbs
from tests.support.server import Server
from tests.support.verbs import TestVerb

MESSAGE = b"""From: eve@example.net
Subject: %b offer
Message-ID: <%b@example.net>

The %b one: buy these wonderful watches, pills and lottery tickets now, only today.
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    learner = str(peers.require("sa-learn", "spamassassin"))
    data = tmp_path_factory.mktemp("learners")
    site = Server(data, request.config.stash.get(database.server, None))
    site.prepare()
    common = [learner, "--dbpath", str(data / "bayes"), "-L"]
    verbs.add(
        site,
        TestVerb("spam", [*common, "--spam"], takes_input=True),
        TestVerb("ham", [*common, "--ham"], takes_input=True),
        TestVerb("learned", [*common[:3], "--dump", "magic"]),
    )
    yield site
    site.close()


def learned(site: Server) -> dict[str, int]:
    status, output, _ = execute(site, "demo", "learned")
    assert status == 0
    fields = [line.split() for line in output.decode().splitlines()]
    return {words[-1]: int(words[2]) for words in fields if words[-1] in ("nspam", "nham")}


def test_what_is_handed_over_is_learned(site: Server) -> None:
    for verb, name in (("spam", b"one"), ("spam", b"two"), ("ham", b"three")):
        status, output, _ = execute(site, "demo", verb, given=MESSAGE % (name, name, name))
        assert (status, output) == (0, b"Learned tokens from 1 message(s) (1 message(s) examined)\n")
    assert learned(site) == {"nspam": 2, "nham": 1}
