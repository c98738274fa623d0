"""The prompt form: `+` whenever the executable wants a line (PROTOCOL section 5)."""

from tests.support.conversation import Client
from tests.support.server import Server


def test_prompt_is_sent_when_the_program_has_read_all_and_is_quiet(demo: Client) -> None:
    demo.play("""
        C: 100 EXECUTE (PROMPT) calendar
        S: +…
        C: list schedule today 8:00 10:00
        S: * EXECUTE (TAG "100") (STDOUT {78}
        S: 8:00 make coffee
        S: 9:00 meeting with boss
        S: 9:30 Call Joe Blow at 415-555-1212
        S: ok
        S: )
        S: +…
        C: quit
        S: 100 OK [EXIT 0] calendar completed
    """)


def test_quoted_form_is_a_form(demo: Client) -> None:
    demo.line('100 EXECUTE "(PROMPT)" "calendar"')
    assert demo.read_line() == b"+ "
    demo.line("quit")
    assert demo.until("100 ") == ["100 OK [EXIT 0] calendar completed"]


def test_program_that_enquires_is_asked_for_nothing_else(demo: Client) -> None:
    demo.play("""
        C: 100 EXECUTE (PROMPT) enquires
        S: * EXECUTE (TAG "100") (STDOUT {6}
        S: name?
        S: )
        S: +…
        C: Ann
        S: * EXECUTE (TAG "100") (STDOUT {6}
        S: town?
        S: )
        S: +…
        C: Ulm
        S: * EXECUTE (TAG "100") (STDOUT {11}
        S: Ann of Ulm
        S: )
        S: 100 OK [EXIT 0] enquires completed
    """)


def test_asterisk_cancels(demo: Client, server: Server) -> None:
    demo.line("100 EXECUTE (PROMPT) calendar")
    assert demo.read_line() == b"+ "
    demo.line("*")
    assert demo.until("100 ") == ["100 NO [CANCELED] calendar was canceled"]
    assert server.exits("calendar")[-1] == "canceled"


def test_line_that_was_asked_for_is_never_a_command(demo: Client) -> None:
    demo.line("100 EXECUTE (PROMPT) mute")
    assert demo.response().endswith(b"ready\n)\r\n")
    assert demo.read_line() == b"+ "
    # It ends by its idle limit, but the tagged end waits for the line.
    demo.line("d DELETE INBOX")
    assert demo.until("100 ") == ["100 NO [TIMEOUT] mute took too long"]
    assert demo.command("n NOOP")[-1].startswith("n OK")


def test_command_behind_an_execution_that_asks_for_nothing_is_a_command(demo: Client) -> None:
    demo.send(b"100 EXECUTE (PROMPT) says {0+}\r\n\r\nn NOOP\r\n")
    lines = demo.until("n OK")
    assert lines[0] == "100 OK [EXIT 0] says completed"


def test_refusal_leaves_the_next_line_a_command(demo: Client) -> None:
    demo.send(b"100 EXECUTE (PROMPT) secret\r\nn NOOP\r\n")
    assert demo.until("100 ")[-1].startswith("100 NO [NOPERM]")
    assert demo.until("n ")[-1].startswith("n OK")


def test_unknown_form_gets_bad(demo: Client) -> None:
    assert demo.command("1 EXECUTE (FAST) calendar") == ["1 BAD there is no such form"]


def test_one_shot_verb_has_one_form_whatever_is_asked_for(demo: Client) -> None:
    for form in ("PROMPT", "FRAMED"):
        assert demo.execute(f"100 EXECUTE ({form}) exits 3")[1] == "100 NO [EXIT 3] exits failed"
    assert demo.command("n NOOP")[-1].startswith("n OK")
