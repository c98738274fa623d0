"""To ordinary commands the server is transparent, and executions go on between them."""

import random
import re
from collections.abc import Iterator

import pytest

from tests.imapserver.test_tagged_form import begin
from tests.support.conversation import Client
from tests.support.process import resident
from tests.support.server import Server

MEBIBYTE = 1024 * 1024
FETCHED = re.compile(rb"\* \d+ FETCH \(.*?BODY\[\] \{\d+\}\r\n(.*)\)\r\n", re.DOTALL)


def message(octets: int) -> bytes:
    """A message of 8-bit octets in lines; what a mail store may change (NUL, CR or LF alone) is not in it."""
    body = random.Random(octets).randbytes(octets).translate(bytes.maketrans(b"\0\r\n", b"   "))
    lines = (body[start : start + 900] for start in range(0, octets, 900))
    return b"Subject: octets\r\n\r\n" + b"\r\n".join(lines) + b"\r\n"


def append(client: Client, mailbox: str, data: bytes, plus: str = "+") -> None:
    client.line(f"a APPEND {mailbox} {{{len(data)}{plus}}}")
    if not plus:
        client.until(r"\+ ")
    client.send(data + b"\r\n")
    assert client.until("a ")[-1].startswith("a OK")


def fetch(client: Client, number: int | str = "*") -> bytes:
    client.line(f"f FETCH {number} BODY.PEEK[]")
    return fetched(client.responses("f"))


def fetched(responses: list[bytes]) -> bytes:
    (literal,) = [match[1] for match in map(FETCHED.fullmatch, responses) if match]
    return literal


@pytest.fixture
def box(demo: Client, request: pytest.FixtureRequest) -> Iterator[str]:
    """A mailbox for this test, empty and not selected."""
    name = request.node.name.replace("[", "-").replace("]", "-")
    assert demo.command(f"c CREATE {name}")[-1].startswith("c OK")
    yield name


@pytest.mark.parametrize("plus", ["", "+"], ids=["waits", "at-once"])
def test_large_message_comes_back_byte_for_byte(demo: Client, server: Server, box: str, plus: str) -> None:
    data, before = message(5 * MEBIBYTE), resident(server.pid)
    append(demo, box, data, plus)
    demo.command(f"s SELECT {box}")
    assert fetch(demo) == data
    assert resident(server.pid) - before < 2 * MEBIBYTE


def test_output_never_comes_inside_a_response(demo: Client, box: str) -> None:
    data = message(5 * MEBIBYTE)
    append(demo, box, data)
    demo.command(f"s SELECT {box}")
    demo.send(b"100 EXECUTE many-octets 20000000\r\n101 EXECUTE many-octets 5000000\r\n")
    demo.send(b"f FETCH 1 BODY.PEEK[]\r\ng FETCH 1 BODY.PEEK[]\r\n")
    responses: dict[str, list[bytes]] = {"f": [], "g": [], "100": [], "101": []}
    while not all(responses.values()) or any(not said[-1].startswith(tag.encode()) for tag, said in responses.items()):
        response = demo.response()
        output = re.match(rb'\* EXECUTE \(TAG "(\d+)"\)', response)
        tag = output[1].decode() if output else response.split()[0].decode()
        if tag == "*":
            tag = "g" if any(FETCHED.fullmatch(each) for each in responses["f"]) else "f"
        responses[tag].append(response)
    assert fetched(responses["f"]) == fetched(responses["g"]) == data
    for tag, octets in (("100", 20_000_000), ("101", 5_000_000)):
        literals = [re.fullmatch(rb".*?\{\d+\}\r\n(.*)\)\r\n", each, re.DOTALL) for each in responses[tag][:-1]]
        assert b"".join(match[1] for match in literals if match) == b"x" * octets


def test_execution_ends_while_a_literal_is_awaited(demo: Client, box: str) -> None:
    data = message(1000)
    demo.line("100 EXECUTE slow")
    demo.line(f"a APPEND {box} {{{len(data)}}}")
    demo.until(r"\+ ")
    demo.send(data[:500])
    assert demo.output("100")[1] == "100 NO [TIMEOUT] slow took too long"
    demo.send(data[500:] + b"\r\n")
    assert demo.until("a ")[-1].startswith("a OK")
    demo.command(f"s SELECT {box}")
    assert fetch(demo) == data


