"""The dialogues of the proposal, on the whole server."""

from tests.support.conversation import Client
from tests.support.server import Server


def test_one_shot_verb_answers_in_one_tagged_response(demo: Client) -> None:
    for address in demo.execute("0 EXECUTE blacklist list")[0].decode().split():
        demo.command(f"0 REMOVE blacklist {address}")
    demo.play("""
        C: 100 execute blacklist add joe@smith.com
        S: 100 OK [EXIT 0] blacklist completed
        C: 101 ADD blacklist ann@jones.org
        S: 101 OK [EXIT 0] blacklist completed
        C: 102 EXECUTE blacklist list
        S: * EXECUTE (TAG "102") (STDOUT {28}
        S: joe@smith.com
        S: ann@jones.org
        S: )
        S: 102 OK [EXIT 0] blacklist completed
        C: 103 REMOVE blacklist ann@jones.org
        S: 103 OK [EXIT 0] blacklist completed
    """)


def test_dialogue_goes_on_beside_mail_and_another_execution(demo: Client) -> None:
    demo.command("s SELECT INBOX")
    demo.command("a APPEND INBOX {5+}\r\nhello")
    demo.play("""
        C: 100 EXECUTE calendar
        S: 100 OK [EXECUTING] calendar
        C: 100 list schedule today 8:00 10:00
        S: 100 8:00 make coffee
        S: 100 9:00 meeting with boss
        S: 100 9:30 Call Joe Blow at 415-555-1212
        S: 100 ok
        C: f FETCH 1 (RFC822.SIZE)
        S: * 1 FETCH (RFC822.SIZE …)
        S: f OK …
        C: 101 EXECUTE calendar
        S: 101 OK [EXECUTING] calendar
        C: 101 list schedule today 9:15 10:00
        S: 101 9:30 Call Joe Blow at 415-555-1212
        S: 101 ok
        C: 100 quit
        S: 100 OK [EXIT 0] calendar completed
        C: 101 quit
        S: 101 OK [EXIT 0] calendar completed
    """)


def test_new_mail_is_told_before_the_tagged_end(demo: Client) -> None:
    demo.command("s SELECT INBOX")
    lines = demo.command("100 EXECUTE deliver hello")
    assert lines[0].startswith("* ") and lines[0].endswith(" EXISTS")
    assert lines[-1] == "100 OK [EXIT 0] deliver completed"


def test_verb_that_is_denied_looks_like_one_that_is_not_there(server: Server) -> None:
    with Client(server.imap).log_in("ann") as ann:
        denied = ann.command("1 EXECUTE blacklist list")
        missing = ann.command("1 EXECUTE nosuchverb list")
    assert denied == missing
    assert denied[0].startswith("1 NO [NOPERM] ")


def test_listing_names_what_this_user_may_run(demo: Client, server: Server) -> None:
    output, end = demo.execute("1 EXECUTE")
    assert end == "1 OK [EXIT 0] EXECUTE completed"
    assert b"\nblacklist (one-shot) add ADDRESS | " in output
    with Client(server.imap).log_in("ann") as ann:
        assert ann.execute("1 EXECUTE")[0] == b"calendar (interactive)\ntrue (one-shot)\n"


def test_cancel_ends_the_execution_that_has_the_tag(demo: Client) -> None:
    demo.play("""
        C: 100 EXECUTE calendar
        S: 100 OK [EXECUTING] calendar
        C: 101 CANCEL "100"
        S: 101 OK CANCEL completed
        S: 100 NO [CANCELED] calendar was canceled
        C: 102 CANCEL "100"
        S: 102 BAD no execution has this tag
    """)


def test_usage_error_says_what_was_expected(demo: Client) -> None:
    assert demo.command("1 EXECUTE blacklist frob")[-1].startswith("1 BAD blacklist: usage: add ADDRESS | remove")
