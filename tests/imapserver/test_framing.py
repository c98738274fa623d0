"""Bad input gets a refusal, starts nothing, costs nothing, and harms nobody else."""

import pytest

from tests.support.conversation import Client
from tests.support.process import resident
from tests.support.server import Server

MALFORMED_SIZES = ["4294967296", "18446744073709551616", "-1", " 5", "5 ", "+5", "", "0x10", "٣", "007", "5+5", "5-"]
MEBIBYTE = 1024 * 1024

pytestmark = pytest.mark.usefixtures("canary")


def closes_with_bye(client: Client) -> list[str]:
    lines = client.until(r"\* BYE")
    assert client.closed()
    return lines


def flood(client: Client, data: bytes, octets: int) -> int:
    """Send `data` again and again until the server closes; return how much was taken."""
    client.socket.settimeout(2)
    sent = 0
    try:
        while sent < octets:
            client.send(data)
            sent += len(data)
    except (ConnectionError, TimeoutError):
        pass
    return sent


def test_line_over_limit_before_login_is_refused_and_closed(client: Client) -> None:
    client.until(r"\* OK")
    client.send(b"a NOOP " + b"x" * (8193 - 7) + b"\r\n")
    assert closes_with_bye(client)[0].startswith("* BAD")


def test_line_at_limit_before_login_is_read(client: Client) -> None:
    client.until(r"\* OK")
    client.send(b"a LOGIN " + b"x" * (8192 - 8) + b"\r\n")
    assert client.until("a ")[-1].startswith("a BAD")
    assert client.command("b NOOP") == ["b OK NOOP completed"]


def test_line_over_limit_after_login_is_refused_and_closed(demo: Client) -> None:
    demo.send(b"a EXECUTE canary " + b"x" * (65537 - 17) + b"\r\n")
    assert closes_with_bye(demo)[0].startswith("* BAD")


@pytest.mark.parametrize("octets", [65537, 65538])
def test_line_over_limit_is_refused_before_its_end_has_come(demo: Client, octets: int) -> None:
    demo.send(b"x" * octets)
    demo.send(b"yz")
    assert closes_with_bye(demo)[0].startswith("* BAD")


def test_line_at_limit_in_two_pieces_is_read(demo: Client, bystander: Client) -> None:
    demo.send(b"a NOOP " + b"x" * (65536 - 7) + b"\r")
    bystander.command("n NOOP")
    demo.send(b"\n")
    assert demo.until("a ")[-1].startswith("a OK")


def test_endless_line_is_closed_at_the_limit(client: Client, server: Server) -> None:
    before = resident(server.pid)
    assert flood(client, b"x" * MEBIBYTE, 1024 * MEBIBYTE) < 32 * MEBIBYTE  # what socket buffers hold
    assert resident(server.pid) - before < 4 * MEBIBYTE


@pytest.mark.parametrize("size", MALFORMED_SIZES)
def test_malformed_literal_is_bad_before_login(client: Client, size: str) -> None:
    client.until(r"\* OK")
    assert client.command(f"a LOGIN {{{size}}}")[-1].startswith("a BAD")
    assert client.command("b NOOP")[-1].startswith("b OK")


def test_malformed_literal_is_bad_after_login_and_not_relayed(demo: Client) -> None:
    for size in MALFORMED_SIZES:
        for command in ("EXECUTE canary", "APPEND INBOX", "NOSUCH"):
            assert demo.command(f"a {command} {{{size}}}")[-1].startswith("a BAD")
            assert demo.command("b NOOP")[-1].startswith("b OK")


@pytest.mark.parametrize(
    ("command", "size"),
    [("APPEND INBOX", "4294967296+"), ("EXECUTE canary", "99999999999999999999+"), ("COMPRESS", "5 +"), ("X", "05+")],
)
def test_command_behind_a_malformed_literal_that_does_not_wait_is_not_run(
    demo: Client, command: str, size: str
) -> None:
    demo.send(f"a {command} {{{size}}}\r\nb EXECUTE canary\r\n".encode())
    assert closes_with_bye(demo)[0].startswith("a BAD")


def test_large_literal_before_login_is_refused_without_continuation(client: Client, server: Server) -> None:
    client.until(r"\* OK")
    before = resident(server.pid)
    assert client.command("a LOGIN {100000000}") == ["a BAD too many literals, or too large"]
    assert client.command("b NOOP") == ["b OK NOOP completed"]
    assert resident(server.pid) - before < MEBIBYTE


def test_large_literal_that_does_not_wait_closes(client: Client) -> None:
    client.until(r"\* OK")
    client.line("a LOGIN {100000000+}")
    assert closes_with_bye(client)[0].startswith("a BAD")


def test_ten_thousand_literals_in_a_command_are_refused(demo: Client, server: Server) -> None:
    before = resident(server.pid)
    flood(demo, b"a EXECUTE canary" + b" {1+}\r\nx" * 10_000 + b"\r\n", 1)
    assert closes_with_bye(demo)[0].startswith("a BAD")
    assert resident(server.pid) - before < 2 * MEBIBYTE


def test_literal_that_is_refused_is_skipped(demo: Client) -> None:
    demo.send(b"a COMPRESS {16+}\r\nb EXECUTE canary\r\nc NOOP\r\n")
    lines = demo.until("c ")
    assert lines[0].startswith("a BAD") and lines[-1].startswith("c OK")
    assert not any(line.startswith("b ") for line in lines)


def test_literal_cut_off_by_the_end_of_the_connection_runs_nothing(demo: Client, server: Server) -> None:
    attempts = "SELECT count(*) FROM commands_auditevent WHERE verb = 'canary'"
    before = server.query(attempts)
    demo.send(b"a EXECUTE canary {5+}\r\nab")
    demo.close()
    assert server.query(attempts) == before


