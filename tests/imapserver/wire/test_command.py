"""The arguments of the commands that IMAPX serves, from octets."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapserver.wire.command import (
    VERB_LENGTH,
    Execute,
    Feed,
    parse_action,
    parse_authenticate,
    parse_cancel,
    parse_execute,
    parse_feed,
    parse_login,
    parse_select,
    parse_xexec,
)
from imapserver.wire.events import CommandReceived
from imapserver.wire.exceptions import BadSyntax
from imapserver.wire.syntax import Literal
from tests.support.wire import THOROUGH, Conversation


def received(line: bytes, logged_in: bool = True) -> CommandReceived:
    conversation = Conversation(logged_in=logged_in, served=[b"ADD"])
    command = conversation.feed([b"a " + line + b"\r\n"])[-1]
    assert isinstance(command, CommandReceived)
    return command


def execute(arguments: bytes) -> Execute:
    return parse_execute(received(b"EXECUTE" + arguments))


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (b"", Execute(None, None, ())),
        (b" calendar", Execute(None, "calendar", ())),
        (b" CalenDar", Execute(None, "calendar", ())),
        (b" blacklist add joe@smith.com", Execute(None, "blacklist", (b"add", b"joe@smith.com"))),
        (b' "blacklist" "add" "a b"', Execute(None, "blacklist", (b"add", b"a b"))),
        (b" {3+}\r\nAdd {0+}\r\n {0}\r\n ~{2}\r\n\xff\n", Execute(None, "add", (b"", b"", b"\xff\n"), True)),
        (b' x "" " " "\t" {1+}\r\n ', Execute(None, "x", (b"", b" ", b"\t", b" "), True)),
        (
            b" x -rf $HOME `id` a;b a|b a]b NIL",
            Execute(None, "x", (b"-rf", b"$HOME", b"`id`", b"a;b", b"a|b", b"a]b", b"NIL")),
        ),
        (b" (PROMPT) calendar", Execute("PROMPT", "calendar", ())),
        (b' "(framed)" calendar x', Execute("FRAMED", "calendar", (b"x",))),
        (b" {10+}\r\n(DESCRIBE) x", Execute("DESCRIBE", "x", ())),
        (b' (PROMPT) "(x)"', Execute("PROMPT", "(x)", ())),
        (b' ""', Execute(None, "", ())),
        (b' "/bin/sh" "../x"', Execute(None, "/bin/sh", (b"../x",))),
        (b" +", Execute(None, "+", ())),
    ],
)
def test_execute_takes_a_form_a_verb_and_arguments(arguments, wanted):
    assert execute(arguments) == wanted


@pytest.mark.parametrize(
    "arguments",
    [
        b" ",
        b"  x",
        b" x ",
        b" x  y",
        b" (PROMPT)",
        b' "(PROMPT)"',
        b' "(PROMPT)" x (y',
        b" (PROMPT) ",
        b" (PROMPT)x",
        b" () x",
        b" (PROMPT FRAMED) x",
        b" ((PROMPT)) x",
        b" " + b"(" * 10_000,
        b" " + b")" * 10_000,
        b" x " + b"((((" * 8_000,
        b" x (y)",
        b" x *",
        b" x %",
        b' x "a"b',
        b' x a"b"',
        b" x \xc3\xa4",
        b' x "\xc3\xa4"',
        b" \xff",
        b" {2+}\r\n\xc3\xa4",
        b" ~{1+}\r\nx",
        b" x {1+}\r\n\0",
        b" x ~{1+}\r\n\0",
        b" x {3+}\r\na\0b",
        b" x {1+}\r\nay",
        b" x {1+}\r\na ",
        b" " + b"x" * (VERB_LENGTH + 1),
    ],
)
def test_malformed_execute_is_refused(arguments):
    with pytest.raises(BadSyntax):
        execute(arguments)


def test_verb_has_a_greatest_length():
    assert execute(b" " + b"x" * VERB_LENGTH).verb == "x" * VERB_LENGTH


def test_verb_that_only_looks_the_same_stays_another_one():
    assert execute(b' "list."').verb == "list."
    assert execute(b' "list "').verb == "list "


@settings(THOROUGH, max_examples=100)
@given(st.lists(st.binary(max_size=40).map(lambda octets: octets.replace(b"\0", b"")), max_size=6))
def test_argument_in_a_literal_arrives_octet_for_octet(arguments):
    written = b"".join(b" {%d+}\r\n%b" % (len(argument), argument) for argument in arguments)
    assert execute(b" x" + written).arguments == tuple(arguments)


@settings(THOROUGH, max_examples=150)
@given(
    st.sampled_from([parse_execute, parse_action, parse_cancel, parse_login, parse_authenticate]),
    st.lists(
        st.one_of(
            st.text(' a"\\(){}*\0\r\nÄ', max_size=8).map(str.encode),
            st.builds(Literal, st.binary(max_size=4), st.booleans()),
        ),
        max_size=6,
    ),
)
def test_no_fragments_raise_anything_but_bad_syntax(parse, fragments):
    try:
        parse(CommandReceived(b"a", b"ADD", tuple(fragments)))
    except BadSyntax:
        pass


# Action verbs and CANCEL


def test_action_is_the_first_argument_of_its_verb():
    wanted = execute(b" blacklist add joe@smith.com")
    assert parse_action(received(b"ADD blacklist joe@smith.com")) == wanted
    by_literal = parse_action(received(b"add BlackList {13+}\r\njoe@smith.com"))
    assert by_literal == replace(wanted, ends_in_literal=True)


@pytest.mark.parametrize("line", [b"ADD", b"ADD ", b"ADD (PROMPT) x", b"ADD x ", b"ADD  x", b"ADD x (y)"])
def test_action_without_a_verb_or_with_a_form_is_refused(line):
    with pytest.raises(BadSyntax):
        parse_action(received(line))


@pytest.mark.parametrize("tag", [b'"100"', b"{3+}\r\n100", b"{3}\r\n100"])
def test_cancel_takes_a_tag_as_a_string(tag):
    assert parse_cancel(received(b"CANCEL " + tag)) == b"100"


@pytest.mark.parametrize("rest", [b"", b" ", b" 100", b' "100" ', b' "100" "101"', b" ~{3+}\r\n100", b' ("100")'])
def test_malformed_cancel_is_refused(rest):
    with pytest.raises(BadSyntax):
        parse_cancel(received(b"CANCEL" + rest))


# LOGIN and AUTHENTICATE


@pytest.mark.parametrize(
    ("arguments", "username", "password"),
    [
        (b" joe secret", b"joe", b"secret"),
        (b' "joe" "s \\"e\\\\t"', b"joe", b's "e\\t'),
        (b' {3}\r\njoe {8+}\r\n"\\%{\xff}\r\n', b"joe", b'"\\%{\xff}\r\n'),
        (b' "" ""', b"", b""),
        (b" joe {0}\r\n", b"joe", b""),
        (b" joe se]cret", b"joe", b"se]cret"),
    ],
)
def test_login_takes_name_and_password_octet_for_octet(arguments, username, password):
    login = parse_login(received(b"LOGIN" + arguments, logged_in=False))
    assert (login.username, login.password.reveal()) == (username, password)
    assert "secret" not in repr(login)


@pytest.mark.parametrize(
    "arguments",
    [
        b"",
        b" ",
        b" joe",
        b" joe ",
        b" joe secret x",
        b" joe secret ",
        b" joe  secret",
        b" (joe) secret",
        b" " + b"((((" * 2000,
        b" joe p%",
        b" j\xc3\xb6 x",
        b' "j\xc3\xb6" x',
        b" ~{3+}\r\njoe secret",
        b" joe ~{5}\r\nhello",
        b" joe {3+}\r\na\0b",
        b" {1+}\r\n\0 secret",
        b" {3+}\r\njoe",
        b" {3+}\r\njoesecret",
    ],
)
def test_malformed_login_is_refused(arguments):
    with pytest.raises(BadSyntax):
        parse_login(received(b"LOGIN" + arguments, logged_in=False))


@pytest.mark.parametrize(
    ("arguments", "mechanism", "response"),
    [
        (b" plain", "PLAIN", None),
        (b" PLAIN AGpvZQBwdw==", "PLAIN", b"AGpvZQBwdw=="),
        (b" PLAIN =", "PLAIN", b""),
        (b" X-1 a+/b==", "X-1", b"a+/b=="),
        (b" PLAIN ====", "PLAIN", b"===="),
    ],
)
def test_authenticate_takes_a_mechanism_and_an_initial_response(arguments, mechanism, response):
    name, secret = parse_authenticate(received(b"AUTHENTICATE" + arguments, logged_in=False))
    assert name == mechanism
    assert (secret.reveal() if secret is not None else None) == response


@pytest.mark.parametrize(
    "arguments",
    [
        b"",
        b" ",
        b" PLAIN ",
        b" PLAIN a b",
        b' "PLAIN"',
        b" {5+}\r\nPLAIN",
        b' PLAIN "AGpv"',
        b" PLAIN {1+}\r\nx",
        b" PLAIN (x)",
        b" \xff",
    ],
)
def test_malformed_authenticate_is_refused(arguments):
    with pytest.raises(BadSyntax):
        parse_authenticate(received(b"AUTHENTICATE" + arguments, logged_in=False))


# SELECT


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        (b" INBOX", b"INBOX"),
        (b' "a \\"b"', b'a "b'),
        (b" INBOX (CONDSTORE)", b"INBOX"),
        (b" {5}", None),
        (b" {5+}", None),
        (b"", None),
        (b" ", None),
        (b"  x", None),
        (b" (x)", None),
    ],
)
def test_mailbox_of_a_select_is_read_unless_it_is_in_a_literal(text, mailbox):
    assert parse_select(text) == mailbox


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (b' "100" {3+}\r\na\0b', Feed(b"100", b"a\0b")),
        (b' "100" ~{3+}\r\na\0b', Feed(b"100", b"a\0b")),
        (b' {1+}\r\nx "one line"', Feed(b"x", b"one line")),
        (b' "100" {0+}\r\n', Feed(b"100", b"")),
        (b' "100" nil', Feed(b"100", None)),
    ],
)
def test_feed_takes_a_tag_and_any_octets_or_nil(arguments, wanted):
    assert parse_feed(received(b"FEED" + arguments)) == wanted


@pytest.mark.parametrize("arguments", [b"", b" ", b' "100"', b' "100" x', b' "100" NIL x', b" 100 NIL", b' "100"  NIL'])
def test_malformed_feed_is_refused(arguments):
    with pytest.raises(BadSyntax):
        parse_feed(received(b"FEED" + arguments))


def test_xexec_has_its_own_form():
    command = CommandReceived(b"a", b"XEXEC", (b" Blacklist add x",))
    assert parse_xexec(command) == Execute("XEXEC", "blacklist", (b"add", b"x"))


def test_offered_input_is_no_argument():
    command = received(b"EXECUTE send {3+}\r\na@b {5000}")
    assert parse_execute(command) == Execute(None, "send", (b"a@b",), offered=5000)


@pytest.mark.parametrize("line", [b"EXECUTE {5000}", b"EXECUTE send x{5000}", b"ADD {5000}", b"EXECUTE  {5000}"])
def test_offered_input_needs_a_verb_and_a_space_before_it(line):
    with pytest.raises(BadSyntax):
        conversation = Conversation(served=[b"ADD"])
        command = conversation.feed([b"a " + line + b"\r\n"])[-1]
        assert isinstance(command, CommandReceived) or "literal" in command.text
        if not isinstance(command, CommandReceived):
            raise BadSyntax(command.text)
        (parse_execute if command.name == b"EXECUTE" else parse_action)(command)
