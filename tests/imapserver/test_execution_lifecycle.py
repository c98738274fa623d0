"""How executions end, and that whatever their program or their client does costs the server nothing."""

import socket
import struct
from collections.abc import Callable

import pytest

from tests.imapserver.test_tagged_form import begin
from tests.support import process
from tests.support.conversation import Client
from tests.support.process import alive, eventually, resident
from tests.support.server import Server

MEBIBYTE = 1024 * 1024
FLAT = 8 * MEBIBYTE
"""A flood would take more in the time that a test takes."""


def reset(client: Client) -> None:
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def half_close(client: Client) -> None:
    client.socket.shutdown(socket.SHUT_WR)


GOING: list[Callable[[Client], None]] = [Client.close, half_close, reset]


# Ends


@pytest.mark.parametrize(
    ("command", "end", "recorded"),
    [
        ("exits 0", "OK [EXIT 0] exits completed", ("exit", 0)),
        ("exits 1", "NO [EXIT 1] exits failed", ("exit", 1)),
        ("exits 127", "NO [EXIT 127] exits failed", ("exit", 127)),
        ("exits 255", "NO [EXIT 255] exits failed", ("exit", 255)),
        ("dies SEGV", "NO [SIGNAL 11] dies was killed by a signal", ("signal", 11)),
        ("dies KILL", "NO [SIGNAL 9] dies was killed by a signal", ("signal", 9)),
        ("dies TERM", "NO [SIGNAL 15] dies was killed by a signal", ("signal", 15)),
        ("slow", "NO [TIMEOUT] slow took too long", ("timeout", None)),
        ("idle", "NO [TIMEOUT] idle took too long", ("timeout", None)),
    ],
)
def test_end_is_told_and_recorded(
    demo: Client, server: Server, command: str, end: str, recorded: tuple[str, int | None]
) -> None:
    assert demo.execute(f"100 EXECUTE {command}")[1] == f"100 {end}"
    verb = command.split()[0]
    for table, last in (("commands_auditevent", "kind = 'exit'"), ("commands_execution", "ended IS NOT NULL")):
        order = "id" if table == "commands_auditevent" else "ended"
        query = f"SELECT outcome, exit_code FROM {table} WHERE {last} AND verb = '{verb}' ORDER BY {order} DESC LIMIT 1"
        assert server.query(query) == [recorded]


def test_program_that_stops_itself_is_ended_too(demo: Client) -> None:
    assert demo.execute("100 EXECUTE stops")[1] == "100 NO [TIMEOUT] stops took too long"


def test_output_at_the_limit_is_whole_and_over_it_is_cut(demo: Client) -> None:
    assert demo.execute(f"100 EXECUTE octets {MEBIBYTE}") == (b"x" * MEBIBYTE, "100 OK [EXIT 0] octets completed")
    output, end = demo.execute(f"100 EXECUTE octets {MEBIBYTE + 1}")
    assert end == "100 NO [LIMIT] octets went over its limit of input or output"
    assert output == b"x" * MEBIBYTE


def test_output_comes_in_literals_of_64_kib_at_most(demo: Client) -> None:
    demo.line("100 EXECUTE many-octets 3000000")
    *pieces, end = demo.responses("100")
    assert end == b"100 OK [EXIT 0] many-octets completed\r\n"
    assert all(piece.endswith(b")\r\n") and len(piece) <= 64 * 1024 + 64 for piece in pieces)


def test_program_that_ignores_term_is_killed(demo: Client) -> None:
    pid = begin(demo, "deaf-dialogue")
    demo.line('101 CANCEL "100"')
    assert demo.until("100 ")[-1] == "100 NO [CANCELED] deaf-dialogue was canceled"
    assert not alive(pid)


def test_logout_ends_what_runs(demo: Client) -> None:
    pid = begin(demo)
    lines = demo.command("a LOGOUT")
    assert lines[0] == "100 NO [CANCELED] echo was canceled"
    assert lines[1].startswith("* BYE") and lines[-1].startswith("a OK")
    assert demo.closed()
    assert not alive(pid)


# The client is gone


@pytest.mark.parametrize("go", GOING)
@pytest.mark.parametrize("verb", ["echo", "deaf-dialogue"])
def test_program_is_gone_when_its_client_is(
    demo: Client, server: Server, verb: str, go: Callable[[Client], None]
) -> None:
    exits = server.exits(verb)
    pid = begin(demo, verb)
    go(demo)
    assert eventually(lambda: server.exits(verb) == [*exits, "client-gone"], 5)
    assert not alive(pid)