def test_literal8_is_bad_where_it_is_not_allowed(client: Client) -> None:
    client.until(r"\* OK")
    client.send(b"a LOGIN ~{4+}\r\ndemo demo\r\n")
    assert client.until("a ")[-1].startswith("a BAD")
    assert client.command("b LOGIN demo demo")[-1].startswith("b OK")


def test_malformed_argument_is_bad(demo: Client) -> None:
    for arguments in (
        *(b"x\0y", b'"x\0y"', b'"x\\\0y"', b"{3+}\r\nx\0y", b"~{3+}\r\nx\0y"),
        *(b"x\ry", b'"x\ry"', b"x\r", b'"x"\r', b"x\r\r"),
        *(b'"never closed', b'"bad \\x escape"', b'"8-bit \xc3\xa9"', b"\xc3\xa9", b'"x"y', b"x  y", b"x ", b"("),
        *(b"(" * 10_000, b")" * 10_000, b'"' * 9_999, b"\\" * 10_000, b"{1" * 10_000),
        *(b"x{1}", b"{1+}\r\nxy", b"%", b"*", b"(x)"),
    ):
        demo.send(b"a EXECUTE canary " + arguments + b"\r\n")
        assert demo.until("a ")[-1].startswith("a BAD"), arguments
        assert demo.command("b NOOP")[-1].startswith("b OK"), arguments


@pytest.mark.parametrize("line", [b"a NOOP\n", b"a EXECUTE exits 0\n\r", b'a LIST "" "x\ny"\r\n', b"100 x\n"])
@pytest.mark.parametrize("in_one_piece", [True, False])
def test_line_feed_alone_ends_no_line(demo: Client, bystander: Client, line: bytes, in_one_piece: bool) -> None:
    demo.command("100 EXECUTE echo")
    demo.until("100 ")
    demo.send(line + b"b EXECUTE canary\r\n" if in_one_piece else line)
    if not in_one_piece:
        bystander.command("n NOOP")
        demo.send(b"b EXECUTE canary\r\n")
    assert closes_with_bye(demo)[0].startswith(("a BAD", "* BAD"))


@pytest.mark.parametrize("parentheses", [b"(" * 8000, b")" * 8000, b"()" * 4000, b"(((( " * 1600])
def test_nested_parentheses_before_login_are_bad(client: Client, server: Server, parentheses: bytes) -> None:
    client.until(r"\* OK")
    before = resident(server.pid)
    client.send(b"a ID " + parentheses + b"\r\n" + b"b LOGIN " + parentheses + b"\r\n")
    assert client.until("b ")[-1].startswith("b BAD")
    assert resident(server.pid) - before < MEBIBYTE


def test_invalid_tag_is_bad_and_not_repeated(demo: Client) -> None:
    for tag in (b"", b"*", b"+", b"a" * 1025, b'a"', b"\xc3\xa9", b"a%", b"a{", b"a\\", b"(a", b"\0", b"a\x1b[2J"):
        demo.send(tag + b" EXECUTE canary\r\n")
        assert demo.read_line().startswith(b"* BAD "), tag


def test_line_that_is_no_command_is_bad(demo: Client) -> None:
    for line in (b"", b"a", b"a ", b" ", b"a  NOOP", b"a NOOP\tx", b"EXECUTE", b"a \r", b"x {5+}\r\nhello"):
        demo.send(line + b"\r\n")
        assert b" BAD " in demo.read_line(), line
        assert demo.command("b NOOP")[-1].startswith("b OK"), line


def test_third_bad_command_before_login_closes(client: Client) -> None:
    client.until(r"\* OK")
    client.send(b"a NOSUCH\r\n" * 3)
    assert closes_with_bye(client) == ["a BAD unknown command, or not possible in this state"] * 3 + [
        "* BYE too many bad commands"
    ]


def test_twentieth_bad_command_after_login_closes(demo: Client) -> None:
    demo.send(b"a COMPRESS DEFLATE\r\n" * 19)
    assert demo.command("b NOOP")[-1].startswith("b OK")  # which starts the count again
    demo.send(b"a COMPRESS DEFLATE\r\n" * 20)
    assert len(closes_with_bye(demo)) == 20 + 1


def test_commands_in_one_segment_are_answered_in_order(client: Client) -> None:
    client.until(r"\* OK")
    client.send(b"".join(b"%d NOOP\r\n" % number for number in range(1000)))
    assert client.until("999 ") == [f"{number} OK NOOP completed" for number in range(1000)]


def test_octets_may_come_one_by_one(client: Client) -> None:
    def drip(script: bytes, end: str) -> list[str]:
        for octet in script:
            client.send(bytes([octet]))
        return client.until(end)

    client.until(r"\* OK")
    assert drip(b"a LOGIN {4}\r\ndemo {4+}\r\ndemo\r\n", "a ")[0] == "+ OK"
    assert drip(b"b EXECUTE prints {2+}\r\nhi\r\n", "b ")[1:] == ["hi)", "b OK [EXIT 0] prints completed"]
    assert drip(b"c APPEND INBOX {5+}\r\nhello\r\n", "c ")[-1].startswith("c OK")


def test_refused_commands_leave_no_task_behind_where_nobody_reads(demo: Client, server: Server) -> None:
    before = resident(server.pid)
    flood(demo, b"".join(b"%d EXECUTE nosuchverb\r\n" % number for number in range(20_000)), 1)
    demo.close()
    assert resident(server.pid) - before < 16 * MEBIBYTE