def test_large_fetch_to_a_client_that_does_not_read_takes_no_memory(either: Client, server: Server, box: str) -> None:
    append(either, box, message(5 * MEBIBYTE))
    either.command(f"s SELECT {box}")
    before = resident(server.pid)
    either.send(b"".join(b"f%d FETCH 1 BODY.PEEK[]\r\n" % number for number in range(10)))
    with Client(server.imap).log_in() as other:
        assert other.command("n NOOP")[-1].startswith("n OK")
    assert resident(server.pid) - before < 4 * MEBIBYTE
    # All together: Dovecot may begin with the next one before it has said that this one is complete.
    responses = [response for number in range(10) for response in either.responses(f"f{number}")]
    assert sum(len(response) > 5 * MEBIBYTE for response in responses) == 10


def test_thousand_commands_in_one_segment_are_answered_in_order(demo: Client) -> None:
    demo.send(b"".join(b"t%d NOOP\r\n" % number for number in range(1000)))
    assert [demo.until("t")[-1].split()[0] for _ in range(1000)] == [f"t{number}" for number in range(1000)]


def test_command_inside_a_literal_is_mail(demo: Client, canary: object, box: str) -> None:
    for plus in ("", "+"):
        append(demo, box, b"B EXECUTE canary x\r\n", plus)
    demo.command(f"s SELECT {box}")
    assert fetch(demo, 1) == fetch(demo, 2) == b"B EXECUTE canary x\r\n"


def test_response_inside_a_message_is_mail(demo: Client, box: str) -> None:
    data = (
        b"Subject: x\r\n\r\n\r\nf OK done\r\n* BYE\r\n+ go on\r\n100 OK [EXIT 0] x\r\n* 5 FETCH (BODY[] {50}\r\n)\r\n"
    )
    append(demo, box, data)
    demo.command(f"s SELECT {box}")
    begin(demo)
    demo.send(b"f FETCH 1 (BODY.PEEK[] BODY.PEEK[TEXT])\r\n100 x\r\nn NOOP\r\n")
    responses = demo.responses("n")
    assert [response for response in responses if data in response]
    if b"100 x\r\n" not in responses:
        assert demo.read_line() == b"100 x"
    assert [response[:4] for response in responses if response.startswith((b"f ", b"n "))] == [b"f OK", b"n OK"]


def test_literal_of_a_command_that_the_engine_has_refused_already_is_read(demo: Client, canary: object) -> None:
    demo.line("a NOSUCH {21+}")
    demo.send(b"b EXECUTE canary xx\r\n\r\n")
    assert demo.until("a ")[-1].startswith("a BAD")
    demo.line("a SELECT {10+}")
    demo.send(b"not there")
    demo.send(b"!\r\n")
    assert demo.until("a ")[-1].startswith("a NO")
    demo.line("a NOSUCH {5}")
    assert demo.until("a ")[-1].startswith("a BAD")
    assert demo.command("n NOOP")[-1].startswith("n OK")


# IDLE


def test_idle_is_relayed(demo: Client, server: Server) -> None:
    demo.command("s SELECT INBOX")
    demo.line("i IDLE")
    demo.until(r"\+ ")
    with Client(server.imap).log_in() as other:
        append(other, "INBOX", message(100))
    assert demo.until(r"\* \d+ EXISTS")
    demo.line("DONE")
    assert demo.until("i ")[-1].startswith("i OK")


@pytest.mark.parametrize("wait", [True, False])
def test_command_in_idle_without_done_is_the_engines_to_refuse(demo: Client, canary: object, wait: bool) -> None:
    demo.command("s SELECT INBOX")
    demo.line("i IDLE")
    if wait:
        demo.until(r"\+ ")
    demo.line("b EXECUTE canary x")
    assert demo.until("i ")[-1].startswith("i BAD")
    assert demo.command("n NOOP")[-1].startswith("n OK")


# What is not relayed


def test_what_would_leave_the_relay_blind_is_refused(demo: Client) -> None:
    for command in ("COMPRESS DEFLATE", "UNAUTHENTICATE", "STARTTLS", "LOGIN ann ann", "AUTHENTICATE PLAIN"):
        assert demo.command(f"a {command}")[-1].startswith("a BAD"), command
    capabilities = demo.command("b CAPABILITY")[0].upper().split()
    assert {"EXECUTE", "IMAP4REV1", "IDLE", "LITERAL+"} <= set(capabilities)
    assert not {"COMPRESS=DEFLATE", "STARTTLS", "UNAUTHENTICATE", "LOGINDISABLED", "SASL-IR"} & set(capabilities)
    assert not [name for name in capabilities if name.startswith("AUTH=")]


