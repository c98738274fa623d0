"""A message as input: the last argument of a verb that takes one, streamed (PROTOCOL section 4)."""

import random

import pytest

from tests.imapserver.test_execution_lifecycle import FLAT, MEBIBYTE
from tests.support.conversation import Client
from tests.support.process import eventually, resident
from tests.support.server import Server


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 100_000])
@pytest.mark.parametrize("plus", [b"", b"+"])
def test_last_literal_is_standard_input(demo: Client, size: int, plus: bytes) -> None:
    octets = bytes(random.Random(size).randrange(1, 256) for _ in range(size))
    demo.send(b"100 EXECUTE same {%d%b}\r\n" % (size, plus))
    if not plus:
        assert demo.read_line() == b"+ OK"
    demo.send(octets + b"\r\n")
    assert demo.output("100") == (octets, "100 OK [EXIT 0] same completed")


def test_program_knows_how_much_there_is_to_be(demo: Client) -> None:
    assert demo.execute(b"100 EXECUTE input-size word {2000+}\r\n" + b"x" * 2000)[0] == b"word 2000 2000\n"
    assert demo.execute(b"100 EXECUTE input-size word {3+}\r\nabc")[0] == b"word 3 3\n"


def test_nul_is_input_like_any_octet(demo: Client) -> None:
    octets = b"\0" * 5000
    assert demo.execute(b"100 EXECUTE same ~{5000+}\r\n" + octets)[0] == octets


def test_megabytes_are_streamed(demo: Client, server: Server) -> None:
    before = resident(server.pid)
    octets = random.Random(2).randbytes(16 * MEBIBYTE)
    demo.send(b"100 EXECUTE head {%d+}\r\n%b\r\n" % (len(octets), octets))
    assert demo.output("100") == (octets[:10], "100 OK [EXIT 0] head completed")
    assert demo.command("n NOOP")[-1].startswith("n OK")
    assert resident(server.pid) - before < FLAT


def test_verb_without_input_is_refused_with_limit_before_it_comes(demo: Client) -> None:
    demo.send(b"100 EXECUTE exits {2000}\r\n")
    assert demo.until("100 ") == ["100 NO [LIMIT] an argument of more than 1024 bytes"]
    assert demo.command("n NOOP")[-1].startswith("n OK")


def test_what_nobody_wants_is_dropped_and_no_command_is_found_in_it(demo: Client, server: Server) -> None:
    octets = b"z EXECUTE canary x\r\n" * 200
    for verb, answer in (("exits", "NO [LIMIT]"), ("secret", "NO [NOPERM]"), ("nosuchverb", "NO [NOPERM]")):
        demo.send(b"100 EXECUTE %b {%d+}\r\n%b\r\nn NOOP\r\n" % (verb.encode(), len(octets), octets))
        lines = demo.until("n OK")
        assert lines[0].startswith(f"100 {answer}")
        assert not any(line.startswith("z ") for line in lines)


def test_verb_that_takes_input_wants_it(demo: Client) -> None:
    assert demo.command("100 EXECUTE same")[-1] == "100 BAD same: usage: MESSAGE"
    assert demo.command('100 EXECUTE same "quoted"')[-1] == "100 BAD same: usage: MESSAGE"


def test_input_over_its_limit_is_refused_before_it_comes(demo: Client, server: Server) -> None:
    demo.send(b"100 EXECUTE same-small {4097}\r\n")
    assert demo.until("100 ")[-1] == "100 NO [LIMIT] same-small went over its limit of input or output"
    assert server.exits("same-small")[-1] == "limit"


def test_text_behind_input_ends_the_connection(server: Server) -> None:
    with Client(server.imap).log_in() as client:
        client.send(b"100 EXECUTE same {2000+}\r\n" + b"x" * 2000 + b" more\r\nn NOOP\r\n")
        lines = client.until(r"\* BYE")
        assert "* BAD input must be the last argument" in lines
        assert client.closed()


def test_client_that_dies_in_the_middle_ends_it(server: Server) -> None:
    with Client(server.imap).log_in() as client:
        client.send(b"100 EXECUTE input-size gone {20000}\r\n")
        assert client.read_line() == b"+ OK"
        client.send(b"x" * 10)
    eventually(lambda: server.exits("input-size")[-1:] == ["client-gone"])


def test_program_that_ends_early_does_not_disturb_what_follows(demo: Client) -> None:
    demo.send(b"100 EXECUTE head {200000+}\r\n" + b"y" * 200_000 + b"\r\nn NOOP\r\n")
    # Which comes first is not said: the end of head, or all that it has not read and the NOOP.
    assert demo.until("(n|100) OK")[-1] != demo.until("(n|100) OK")[-1]


def test_action_verb_may_have_input(demo: Client) -> None:
    demo.send(b"100 ADD input-size {2000+}\r\n" + b"x" * 2000 + b"\r\n")
    assert demo.output("100")[0] == b"add 2000 2000\n"
