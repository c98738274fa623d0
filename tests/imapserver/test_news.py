"""State after an execution: what a verb has done to the mail, and to its user, is told in the right way."""

import re
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tests.imapserver.test_tagged_form import begin
from tests.support import peers, verbs
from tests.support.conversation import Client
from tests.support.process import alive
from tests.support.server import ROOT, Server
from tests.support.verbs import TestVerb, program

COMMANDS = {
    "copy": ["copy"],
    "expunge": ["expunge"],
    "flag": ["flags", "add"],
    "delete": ["mailbox", "delete"],
    "create": ["mailbox", "create"],
    "rename": ["mailbox", "rename"],
}
MESSAGE = "Subject: hello\r\n\r\nThe body.\r\n"
INCONSISTENT = "* BYE IMAP session state is inconsistent, please relogin."


@pytest.fixture(scope="module")
def front(site: Server) -> Iterator[Server]:
    """With the private Dovecot, and verbs that run doveadm on it."""
    peers.require("dovecot", "dovecot-imapd")
    doveadm = [str(peers.require("doveadm", "dovecot-core")), "-c", str(site.data.resolve() / "engine/dovecot.conf")]
    settings = {name: site.environment[name] for name in ("IMAPX_DATA_DIR", "DATABASE_URL") if name in site.environment}
    entries = [
        TestVerb("password", [sys.executable, *program("sets-password", str(ROOT), "{text0}")], 1, environment=settings)
    ]
    for name, words in COMMANDS.items():
        argv = [*doveadm, *words, "-u", "demo", "{*}"]
        entries += [
            TestVerb(name, argv, 6, changes_mail=True),
            TestVerb(f"quiet-{name}", argv, 6),
            TestVerb(f"{name}-dialogue", program("after-line", *argv), 6, changes_mail=True, mode="interactive"),
        ]
    verbs.add(site, *entries)
    with site.running("--engine", "dovecot") as front:
        yield front


@pytest.fixture
def opened(front: Server, request: pytest.FixtureRequest) -> Iterator[Callable[[], Client]]:
    """Opens connections of one user on which the mailbox `BOX` is selected; it has three messages."""
    name, clients = box(request), []

    def opened() -> Client:
        clients.append(client := Client(front.imap).log_in())
        client.command(f"s SELECT {name}")
        return client

    with Client(front.imap).log_in() as first:
        assert first.command(f"c CREATE {name}")[-1].startswith("c OK")
        for _ in range(3):
            first.command(f"a APPEND {name} {{{len(MESSAGE)}+}}\r\n{MESSAGE}")
    yield opened
    for client in clients:
        client.close()


def box(request: pytest.FixtureRequest) -> str:
    return re.sub(r"\W", "-", request.node.name)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return box(request)


CHANGES = [
    pytest.param("copy {box} mailbox {box} all", [r"\* 6 EXISTS"], id="added"),
    pytest.param("expunge mailbox {box} uid 1,3", [r"\* 3 EXPUNGE", r"\* 1 EXPUNGE"], id="expunged"),
    pytest.param(r"flag \Flagged mailbox {box} uid 2", [r"\* 2 FETCH \(.*FLAGS \(\\Flagged.*"], id="flagged"),
]


def executing(text: str, box: str, *, dialogue: bool = False, tag: str = "100") -> str:
    """The command that executes `text`, a verb and its arguments, on this mailbox."""
    verb, *words = text.format(box=box).split()
    form = "-dialogue" if dialogue else ""
    return f"{tag} EXECUTE {verb}{form} " + " ".join('"{}"'.format(word.replace("\\", "\\\\")) for word in words)


def tell(news: list[str], told: list[str]) -> bool:
    return all(any(re.fullmatch(pattern, line) for line in news) for pattern in told)


