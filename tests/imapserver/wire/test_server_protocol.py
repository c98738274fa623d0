"""Commands that IMAPX serves or refuses: states, lines, dialogues, continuations. Literals and relayed commands
have modules of their own."""

import pytest

from imapserver.wire import limits
from imapserver.wire.events import (
    CommandReceived,
    CommandRefused,
    ContinuationLine,
    DialogueLine,
    RelayStarted,
)
from imapserver.wire.server_protocol import ServerProtocol
from imapserver.wire.state import State
from imapserver.wire.syntax import Literal
from tests.support.wire import Conversation, before_login, converse, refusals

NOOP = CommandReceived(b"z", b"NOOP", (b"",))
"""What `z NOOP` is before login: it shows that the start of the next command was found."""


# Commands


def test_command_comes_with_tag_name_and_arguments():
    assert before_login(b'a LOGIN joe "p w"\r\n') == [CommandReceived(b"a", b"LOGIN", (b' joe "p w"',))]


def test_name_of_a_command_is_case_insensitive_and_its_tag_is_not():
    assert converse(b"aB eXeCuTe List\r\n") == [CommandReceived(b"aB", b"EXECUTE", (b" List",))]


def test_command_without_its_crlf_is_no_command_yet():
    assert before_login(b"a NOOP") == before_login(b"a NOOP\r") == before_login(b"") == []


@pytest.mark.parametrize("name", [b"EXECUTE", b"CANCEL", b"CAPABILITY", b"LOGOUT"])
def test_own_commands_are_served_after_login(name):
    assert converse(b"a %b x\r\n" % name) == [CommandReceived(b"a", name, (b" x",))]


@pytest.mark.parametrize("name", [b"EXECUTE", b"CANCEL", b"SELECT", b"ADD", b"FETCH", b"IDLE", b"XYZ"])
def test_commands_of_later_states_are_refused_before_login(name):
    assert refusals(before_login(b"a %b x\r\n" % name)) == [(b"a", False)]


@pytest.mark.parametrize("name", [b"COMPRESS", b"UNAUTHENTICATE", b"LOGIN", b"AUTHENTICATE", b"STARTTLS", b"login"])
@pytest.mark.parametrize("state", [State.AUTHENTICATED, State.SELECTED])
def test_what_would_blind_the_relay_is_refused_after_login(name, state):
    conversation = Conversation()
    conversation.wire.state = state
    events = conversation.feed([b"a %b DEFLATE\r\nb %b {3+}\r\nfoo {3+}\r\nbar\r\nc %b {3}\r\n" % (name, name, name)])
    assert refusals(events) == [(b"a", False), (b"b", False), (b"c", False)]
    assert conversation.relayed == b""


def test_everything_is_refused_in_the_logout_state():
    conversation = Conversation()
    conversation.wire.state = State.LOGOUT
    assert refusals(conversation.feed([b"a NOOP\r\nb EXECUTE x\r\nc FETCH 1 FLAGS\r\n"])) == [
        (b"a", False),
        (b"b", False),
        (b"c", False),
    ]


def test_action_verbs_are_served_and_the_engines_own_commands_are_not():
    added, search = converse(b"a add blacklist x\r\nb SEARCH ALL\r\n", served=[b"ADD"])
    assert added == CommandReceived(b"a", b"ADD", (b" blacklist x",))
    assert isinstance(search, RelayStarted)


def test_without_an_engine_its_commands_are_served_too():
    (command,) = converse(b"a APPEND INBOX {3+}\r\nfoo\r\n", relaying=False)
    assert command == CommandReceived(b"a", b"APPEND", (b" INBOX ", Literal(b"foo"), b""))


def test_what_is_pipelined_behind_a_login_is_read_in_the_new_state():
    def log_in(wire, command):
        if command.name == b"LOGIN":
            wire.log_in(relaying=True, served=frozenset())

    _, execute, select = converse(
        b"a LOGIN x y\r\nb EXECUTE list\r\nc SELECT INBOX\r\n", logged_in=False, on_command=log_in
    )
    assert execute == CommandReceived(b"b", b"EXECUTE", (b" list",))
    assert select == RelayStarted(b"c", b"SELECT", b"c SELECT INBOX\r\n")


# Many at once: nothing may recurse once for each. 3,000 is above Python's limit.


