"""The sentences of an expectations file, and what is said of a line that is none."""

from datetime import datetime

import pytest

from commands.explaining.expectations import ExpectationError, Who, parse, parse_line


def test_sentence_names_subject_verb_and_arguments():
    found = parse_line("ann may run Calendar add 2026-01-01 'two words'")
    assert (found.who, found.name, found.may) == (Who.USER, "ann", True)
    assert (found.verb, found.arguments) == ("calendar", ("add", "2026-01-01", "two words"))
    assert (found.address, found.tls, found.mailbox, found.at) == (None, None, None, None)


def test_not_turns_it_round():
    assert not parse_line("ann may not run passwd").may
    assert not parse_line("ann  may  not  run  passwd").may


@pytest.mark.parametrize(
    ("subject", "who", "name"),
    [
        ("everyone", Who.EVERYONE, ""),
        ("group staff", Who.GROUP, "staff"),
        ("group 'help desk'", Who.GROUP, "help desk"),
        ("domain Example.org", Who.DOMAIN, "example.org"),
        ("user everyone", Who.USER, "everyone"),
        ("user group", Who.USER, "group"),
        ("ann@example.org", Who.USER, "ann@example.org"),
    ],
)
def test_subject_may_be_a_user_group_domain_or_everyone(subject, who, name):
    found = parse_line(f"{subject} may run calendar")
    assert (found.who, found.name) == (who, name)


def test_circumstances_stand_before_may_in_any_order():
    found = parse_line("ann at 2026-06-01 12:00 without tls from ::1 in INBOX may run calendar from tls")
    assert found.at == datetime(2026, 6, 1, 12, 0)
    assert (found.tls, found.address, found.mailbox) == (False, "::1", "INBOX")
    assert found.arguments == ("from", "tls")
    assert parse_line("ann with tls may run calendar").tls is True


def test_text_of_an_expectation_has_no_argument():
    found = parse_line("ann may run passwd hunter2")
    assert found.text == "ann may run passwd"
    assert "hunter2" not in repr(found)


def test_comments_and_empty_lines_are_no_expectations():
    text = "# the help desk\n\n  ann may run calendar  # every day\n   # more\nbob may not run passwd\n"
    assert [(each.line, each.verb, each.arguments) for each in parse(text)] == [(3, "calendar", ()), (5, "passwd", ())]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ann can run calendar", "expected: [user|group|domain] NAME"),
        ("ann may run", "expected: [user|group|domain] NAME"),
        ("ann may run # calendar", "expected a verb"),
        ("group may run calendar", "expected a name after 'group'"),
        ("ann from may run calendar", "expected an address after 'from'"),
        ("ann from 10.0.0 may run calendar", "'10.0.0' is no address"),
        ("ann by tls may run calendar", "'by' is none of"),
        ("ann with ssl may run calendar", "expected 'tls' after 'with'"),
        ("ann at 2026-06-01 may run calendar", "expected a time after the date"),
        ("ann at 2026-13-01 12:00 may run calendar", "'2026-13-01 12:00' is no time"),
        ("ann at 9999-12-31 12:00 may run calendar", "'9999-12-31 12:00' is no time"),
        ("ann with tls without tls may run calendar", "the same is said twice"),
        ("ann may run calendar 'add", "quotes"),
        ("'' may run calendar", "expected a user"),
        ("ann may run calendar \0", "expected characters that can be seen"),
        ("ann\u202e may run calendar", "expected characters that can be seen"),
    ],
)
def test_line_that_is_none_says_what_was_expected(line, said):
    with pytest.raises(ExpectationError, match="^" + said.replace("[", r"\[").replace("|", r"\|")):
        parse_line(line)


def test_bad_line_is_named_and_those_after_it_are_read():
    first, second = parse("\nann can run calendar\nann may run calendar\n")
    assert isinstance(first, ExpectationError)
    assert str(first).startswith("2: expected:")
    assert second.line == 3