@pytest.mark.parametrize(("text", "told"), CHANGES)
def test_change_is_told_before_the_tagged_end(
    opened: Callable[[], Client], name: str, text: str, told: list[str]
) -> None:
    client, other = opened(), opened()
    *news, end = client.command(executing(text, name))
    assert end == f"100 OK [EXIT 0] {text.split()[0]} completed"
    assert tell(news, told), news
    assert len(client.command("n NOOP")) == 1  # it is told once
    # To the user's other connection it is news like anybody's.
    *news, _ = other.command("n NOOP")
    assert tell(news, told), news


@pytest.mark.parametrize(("text", "told"), CHANGES)
def test_change_of_a_dialogue_is_told_before_its_end(
    opened: Callable[[], Client], name: str, text: str, told: list[str]
) -> None:
    client = opened()
    assert client.command(executing(text, name, dialogue=True))[-1].startswith("100 OK [EXECUTING]")
    client.line("100 go on")
    *news, end = client.until("100 OK")
    assert end == f"100 OK [EXIT 0] {text.split()[0]}-dialogue completed"
    assert tell(news, told), news


@pytest.mark.parametrize(("text", "told"), CHANGES)
def test_client_that_idles_is_told_and_idles_on(
    opened: Callable[[], Client], name: str, text: str, told: list[str]
) -> None:
    client, other = opened(), opened()
    client.command(executing(text, name, dialogue=True))
    for each in (client, other):
        each.line("i IDLE")
        each.until(r"\+ ")
    client.line("100 go on")
    news = client.until("100 OK")
    assert tell(news, told), news
    while not tell(news, told):
        news += other.until("")
    for each in (client, other):
        assert not any(line.startswith("i ") for line in news)
        each.line("DONE")
        assert each.until("i ")[-1].startswith("i OK")
        assert each.command("n NOOP")[-1].startswith("n OK")


def test_done_comes_through_whenever_it_is_sent(opened: Callable[[], Client], name: str) -> None:
    """IDLE may just be left or entered again, for an execution that has ended."""
    client = opened()
    for delay in range(10):
        for tag in range(4):
            client.command(f"{tag} EXECUTE once")
        client.line("i IDLE")
        client.until(r"\+ ")
        client.send(b"0 x\r\n1 x\r\n2 x\r\n3 x\r\n")
        time.sleep(delay * 0.002)
        client.line("DONE\r\nn NOOP")
        lines = []
        while not {"i", "n", "0", "1", "2", "3"} <= {line.split()[0] for line in lines if " OK " in line}:
            lines += client.until("")
        assert [line.split()[1] for line in lines if line[:2] in ("i ", "n ")] == ["OK", "OK"], lines
        assert not any(line.startswith("+") for line in lines)


def test_verb_that_is_not_said_to_change_mail_asks_nobody(opened: Callable[[], Client], name: str) -> None:
    client = opened()
    text = "quiet-expunge mailbox {box} uid 1"
    assert client.command(executing(text, name)) == ["100 OK [EXIT 0] quiet-expunge completed"]
    assert "* 1 EXPUNGE" in client.command("n NOOP")


def test_mailbox_that_is_not_selected_is_no_news(opened: Callable[[], Client], name: str) -> None:
    client = opened()
    client.command("u UNSELECT")
    text = "expunge mailbox {box} all"
    assert client.command(executing(text, name)) == ["100 OK [EXIT 0] expunge completed"]


def test_expunge_never_comes_into_a_fetch(opened: Callable[[], Client], name: str) -> None:
    """Its numbers would be other messages' from one response to the next (RFC 3501 section 7.4.1)."""
    client = opened()
    large = "Subject: large\r\n\r\n" + ("x" * 78 + "\r\n") * 40_000
    client.command(f"a APPEND {name} {{{len(large)}+}}\r\n{large}")
    expunged = 0
    for _ in range(3):
        client.line(executing("expunge mailbox {box} 1", name) + 3 * "\r\nf FETCH 1:* BODY.PEEK[]")
        kinds: list[str] = []
        while kinds.count("f") < 3 or "100" not in kinds:
            response = client.response()
            kinds.append("EXPUNGE" if response.endswith(b" EXPUNGE\r\n") else response.split(b" ")[0].decode())
            if b"FETCH (BODY[] {" in response:
                kinds[-1] = "FETCH"
        assert not re.search(r"FETCH (100 )?EXPUNGE", " ".join(kinds)), kinds
        expunged += kinds.count("EXPUNGE")
    assert expunged == 3


