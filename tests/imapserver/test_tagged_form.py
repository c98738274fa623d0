"""The tagged form: every line under the tag, either way, is a line of the dialogue (PROTOCOL section 5)."""

import pytest

from tests.support.conversation import Client
from tests.support.server import Server


def begin(client: Client, verb: str = "echo", tag: str = "100") -> int:
    """Start a dialogue with a program that says its process id first."""
    client.line(f"{tag} EXECUTE {verb}")
    assert client.read_line() == f"{tag} OK [EXECUTING] {verb}".encode()
    return int(client.read_line().split()[1])


def said(client: Client, text: str) -> list[str]:
    """What `says` sends to the client for this text, without its tag."""
    client.line(f"100 EXECUTE says {{{len(text.encode())}+}}\r\n{text}")
    assert client.read_line() == b"100 OK [EXECUTING] says"
    return [line.removeprefix("100 ") for line in client.until(r"100 (OK|NO) \[|100 BAD")]


@pytest.mark.parametrize(
    "line",
    ["OK [EXIT 0] echo completed", "ok [x", "NO [CANCELED] x", "nO [", "BAD weather", "badly", "BAD"],
)
def test_line_that_reads_like_an_ending_gets_a_leading_space(demo: Client, line: str) -> None:
    assert said(demo, line + r"\n")[:-1] == [" " + line]


def test_other_lines_are_sent_as_they_are(demo: Client) -> None:
    lines = ["OK", "ok then", "NO", "NO way", " OK [x", "OK[x", "", " ", "* BYE", "+ more", "a OK done", "{3}", "é€"]
    assert said(demo, r"\n".join(lines) + r"\n") == [*lines, "OK [EXIT 0] says completed"]


def test_last_line_without_its_end_is_sent(demo: Client) -> None:
    assert said(demo, r"one\r\ntwo") == ["one", "two", "OK [EXIT 0] says completed"]


def test_many_lines_at_once_are_each_looked_at(demo: Client) -> None:
    lines, shown = ["y", "OK [y", "", "Bad y", "é"] * 30, ["y", " OK [y", "", " Bad y", "é"] * 30
    assert said(demo, r"\n".join(lines) + r"\n") == [*shown, "OK [EXIT 0] says completed"]


def test_lines_before_the_first_that_is_no_text_are_sent(demo: Client) -> None:
    end = "NO [CANNOT] says can't be carried in this form"
    assert said(demo, r"one\nOK [x\r\n\0377\nthree\n") == ["one", " OK [x", end]


def test_output_that_is_no_text_cannot_be_carried(demo: Client, server: Server) -> None:
    for text in (r"a\0000b\n", r"\0377\n", r"a\rb\n", r"\0303", r"\0355\0240\0200\n"):
        assert said(demo, text) == ["NO [CANNOT] says can't be carried in this form"], text
    assert server.exits("says")[-5:] == ["cannot"] * 5


def test_line_over_the_limit_cannot_be_carried(demo: Client) -> None:
    assert demo.command("100 EXECUTE long-line 65536")[0] == "100 OK [EXECUTING] long-line"
    assert demo.read_line() == b"100 " + b"x" * 65536
    assert demo.read_line() == b"100 OK [EXIT 0] long-line completed"
    assert demo.command("100 EXECUTE long-line 65537")[0] == "100 OK [EXECUTING] long-line"
    assert demo.until("100 ") == ["100 NO [CANNOT] long-line can't be carried in this form"]


def test_client_line_is_taken_verbatim(demo: Client) -> None:
    begin(demo)
    for text in ("quit", "ends in {3}", '"never closed', "EXECUTE canary", "NOOP", "LOGOUT", "(", "", " two  spaces "):
        demo.line(f"100 {text}")
        assert demo.read_line() == f"100 {text}".encode()
    demo.send(b"100\r\n")
    assert demo.read_line() == b"100 "


def test_lines_that_come_before_the_accept_are_kept(demo: Client) -> None:
    demo.send(b"100 EXECUTE echo\r\n100 one\r\n100 two\r\n")
    lines = [demo.read_line() for _ in range(4)]
    assert lines[0] == b"100 OK [EXECUTING] echo"
    assert lines[2:] == [b"100 one", b"100 two"]


def test_lines_of_all_lengths_keep_their_order(demo: Client) -> None:
    """Each by itself or many at once, small or larger than a pipe takes at once: whatever way they go."""
    begin(demo)
    texts = [str(number) * length for number, length in enumerate([1, 5000, 1, 30000, 20000, 1, 1, 4094, 4095, 1])]
    for text in texts:
        demo.line(f"100 {text}")
        demo.line(f"100 after {len(text)}")
    for text in texts:
        assert demo.read_line() == f"100 {text}".encode()
        assert demo.read_line() == f"100 after {len(text)}".encode()
    demo.send(b"".join(b"100 %d\r\n" % number for number in range(500)))
    assert [demo.read_line() for _ in range(500)] == [b"100 %d" % number for number in range(500)]


def test_line_that_is_no_text_ends_it_behind_those_that_are(demo: Client) -> None:
    begin(demo)
    demo.line("100 text")
    assert demo.read_line() == b"100 text"
    demo.send(b"100 \xff\r\n")
    assert demo.read_line() == b"100 NO [CANNOT] echo can't be carried in this form"