def test_execute_is_shown_to_those_who_may_run_something(client: Client) -> None:
    client.until(r"\* OK")
    assert "EXECUTE" not in client.command("a CAPABILITY")[0]
    assert "EXECUTE" not in client.command("a LOGIN admin admin")[-1]
    assert "EXECUTE" not in client.command("a CAPABILITY")[0]
    assert client.command("a EXECUTE") == ["a OK [EXIT 0] EXECUTE completed"]


def test_capability_comes_after_what_was_asked_before(demo: Client) -> None:
    demo.command("s SELECT INBOX")
    demo.send(b"a NOOP\r\nb UID SEARCH ALL\r\nc CAPABILITY\r\n")
    assert [line.split()[0] for line in demo.until("c ") if not line.startswith("*")] == ["a", "b", "c"]


# The selected mailbox


def mailbox(client: Client) -> str:
    output, _ = client.execute("100 EXECUTE argdump")
    found = re.search(rb'"IMAPX_MAILBOX": "([^"]*)"', output)
    assert found
    return found[1].decode()


def test_program_is_told_the_selected_mailbox(demo: Client, box: str) -> None:
    name = f"{{{len(box)}+}}\r\n{box}"
    assert mailbox(demo) == ""
    for select, selected in (
        (f"SELECT {name}", box),
        ("SELECT nosuchmailbox", ""),
        ('EXAMINE "INBOX"', "INBOX"),
        ("SELECT INBOX (CONDSTORE)", "INBOX"),
        ("SELECT INBOX x {5+}\r\nother", "INBOX"),
        ("NOOP", "INBOX"),
        ("CLOSE", ""),
        (f"EXAMINE {name}", box),
        ("UNSELECT", ""),
        ("select inbox", "inbox"),
        ("SELECT", "inbox"),
        ("SELECT (", "inbox"),
    ):
        demo.command(f"s {select}")
        assert mailbox(demo) == selected, select
    demo.line(f"s SELECT {{{len(box)}}}")
    demo.until(r"\+ ")
    demo.line(box)
    demo.until("s ")
    assert mailbox(demo) == box


# News


def test_news_come_before_the_tagged_end(demo: Client, server: Server) -> None:
    demo.command("s SELECT INBOX")
    with Client(server.imap).log_in() as other:
        append(other, "INBOX", message(100))
        assert demo.command("100 EXECUTE exits 0") == ["100 OK [EXIT 0] exits completed"]
        lines = demo.command("100 EXECUTE changes")
        assert re.fullmatch(r"\* \d+ EXISTS", lines[0]) and lines[-1] == "100 OK [EXIT 0] changes completed"
        other.command("s SELECT INBOX")
        other.command(r"d STORE * +FLAGS (\Deleted)")
        assert demo.command("100 EXECUTE changes")[0].startswith("* ")
        other.command("e EXPUNGE")
        assert any(line.endswith(" EXPUNGE") for line in demo.command("100 EXECUTE changes")[:-1])
    assert demo.command("100 EXECUTE changes") == ["100 OK [EXIT 0] changes completed"]


def test_news_are_asked_for_in_turn(demo: Client, box: str) -> None:
    append(demo, box, message(MEBIBYTE))
    demo.command(f"s SELECT {box}")
    demo.send(b"f FETCH 1 BODY.PEEK[]\r\n100 EXECUTE changes\r\ng FETCH 1 BODY.PEEK[]\r\n")
    responses = [*demo.responses("g"), b""]
    if not any(response.startswith(b"100 ") for response in responses):
        responses += demo.responses("100")
    tags = [response.split(b" ")[0] for response in responses]
    assert tags.index(b"f") < tags.index(b"100")


def test_nothing_is_lost_in_idle(demo: Client, server: Server) -> None:
    demo.command("s SELECT INBOX")
    demo.line("100 EXECUTE once")
    demo.until("100 OK")
    demo.line("i IDLE")
    demo.until(r"\+ ")
    with Client(server.imap).log_in() as other:
        append(other, "INBOX", message(100))
    demo.line("100 last words")
    lines = demo.until("100 OK")
    assert [line for line in lines if line.startswith("100")] == ["100 last words", "100 OK [EXIT 0] once completed"]
    if not any(line.endswith(" EXISTS") for line in lines):
        demo.until(r"\* \d+ EXISTS")
    demo.line("DONE")
    assert demo.until("i ")[-1].startswith("i OK")


def test_client_is_told_that_its_mailbox_is_gone(demo: Client, server: Server, box: str) -> None:
    demo.command(f"s SELECT {box}")
    with Client(server.imap).log_in() as other:
        assert other.command(f"d DELETE {box}")[-1].startswith("d OK")
    demo.line("100 EXECUTE changes")
    assert demo.until(r"\* BYE")
    assert demo.closed()
