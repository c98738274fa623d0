"""A command that was to run something and can't be read is on record: who, the verb and what is wrong, no argument."""

from collections.abc import Iterator

import pytest

from imapserver.unparsable import verb_meant
from imapserver.wire.syntax import Literal
from tests.support.conversation import Client
from tests.support.process import eventually
from tests.support.server import Server


@pytest.fixture(scope="module")
def plain(site: Server) -> Iterator[Server]:
    with site.running("--engine", "none", XEXEC="1") as server:
        yield server


@pytest.fixture
def client(plain: Server) -> Iterator[Client]:
    with Client(plain.imap) as client:
        yield client.log_in()


COLUMNS = "kind, outcome, actor, verb, reason, arguments_text, door"


def last(server: Server) -> tuple[object, ...]:
    return server.query(f"SELECT {COLUMNS} FROM commands_auditevent ORDER BY id DESC LIMIT 1")[0]


def rejects(server: Server) -> int:
    return len(server.query("SELECT id FROM commands_auditevent WHERE kind = 'reject'"))


@pytest.mark.parametrize(
    ("command", "verb", "reason"),
    [
        ('EXECUTE passwd "hunter2', "passwd", "EXECUTE: a quoted string or a literal is malformed"),
        ("EXECUTE passwd  hunter2", "passwd", "EXECUTE: a string is missing or malformed"),
        ("EXECUTE (PROMPT passwd hunter2", "", "EXECUTE: a closing parenthesis is missing"),
        ("EXECUTE (NOFORM) passwd hunter2", "passwd", "EXECUTE: there is no such form"),
        ('EXECUTE "(NOFORM)" passwd hunter2', "passwd", "EXECUTE: there is no such form"),
        ('EXECUTE "pass word" "hunter2', "", "EXECUTE: a quoted string or a literal is malformed"),
        ('ADD blacklist "hunter2', "blacklist", "ADD: a quoted string or a literal is malformed"),
        ('XEXEC blacklist "hunter2', "blacklist", "XEXEC: a quoted string or a literal is malformed"),
        ('FEED "7" "hunter2"', "", "FEED: no execution in the framed form has this tag"),
        ("FEED 7 hunter2", "", "FEED: a literal is missing"),
        ('FEED "hunter2" {100000000}', "", "FEED: too many literals, or too large"),
        ("EXECUTE passwd hunter2 {5}x{x}", "passwd", "EXECUTE: "),
    ],
)
def test_bad_command_is_on_record_without_its_arguments(
    plain: Server, client: Client, command: str, verb: str, reason: str
) -> None:
    before = rejects(plain)
    assert client.command(f"1 {command}")[-1].startswith("1 BAD ")
    client.command("2 EXECUTE nothing")  # whose record comes after
    assert rejects(plain) == before + 2
    rows = plain.query(f"SELECT {COLUMNS} FROM commands_auditevent WHERE kind = 'reject' ORDER BY id DESC LIMIT 2")
    kind, outcome, actor, recorded_verb, recorded, arguments, door = rows[1]
    assert (kind, outcome, actor, recorded_verb, arguments, door) == ("reject", "unparsable", "demo", verb, "", "imap")
    assert str(recorded).startswith(reason)
    assert not [row for row in plain.query("SELECT * FROM commands_auditevent") if "hunter2" in repr(row)]


def test_too_many_literals_that_end_the_connection_are_on_record(plain: Server, client: Client) -> None:
    client.send(b"1 EXECUTE passwd" + b" {1024+}\r\n%b" % (b"x" * 1024) * 17)
    assert "BYE" in client.read_to_end().decode()
    assert eventually(lambda: last(plain)[1] == "unparsable")  # the connection is closed beside it
    assert last(plain)[2:5] == ("demo", "passwd", "EXECUTE: too many literals, or too large")


def test_record_is_bounded_by_the_limit_of_bad_commands(plain: Server, client: Client) -> None:
    before = rejects(plain)
    client.send(b'1 EXECUTE passwd "x\r\n' * 100)
    assert client.closed()
    assert rejects(plain) - before <= 20


def test_other_bad_commands_are_not_on_record(plain: Server, client: Client) -> None:
    before = rejects(plain)
    assert client.command('1 ID "x')[-1].startswith("1 BAD")
    assert client.command('2 CANCEL "none"')[-1].startswith("2 BAD")
    assert client.command("3 LOGIN a b")[-1].startswith("3 BAD")
    assert rejects(plain) == before


def test_before_login_nothing_is_on_record(plain: Server) -> None:
    before = rejects(plain)
    with Client(plain.imap) as stranger:
        stranger.until(r"\* OK")
        assert stranger.command('1 EXECUTE passwd "x')[-1].startswith("1 BAD")
    assert rejects(plain) == before


@pytest.mark.parametrize(
    ("name", "fragments", "verb"),
    [
        (b"EXECUTE", (b" ", Literal(b"passwd"), b" x"), "passwd"),
        (b"EXECUTE", (b" (FRAMED) PassWd",), "passwd"),
        (b"EXECUTE", (b"",), ""),
        (b"EXECUTE", (b" " + b"x" * 65,), ""),
        (b"EXECUTE", (b" pass\xff",), ""),
        (b"ADD", (b" blacklist",), "blacklist"),
    ],
)
def test_verb_is_read_where_it_is_one(name: bytes, fragments: tuple[bytes | Literal, ...], verb: str) -> None:
    assert verb_meant(name, fragments) == verb