def test_thousands_of_pipelined_commands_come_in_order():
    data = b"".join(b"%d NOOP\r\n" % number for number in range(3000))
    assert before_login(data) == [CommandReceived(b"%d" % number, b"NOOP", (b"",)) for number in range(3000)]


def test_thousands_of_pipelined_dialogue_lines_come_in_order():
    data = b"".join(b"100 line %d\r\n" % number for number in range(3000))
    assert converse(data, dialogues=[b"100"]) == [DialogueLine(b"100", b"line %d" % number) for number in range(3000)]


def test_thousands_of_refused_commands_come_in_order():
    data = b"".join(b"%d {2+}\r\nxx {0+}\r\n\r\n" % number for number in range(3000))
    assert refusals(converse(data)) == [(b"%d" % number, False) for number in range(3000)]


def test_thousands_of_commands_with_as_many_literals_as_are_allowed():
    literals = limits.AUTHENTICATED.literal_count
    events = Conversation().feed([(b"a EXECUTE x" + b" {1+}\r\ny" * literals + b"\r\n") * 1000])
    assert (
        events
        == [CommandReceived(b"a", b"EXECUTE", (b" x ", *(Literal(b"y"), b" ") * (literals - 1), Literal(b"y"), b""))]
        * 1000
    )


# Lines


@pytest.mark.parametrize(
    ("logged_in", "limit"), [(False, 8192), (True, 65536)], ids=["not authenticated", "authenticated"]
)
def test_line_at_the_limit_passes_and_one_octet_more_is_fatal(logged_in, limit):
    line = b"a CAPABILITY ".ljust(limit, b"x")
    command = CommandReceived(b"a", b"CAPABILITY", (line[12:],))
    assert converse(line + b"\r\n", logged_in=logged_in) == [command]
    too_long = converse(line + b"x\r\nz NOOP\r\n", logged_in=logged_in)
    assert too_long == [CommandRefused(None, "line too long", fatal=True)]


def test_line_over_the_limit_is_never_relayed():
    assert Conversation().feed([b"a SEARCH ".ljust(65536, b"x") + b"\r\n"])[0].name == b"SEARCH"
    conversation = Conversation()
    assert refusals(conversation.feed([b"a SEARCH ".ljust(65537, b"x") + b"\r\n"])) == [(None, True)]
    assert conversation.relayed == b""