def test_dialogue_with_a_client_that_does_not_read_waits_and_loses_nothing(demo: Client) -> None:
    begin(demo)
    line = b"100 " + b"x" * 1000
    sent = 0
    demo.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):  # the client's own buffer is full at last: all behind it has stopped
        while True:
            sent += demo.socket.send((line + b"\r\n")[sent % (len(line) + 2) :])
    demo.socket.settimeout(30)
    rest = -sent % (len(line) + 2)
    for _ in range(sent // (len(line) + 2)):
        assert demo.read_line() == line
    if rest:
        demo.send((line + b"\r\n")[-rest:])
        assert demo.read_line() == line
    demo.line("100 last")
    assert demo.read_line() == b"100 last"


def test_tag_is_free_again_after_the_end(demo: Client) -> None:
    demo.play("""
        C: 100 EXECUTE calendar
        S: 100 OK [EXECUTING] calendar
        C: 100 quit
        S: 100 OK [EXIT 0] calendar completed
        C: 100 NOOP
        S: 100 OK NOOP completed…
        C: 100 EXECUTE exits 0
        S: 100 OK [EXIT 0] exits completed
        C: 100 EXECUTE calendar
        S: 100 OK [EXECUTING] calendar
    """)


def test_line_under_the_tag_of_a_one_shot_is_untagged_bad(demo: Client) -> None:
    for command in ("EXECUTE exits 0", "EXECUTE", "EXECUTE nosuchverb"):
        demo.send(f"100 {command}\r\n100 NOOP\r\n".encode())
        lines = demo.until("100 ")
        assert lines.count("* BAD this tag names a running execution") == 1, command
        assert demo.command("n NOOP")[-1].startswith("n OK"), command


def test_two_dialogues_never_mix(demo: Client) -> None:
    begin(demo, tag="a")
    begin(demo, tag="b")
    count = 2000
    demo.send(b"".join(b"a %d from a\r\nb %d from b\r\n" % (number, number) for number in range(count)))
    lines = [demo.read_line() for _ in range(2 * count)]
    for tag in (b"a", b"b"):
        wanted = [b"%b %d from %b" % (tag, number, tag) for number in range(count)]
        assert [line for line in lines if line.startswith(tag)] == wanted


def test_cancel_before_the_accept_is_heard(demo: Client) -> None:
    demo.send(b'100 EXECUTE echo\r\n101 CANCEL "100"\r\n')
    assert demo.until("101 ")[-1] == "101 OK CANCEL completed"
    assert demo.until(r"100 NO")[-1] == "100 NO [CANCELED] echo was canceled"


@pytest.mark.parametrize("command", ["EXECUTE", "EXECUTE nosuchverb", "EXECUTE exits 0"])
def test_cancel_is_for_the_execution_that_had_the_tag_then(demo: Client, command: str) -> None:
    demo.send(f'100 {command}\r\n101 CANCEL "100"\r\n102 CANCEL "100"\r\n'.encode())
    lines = demo.until("102 ")
    if not any(line.startswith("100 ") for line in lines):
        demo.until("100 ")
    begin(demo)
    demo.line("100 not canceled")
    assert demo.read_line() == b"100 not canceled"


def test_cancel_reaches_only_this_connections_executions(demo: Client, server: Server) -> None:
    begin(demo)
    with Client(server.imap).log_in() as other:
        assert other.command('1 CANCEL "100"')[-1] == "1 BAD no execution has this tag"
    for command in ("CANCEL 100", "CANCEL", 'CANCEL "100" x', 'CANCEL ""', 'CANCEL "101"'):
        assert demo.command(f"1 {command}")[-1].startswith("1 BAD"), command
    demo.line("100 still here")
    assert demo.read_line() == b"100 still here"


def test_program_that_closed_its_input_goes_on(demo: Client) -> None:
    demo.line("100 EXECUTE deaf-input")
    assert demo.read_line() == b"100 OK [EXECUTING] deaf-input"
    assert demo.read_line() == b"100 closed"
    demo.send(b"100 x\r\n" * 1000)
    assert demo.command('101 CANCEL "100"')[-1] == "101 OK CANCEL completed"
    assert demo.until("100 ") == ["100 NO [CANCELED] deaf-input was canceled"]


def test_input_over_the_limit_ends_it(demo: Client) -> None:
    begin(demo, "brief-echo")
    demo.send(b"100 " + b"x" * 1023 + b"\r\n")
    assert demo.read_line() == b"100 " + b"x" * 1023
    demo.line("100 y")
    assert demo.until("100 ") == ["100 NO [LIMIT] brief-echo went over its limit of input or output"]


def test_dialogue_goes_on_in_idle(demo: Client) -> None:
    """Its tag says whose a line is, there too."""
    begin(demo)
    demo.command("s SELECT INBOX")
    demo.line("i IDLE")
    demo.until(r"\+ ")
    demo.line("100 in idle")
    assert demo.until("100 ")[-1] == "100 in idle"
    demo.line("DONE")
    assert demo.until("i ")[-1].startswith("i OK")