@pytest.mark.parametrize("go", GOING)
def test_flood_is_gone_when_a_client_that_did_not_read_is(
    demo: Client, server: Server, bystander: Client, go: Callable[[Client], None]
) -> None:
    before, exits = resident(server.pid), server.exits("flood-lines")
    children = process.children(server.pid)
    demo.line("100 EXECUTE flood-lines")
    assert eventually(lambda: process.children(server.pid) > children)
    (flood,) = process.children(server.pid) - children
    assert eventually(lambda: process.at_rest(flood) and process.at_rest(server.pid))  # all buffers are full
    assert bystander.command("n NOOP")[-1].startswith("n OK")
    go(demo)
    assert eventually(lambda: server.exits("flood-lines") == [*exits, "client-gone"], 5)
    assert process.children(server.pid) == children
    assert resident(server.pid) - before < FLAT


def test_execution_that_was_being_started_is_ended_and_recorded(demo: Client, server: Server) -> None:
    def accepted_and_not_ended() -> int:
        query = "SELECT kind FROM commands_auditevent WHERE verb = 'echo' AND kind IN ('accept', 'exit')"
        kinds = [kind for (kind,) in server.query(query)]
        return kinds.count("accept") - kinds.count("exit")

    before, exits = accepted_and_not_ended(), len(server.exits("echo"))
    demo.send(b"".join(b"%d EXECUTE echo\r\n" % number for number in range(10)))
    reset(demo)
    assert eventually(lambda: accepted_and_not_ended() == before, 5)
    assert set(server.exits("echo")[exits:]) <= {"client-gone"}


# Floods


def test_flood_to_a_client_that_does_not_read_stalls_and_is_ended(
    either: Client, server: Server, bystander: Client
) -> None:
    before, exits = resident(server.pid), server.exits("flood-stalls")
    either.line("100 EXECUTE flood-stalls")
    assert eventually(lambda: server.exits("flood-stalls") == [*exits, "timeout"])
    assert resident(server.pid) - before < FLAT
    assert bystander.command("n NOOP")[-1].startswith("n OK")
    assert either.output("100")[1] == "100 NO [TIMEOUT] flood-stalls took too long"


def test_program_that_reads_nothing_stops_its_client(either: Client, server: Server, bystander: Client) -> None:
    before, exits = resident(server.pid), server.exits("mute")
    either.line("100 EXECUTE mute")
    either.until("100 ready")
    either.socket.settimeout(0.5)
    line, sent = b"100 " + b"x" * 60_000 + b"\r\n", 0
    with pytest.raises(TimeoutError):
        while sent < 100 * MEBIBYTE:
            either.send(line)
            sent += len(line)
    assert resident(server.pid) - before < FLAT
    assert bystander.command("n NOOP")[-1].startswith("n OK")
    assert eventually(lambda: server.exits("mute") == [*exits, "timeout"])


def test_many_octets_go_through_a_dialogue(either: Client, server: Server) -> None:
    """More than all buffers hold, by a client that reads and writes in turn."""
    before = resident(server.pid)
    begin(either)
    for number in range(300):
        either.send(b"100 %d " % number + b"x" * 30_000 + b"\r\n")
        assert either.read_line() == b"100 %d " % number + b"x" * 30_000
    assert resident(server.pid) - before < FLAT


# Limits and leaks


def test_execution_over_the_users_limit_is_refused_and_slots_come_back(demo: Client, server: Server) -> None:
    assert eventually(lambda: len(process.children(server.pid)) == 1)  # the engine
    for number in range(16):
        begin(demo, tag=f"t{number}")
    with Client(server.imap).log_in() as other:
        assert other.command("100 EXECUTE exits 0") == ["100 NO [LIMIT] you have too many executions running"]
        query = "SELECT kind, outcome, verb FROM commands_auditevent ORDER BY id DESC LIMIT 1"
        assert server.query(query) == [("reject", "limit", "exits")]
        demo.line('c CANCEL "t7"')
        demo.until("t7 ")
        assert other.command("101 EXECUTE exits 0") == ["101 OK [EXIT 0] exits completed"]


def test_executions_one_after_another_leave_nothing(demo: Client, server: Server) -> None:
    def held() -> tuple[int, int, set[int]]:
        return process.descriptors(server.pid), process.threads(server.pid), process.children(server.pid)

    demo.command("100 EXECUTE exits 0")
    before, memory = held(), resident(server.pid)
    for number in range(300):
        assert demo.command(f"{number} EXECUTE exits 0")[-1].startswith(f"{number} OK")
    assert held() == before
    assert resident(server.pid) - memory < 2 * MEBIBYTE


def test_executions_at_once_all_come_out(demo: Client) -> None:
    demo.send(b"".join(b"t%d EXECUTE prints %d\r\n" % (number, number) for number in range(16)))
    ends = {line for _ in range(16) for line in demo.until(r"t\d+ ")[-1:]}
    assert ends == {f"t{number} OK [EXIT 0] prints completed" for number in range(16)}