# The selected mailbox is gone

GONE = ["delete {box}", "rename {box} {box}2"]


@pytest.mark.parametrize("text", GONE)
def test_client_whose_mailbox_is_gone_is_told_and_let_go(
    opened: Callable[[], Client], front: Server, name: str, text: str
) -> None:
    """Dovecot says BYE; the verb's own end comes all the same, and nothing after it."""
    client, verb = opened(), text.split()[0]
    client.line(executing(text, name))
    lines = client.read_to_end().decode().splitlines()
    assert lines == [INCONSISTENT, f"100 OK [EXIT 0] {verb} completed"]
    with Client(front.imap).log_in() as again:
        assert again.command(f"s SELECT {name}")[-1].startswith("s NO")
        if verb == "rename":
            assert "* 3 EXISTS" in again.command(f"s SELECT {name}2")


@pytest.mark.parametrize("text", GONE)
def test_client_that_idles_in_it_is_told(opened: Callable[[], Client], name: str, text: str) -> None:
    client, verb = opened(), text.split()[0]
    client.command(executing(text, name, dialogue=True))
    client.line("i IDLE")
    client.until(r"\+ ")
    client.line("100 go on")
    lines = client.read_to_end().decode().splitlines()
    assert sorted(lines) == [INCONSISTENT, f"100 OK [EXIT 0] {verb}-dialogue completed"]


def test_what_else_runs_on_the_connection_is_ended_and_told(
    opened: Callable[[], Client], front: Server, name: str
) -> None:
    client = opened()
    pid = begin(client)
    client.line(executing("delete {box}", name, tag="101"))
    lines = client.read_to_end().decode().splitlines()
    assert sorted(lines) == [
        INCONSISTENT,
        "100 NO [CANCELED] echo was canceled: the mail engine is gone",
        "101 OK [EXIT 0] delete completed",
    ]
    assert not alive(pid)
    assert (front.exits("echo")[-1], front.exits("delete")[-1]) == ("engine-lost", "exit")


def test_mailbox_that_is_deleted_and_made_again_is_another_one(opened: Callable[[], Client], name: str) -> None:
    """No connection may go on in the new one with the numbers of the old one."""
    client, other = opened(), opened()
    other.command("u UNSELECT")
    for text in ("delete {box}", "create {box}"):
        assert other.command(executing(text, name))[-1].startswith("100 OK")
    client.line("101 EXECUTE changes")
    warning, *lines = client.read_to_end().decode().splitlines()
    assert warning.startswith("* NO Internal error occurred.")
    assert lines == [
        "101 OK [EXIT 0] changes completed",
        "* BYE [UNAVAILABLE] the selected mailbox is not what it was",
    ]


# The user's password


def test_connection_goes_on_when_its_password_changes_and_the_old_one_fails(front: Server) -> None:
    with Client(front.imap).log_in() as client, Client(front.imap) as next_one:
        assert client.command("100 EXECUTE password another") == ["100 OK [EXIT 0] password completed"]
        assert client.command("s SELECT INBOX")[-1].startswith("s OK")
        next_one.until(r"\* OK")
        assert next_one.command("a LOGIN demo demo")[-1].startswith("a NO [AUTHENTICATIONFAILED]")
        assert next_one.command("b LOGIN demo another")[-1].startswith("b OK")
        assert client.command("101 EXECUTE password demo") == ["101 OK [EXIT 0] password completed"]
