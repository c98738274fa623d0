"""A verb for messages that are named by UID: fetched by the server, one run for each (PROTOCOL section 4)."""

from collections.abc import Iterator

import pytest

from tests.support.conversation import Client
from tests.support.server import Server


@pytest.fixture
def box(demo: Client, request: pytest.FixtureRequest) -> Iterator[Client]:
    """With a mailbox of its own selected, which holds five messages but for the one with UID 3."""
    demo.line("c CREATE Learn")
    demo.until("c ")
    for number in range(1, 6):
        append(demo, message(number))
    demo.command("s SELECT Learn")
    demo.command("d UID STORE 3 +FLAGS.SILENT (\\Deleted)")
    demo.command("e EXPUNGE")
    yield demo
    demo.command("u UNSELECT")
    demo.command("d DELETE Learn")


def message(number: int) -> bytes:
    return b"Subject: %d\r\n\r\n" % number + b"x" * number * 10 + b"\r\n"


def append(client: Client, octets: bytes) -> None:
    client.send(b"a APPEND Learn {%d+}\r\n%b\r\n" % (len(octets), octets))
    assert client.until("a ")[-1].startswith("a OK")


def said(number: int) -> bytes:
    size = len(message(number))
    return b"%d %d %d Subject: %d\n" % (number, size, size, number)


def test_it_runs_once_for_each_message_in_order(box: Client) -> None:
    output, end = box.execute("100 EXECUTE learn 5,1:2")
    assert output == said(1) + said(2) + said(5)
    assert end == "100 OK [EXIT 0] learn completed"


def test_messages_that_are_not_there_are_skipped(box: Client, server: Server) -> None:
    assert box.execute("100 EXECUTE learn 2:4")[0] == said(2) + said(4)
    assert box.execute("100 EXECUTE learn 3,99") == (b"", "100 OK [EXIT 0] learn completed")
    assert server.exits("learn")[-1] == "exit"


def test_first_run_that_fails_ends_it(box: Client, server: Server) -> None:
    append(box, b"Subject: no good\r\n\r\n")
    append(box, message(7))
    output, end = box.execute("100 EXECUTE learn 5:7")
    assert output.splitlines()[-1].startswith(b"6 ")
    assert end == "100 NO [EXIT 3] learn failed"


def test_it_is_one_execution_on_record(box: Client, server: Server) -> None:
    before = len(server.exits("learn"))
    box.execute("100 EXECUTE learn 1:5")
    assert len(server.exits("learn")) == before + 1
    bytes_in = server.query(
        "SELECT bytes_in FROM commands_execution WHERE verb = 'learn' ORDER BY started DESC LIMIT 1"
    )
    assert bytes_in == [(sum(len(message(number)) for number in (1, 2, 4, 5)),)]


def test_client_sees_nothing_of_the_fetch_and_no_flag_changes(box: Client) -> None:
    box.line("100 EXECUTE learn 1:5")
    assert not any(b"FETCH" in response for response in box.responses("100"))
    assert "\\Seen" not in "".join(box.command("f UID FETCH 1:* (FLAGS)"))


def test_commands_sent_meanwhile_are_answered_whole(box: Client) -> None:
    fetch = b"f%d UID FETCH 1:5 (UID BODY.PEEK[])\r\n"
    box.send(b"100 EXECUTE learn 1:5\r\n" + b"".join(fetch % number for number in range(20)))
    responses: list[bytes] = []
    ends: set[bytes] = set()
    while len(ends) < 21:
        responses.append(box.response())
        if b" OK " in responses[-1] and not responses[-1].startswith(b"*"):
            ends.add(responses[-1].split()[0])
    assert sum(b"BODY[]" in response for response in responses) == 20 * 4
    assert sum(b"EXECUTE (TAG" in response for response in responses) >= 1


def test_idle_goes_on(box: Client) -> None:
    box.send(b"100 EXECUTE learn 1:5\r\ni IDLE\r\n")
    lines = box.until("100 OK")
    assert lines[-1] == "100 OK [EXIT 0] learn completed"
    if not any(line.startswith("+") for line in lines):
        assert box.read_line().startswith(b"+")
    box.line("DONE")
    assert box.until("i ")[-1].startswith("i OK")


def test_without_a_selected_mailbox_it_cannot_be_carried(demo: Client, server: Server) -> None:
    assert demo.command("100 EXECUTE learn 1") == ["100 NO [CANNOT] learn can't be carried in this form"]
    assert server.exits("learn")[-1] == "cannot"


def test_what_is_no_uid_set_gets_bad(box: Client) -> None:
    for text in ("*", "1:*", "0", "1,,2", "x", "1:99999"):
        assert box.command(f'100 EXECUTE learn "{text}"') == ["100 BAD learn: usage: UIDS"]


def test_message_over_the_input_limit_ends_it(box: Client) -> None:
    append(box, b"Subject: large\r\n\r\n" + b"x" * 200)
    output, end = box.execute("100 EXECUTE learn-small 4:6")
    assert output == said(4) + said(5)
    assert end == "100 NO [LIMIT] learn-small went over its limit of input or output"


def test_verb_may_take_a_message_or_name_some(box: Client) -> None:
    assert box.execute("100 EXECUTE learn-either 2")[0] == said(2)
    given = message(9)
    output, _ = box.execute(b"100 EXECUTE learn-either {%d+}\r\n%b" % (len(given), given))
    assert output.split()[:2] == [str(len(given)).encode()] * 2
    assert box.command("100 EXECUTE learn-either") == ["100 BAD learn-either: usage: UIDS | MESSAGE"]


def test_cancel_ends_it_and_no_further_run_follows(box: Client) -> None:
    box.line("100 EXECUTE learn-slow 1:5")
    assert b"(STDOUT {2}\r\n1\n)" in box.response()
    box.line('c CANCEL "100"')
    lines = box.until("100 ")
    assert lines[-1] == "100 NO [CANCELED] learn-slow was canceled"
    assert box.command("n NOOP")[-1].startswith("n OK")