@pytest.mark.parametrize("logged_in", [False, True])
@pytest.mark.parametrize("octet", [b"x", b"\r", b"(", b'"', b" ", b"\0", b"\xff"])
def test_stream_without_crlf_is_refused_at_the_limit_and_not_kept(logged_in, octet):
    conversation = Conversation(logged_in=logged_in)
    limit = (limits.AUTHENTICATED if logged_in else limits.NOT_AUTHENTICATED).line
    most = 0
    for _ in range(2 * limit // 1024):
        conversation.feed([octet * 1024])
        most = max(most, len(conversation.wire))
    assert refusals(conversation.events) == [(None, True)]
    assert most <= limit + 1024
    assert len(conversation.wire) == 0


def test_nothing_comes_after_a_fatal_refusal():
    conversation = Conversation()
    conversation.feed([b"a LOGIN {99999+}\r\n"])
    assert refusals(conversation.feed([b"b EXECUTE x\r\n" * 10, b"c NOOP\r\n"])) == [(b"a", True)]
    assert len(conversation.wire) == 0
    assert not conversation.wire.between_commands


@pytest.mark.parametrize("data", [b"\nz NOOP\r\n", b"\n\rz NOOP\r\n", b"\n\nz NOOP\r\n", b" x\nz NOOP\r\n"])
@pytest.mark.parametrize("name", [b"NOOP", b"EXECUTE", b"FETCH"])
def test_bare_lf_is_fatal_and_no_second_command_appears(name, data):
    for logged_in in (False, True):
        assert refusals(converse(b"a " + name + data, logged_in=logged_in)) == [(None, True)]


@pytest.mark.parametrize("data", [b"\rz NOOP\r\n", b"\r\r\n", b" x\r\r\n", b" x\rz NOOP\r\n", b' "\r"\r\n', b"\r \r\n"])
@pytest.mark.parametrize("name", [b"NOOP", b"EXECUTE", b"FETCH"])
def test_bare_cr_gets_bad_and_no_second_command_appears(name, data):
    for logged_in in (False, True):
        (bad,) = converse(b"a " + name + data, logged_in=logged_in)
        assert isinstance(bad, CommandRefused)


@pytest.mark.parametrize("text", [b"x\0", b"\0", b'"x\0y"', b'"x\\\0y"', b'"\0"', b"(\0)"])
def test_nul_in_a_line_gets_bad(text):
    *bad, noop = before_login(b"a LOGIN " + text + b" y\r\nz NOOP\r\n")
    assert (refusals(bad), noop) == ([(b"a", False)], NOOP)
    for name in (b"EXECUTE", b"SEARCH"):
        assert refusals(converse(b"a %b %b\r\n" % (name, text))) == [(b"a", False)]


@pytest.mark.parametrize("text", [b'"', b'"x', b'x "y\\"', b'"\\x"', b'"\\"', b'"a" "', b'"\\', b'x"', b'""" {1}'])
def test_quoted_string_not_closed_or_with_a_bad_escape_gets_bad(text):
    *bad, noop = before_login(b"a LOGIN " + text + b"\r\nz NOOP\r\n")
    assert (refusals(bad), noop) == ([(b"a", False)], NOOP)
    for name in (b"EXECUTE", b"SEARCH"):
        assert refusals(converse(b"a %b %b\r\n" % (name, text))) == [(b"a", False)]


@pytest.mark.parametrize(
    "line", [b"", b" ", b"a", b"a ", b"a  NOOP", b" NOOP", b"a NOOP(x)", b'a "NOOP"', b"a {5", b"\xff"]
)
def test_line_that_is_no_command_gets_bad(line):
    for logged_in in (False, True):
        *bad, noop = converse(line + b"\r\nz CAPABILITY\r\n", logged_in=logged_in)
        assert len(refusals(bad)) == 1
        assert noop == CommandReceived(b"z", b"CAPABILITY", (b"",))


@pytest.mark.parametrize(
    "tag",
    [
        b"",
        b"*",
        b"+",
        b"a+b",
        b"a*",
        b"x" * 129,
        b"x" * 1025,
        b'a"',
        b'"a"',
        b"\xc3\xa4",
        b"a\0",
        b"a\x1b",
        b"a{",
        b"(",
        b"%",
        b"\\",
    ],
)
def test_invalid_tag_gets_an_untagged_bad_which_never_repeats_it(tag):
    for name in (b"NOOP", b"EXECUTE", b"SELECT", b"LOGIN"):
        for logged_in in (False, True):
            *bad, noop = converse(tag + b" " + name + b" x\r\nz CAPABILITY\r\n", logged_in=logged_in)
            assert refusals(bad) == [(None, False)]
            assert noop == CommandReceived(b"z", b"CAPABILITY", (b"",))


@pytest.mark.parametrize("tag", [b"a", b"100", b"A-1.x", b"a]", b"[", b"}", b"=", b"~", b"x" * 128, b"NIL", b"OK"])
def test_any_other_atom_is_a_tag(tag):
    assert before_login(tag + b" NOOP\r\n") == [CommandReceived(tag, b"NOOP", (b"",))]


@pytest.mark.parametrize("text", [b"(" * 10_000, b")" * 10_000, b"((((" * 8_000, b"() " * 8_000, b'(("" ' * 8_000])
def test_deep_parentheses_are_only_text_to_the_framing(text):
    assert Conversation().feed([b"a EXECUTE " + text + b"\r\n"]) == [CommandReceived(b"a", b"EXECUTE", (b" " + text,))]
    assert refusals(Conversation(logged_in=False).feed([b"a FETCH " + text[:8000] + b"\r\n"])) == [(b"a", False)]


@pytest.mark.parametrize("text", [b'"' * 60_001, b'"\\' * 30_000, b'""' * 30_000 + b"{", b"{" * 60_000, b"{1" * 30_000])
def test_a_hostile_line_takes_no_more_than_one_pass(text):
    """Were the framing's pattern to try in other ways what did not match, this would not end."""
    assert refusals(Conversation().feed([b"a EXECUTE " + text + b"\r\n"])) == [(b"a", False)]


# Dialogues


def test_line_under_the_tag_of_a_dialogue_comes_verbatim():
    lines = [b"", b" two  spaces ", b"{3}", b"x {3+}", b'"unclosed', b"EXECUTE canary", b"\xff\0\x1b", b"a \\x"]
    data = b"".join(b"100 " + line + b"\r\n" for line in lines)
    assert converse(data, dialogues=[b"100"]) == [DialogueLine(b"100", line) for line in lines]
    assert converse(b"100\r\n", dialogues=[b"100"]) == [DialogueLine(b"100", b"")]


@pytest.mark.parametrize("name", [b"EXECUTE x", b"NOOP", b"LOGOUT", b"IDLE", b"LOGIN x y", b"APPEND x {3+}"])
def test_tag_of_a_dialogue_starts_no_command(name):
    assert converse(b"100 " + name + b"\r\n", dialogues=[b"100"]) == [DialogueLine(b"100", name)]


def test_only_the_very_tag_is_the_dialogues():
    events = converse(b"1 EXECUTE\r\n1000 EXECUTE\r\n100x EXECUTE\r\n100\tEXECUTE\r\n", dialogues=[b"100"])
    assert [event.tag for event in events] == [b"1", b"1000", b"100x", None]


def test_several_dialogues_and_other_commands_go_on_at_once():
    events = converse(b"100 a\r\n101 b\r\n102 NOOP\r\n100 c\r\n", dialogues=[b"100", b"101"])
    assert events == [
        DialogueLine(b"100", b"a"),
        DialogueLine(b"101", b"b"),
        RelayStarted(b"102", b"NOOP", b"102 NOOP\r\n"),
        DialogueLine(b"100", b"c"),
    ]


def test_tag_of_an_ended_dialogue_starts_commands_again():
    conversation = Conversation(dialogues=[b"100"])
    conversation.feed([b"100 EXECUTE x\r\n"])
    conversation.wire.end_dialogue(b"100")
    conversation.wire.end_dialogue(b"100")
    assert conversation.feed([b"100 EXECUTE x\r\n"])[1:] == [CommandReceived(b"100", b"EXECUTE", (b" x",))]


def test_dialogue_that_begins_with_a_command_takes_what_was_pipelined_behind_it():
    events = converse(
        b"100 EXECUTE calendar\r\n100 EXECUTE x\r\n",
        on_command=lambda wire, command: wire.begin_dialogue(command.tag),
    )
    assert events == [CommandReceived(b"100", b"EXECUTE", (b" calendar",)), DialogueLine(b"100", b"EXECUTE x")]


def test_line_of_a_dialogue_has_the_limit_of_a_line_and_ends_in_crlf():
    assert refusals(Conversation(dialogues=[b"100"]).feed([b"100 ".ljust(65537, b"x") + b"\r\n"])) == [(None, True)]
    assert refusals(converse(b"100 x\nb EXECUTE y\r\n", dialogues=[b"100"])) == [(None, True)]


# Continuations


def expect_line(wire: ServerProtocol, command: CommandReceived) -> None:
    if command.name == b"AUTHENTICATE":
        wire.expect_continuation()


@pytest.mark.parametrize("line", [b"", b"*", b"AGpvZQBwdw==", b"a NOOP", b"x {5}", b"x {5+}", b'"', b"\0"])
def test_line_of_a_continuation_is_no_command_whatever_it_is(line):
    _, continuation, noop = converse(
        b"a AUTHENTICATE PLAIN\r\n" + line + b"\r\nz NOOP\r\n", logged_in=False, on_command=expect_line
    )
    assert (continuation, noop) == (ContinuationLine(line), NOOP)


def test_continuation_may_be_longer_than_a_line_but_not_endless():
    for size, wanted in ((16384, ContinuationLine), (16385, CommandRefused)):
        data = b"a AUTHENTICATE PLAIN\r\n" + b"x" * size + b"\r\n"
        _, event = Conversation(logged_in=False, on_command=expect_line).feed([data])
        assert type(event) is wanted
    assert refusals([event]) == [(b"a", True)]


def test_password_is_in_no_event_as_it_is_printed():
    for login in (b"a LOGIN joe secret\r\n", b"a LOGIN joe {6+}\r\nsecret\r\n", b"a AUTHENTICATE PLAIN\r\nsecret\r\n"):
        events = converse(login, logged_in=False, on_command=expect_line)
        assert "secret" not in repr(events)
