"""Every fault of a file is said, all at once, each with its place and what was expected; and nothing is changed."""

import pytest
from django.contrib.auth.models import User
from django.db import connection

from commands.mapfile.load import MapFileError, apply_text, check, load
from commands.models import Lock, Rule, Tag, Verb
from tests.commands.admin.conftest import make_verb

pytestmark = pytest.mark.django_db

ECHO = 'version = 1\n[[verb]]\nname = "echo"\nargv = ["/bin/echo"]\n'


def said(text: str) -> str:
    return "\n".join(map(str, check(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "The file is empty: loaded, it would take the whole map away."),
        ("# nothing\n", "The file is empty"),
        ("[tags]\n", "version: expected version = 1"),
        ("version = 2\n", "version: expected version = 1"),
        ("version = true\n", "version: expected version = 1"),
        ("version = 1\nname = \n", "This is no TOML: Invalid value (at line 2, column 8)."),
        ("version = 1\n[[verb]]\nname = 'a'\nname = 'b'\n", "(at line 4, column 11)"),
    ],
)
def test_file_that_cannot_be_read_is_refused(text: str, expected: str) -> None:
    assert expected in said(text)
    with pytest.raises(MapFileError):
        load(text)


def test_bytes_that_are_no_utf8_are_refused() -> None:
    assert "no UTF-8: byte 12" in str(check(b"version = 1\n\xff")[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\n", "the key x is not known. There are: version, action_verbs, tags, verb, rule."),
        ("verbs = 1\n", "the key verbs is not known. Did you mean verb?"),
        ('[[verb]]\nname = "a"\nargv = ["/x"]\nargs = 1\n', 'verb "a" (line 2): the key args is not known.'),
        ('[[rule]]\neffect = "deny"\nwho = "ann"\n', "the key who is not known."),
        (
            '[[verb]]\nname = "a"\nargv = ["/x"]\nsignatures = [[{ name = "b", kind = "text" }]]\n',
            'verb "a" (line 2), signature 1, parameter 1: the key kind is not known.',
        ),
        ('[[verb]]\nargv = ["/x"]\n', "verb 1 (line 2): a verb needs its name."),
        ('[[verb]]\nname = "a"\nargv = ["/x"]\n' * 2, 'verb "a" (line 5): there are two verbs of this name.'),
        ('[[verb]]\nname = "A b"\nargv = ["/x"]\n', 'verb "A b" (line 2), name: A verb\'s name is 1 to 64 of'),
        ('[[verb]]\nname = "a"\n', "argv: A program needs this."),
        ('[[verb]]\nname = "a"\nargv = ["x"]\n', "argv: The program's path must be absolute."),
        ('[[verb]]\nname = "a"\nargv = "/x"\n', "argv: expected a list of texts"),
        ('[[verb]]\nname = "a"\nargv = ["/x"]\nenabled = 1\n', "enabled: expected true or false, not 1."),
        ('[[verb]]\nname = "a"\nargv = ["/x"]\ntime_limit = true\n', "time_limit: expected a whole number, not true."),
        ('[[verb]]\nname = "a"\nargv = ["/x"]\ntime_limit = 0\n', "time_limit: Ensure this value is greater"),
        ('[[verb]]\nname = "a"\nargv = ["/x"]\nenvironment = { PATH = "/" }\n', "environment: PATH can't be set here."),
        ('[[verb]]\nname = "a"\nargv = ["/x"]\nredactions = ["("]\n', "redactions: '(' is no regular expression"),
        ('[[verb]]\nname = "a"\nargv = ["/x"]\ntags = ["t"]\n', 'tags: there is no tag "t" under [tags].'),
        (
            '[[verb]]\nname = "a"\nargv = ["/x", "{b}"]\n',
            "verb \"a\" (line 2), signatures: '{b}' is the name of no parameter of any signature.",
        ),
        (
            '[[verb]]\nname = "a"\nargv = ["/x"]\nsignatures = [[{ name = "n", type = "integer", detail = "9 1" }]]\n',
            'verb "a" (line 2), signature 1, parameter 1, detail: Give the least and the greatest number',
        ),
        ('[tags]\nBad = ""\n', 'tag "Bad", name: A verb\'s name'),
        ('action_verbs = ["FETCH"]\n', 'action verb "FETCH", name: FETCH is an IMAP command.'),
    ],
)
def test_fault_is_said_with_its_place(text: str, expected: str) -> None:
    assert expected in said(f"version = 1\n{text}")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('everyone = true\nverb = "echo"', "a rule needs its effect: allow, deny, limit."),
        ('effect = "allow"\nverb = "echo"', "Name one of: a user, a group, a mail domain, everyone."),
        ('effect = "allow"\neveryone = true', "Name one of: a verb, a tag, all verbs."),
        ('effect = "allow"\nuser = "bob"\nverb = "echo"', 'user: there is no user "bob" here.'),
        ('effect = "allow"\ngroup = "crew"\nverb = "echo"', 'group: there is no group "crew" here.'),
        ('effect = "allow"\nuser = "ann"\nverb = "dial"', 'verb: there is no verb "dial" in this file.'),
        ('effect = "allow"\nuser = "ann"\ntag = "t"', 'tag: there is no tag "t" under [tags].'),
        ('effect = "permit"\nuser = "ann"\nverb = "echo"', "effect: Value 'permit' is not a valid choice."),
        ('effect = "limit"\nuser = "ann"\nverb = "echo"', "at_once: A limit needs a number"),
        (
            'effect = "deny"\nuser = "ann"\nverb = "echo"\nvalid_from = 2026-01-01T00:00:00',
            "valid_from: expected a time with its zone, like 2026-01-31T08:00:00Z",
        ),
        ('effect = "deny"\nuser = "ann"\nverb = "echo"\nhours_from = "8"', "hours_from: expected a time like 08:00:00"),
        (
            'effect = "deny"\nuser = "ann"\nverb = "echo"\narguments = { address = "x" }',
            "arguments: echo has no parameter 'address'",
        ),
    ],
)
def test_fault_of_a_rule_is_said_with_its_place(rule: str, expected: str) -> None:
    User.objects.create_user("ann")
    text = said(f'{ECHO}[[rule]]\n{rule}\nreason = "why"\n')
    assert expected in text
    assert "(line 5)" in text


def test_all_faults_are_said_at_once() -> None:
    text = ECHO.replace("/bin/echo", "echo") + '[[rule]]\neffect = "allow"\nuser = "bob"\nverb = "echo"\n[[x]]\n'
    assert len(check(text)) == 3
    assert not Verb.objects.exists()


def test_header_in_a_text_does_not_shift_the_lines() -> None:
    text = f'{ECHO}description = """\n[[rule]]\n"""\n[[rule]]\neffect = "deny"\neveryone = true\nall_verbs = true\n'
    assert str(check(text)[0]) == 'rule "deny everyone: all verbs", reason: This field cannot be blank.'


def test_verb_that_is_locked_does_not_go() -> None:
    """With it its lock would go, and loaded again it could be run."""
    Lock.objects.create(verb=make_verb("passwd"), reason="leaked")
    assert 'the verb "passwd" is locked' in said(ECHO)
    with pytest.raises(MapFileError):
        load(ECHO)
    assert Verb.objects.get().name == "passwd"


def test_check_validates_what_is_in_the_database_already() -> None:
    make_verb("echo", argv=["echo"])
    assert "absolute" in said(ECHO.replace("/bin/echo", "echo"))


def test_a_condition_on_a_parameter_that_the_verb_loses_is_refused() -> None:
    """A deny that speaks of it would never match again."""
    signature = 'signatures = [[{ name = "address", type = "email" }]]\n'
    rule = '[[rule]]\neffect = "deny"\neveryone = true\nverb = "echo"\nreason = "x"\narguments = { address = "a" }\n'
    load(ECHO + signature + rule)
    with pytest.raises(MapFileError, match="echo has no parameter 'address'"):
        load(ECHO + rule)
    load(ECHO)
    assert not Rule.objects.exists()


def test_refused_file_changes_nothing() -> None:
    make_verb("calendar")
    Tag.objects.create(name="old")
    with pytest.raises(MapFileError):
        load(ECHO + "time_limit = 0\n")
    assert [verb.name for verb in Verb.objects.all()] == ["calendar"]
    assert Tag.objects.get().name == "old"


def test_apply_text_raises_one_error_with_readable_text() -> None:
    with pytest.raises(MapFileError, match="argv: A program needs this"):
        apply_text('version = 1\n[[verb]]\nname = "a"\n')


HUGE = "0x" + "f" * 6000  # more digits than Python writes out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("time_limit = " + "1" * 5000, "This is no TOML"),
        (f"time_limit = {HUGE}", "time_limit: expected a whole number below 2^63, not one of thousands of digits."),
        (f"output_limit = {2**63}", "output_limit: expected a whole number"),
        (f"description = {HUGE}", "description: expected text in quotes"),
        (f"argv = [{HUGE}]", "argv: expected a list of texts"),
        ('description = "a\\u0000b"', "description: expected text in quotes, without NUL"),
        ('environment = { "A\\u0000" = "x" }', "environment: expected a table of texts"),
        ('tags = ["a\\u0000"]', "tags: expected a list of texts"),
        ('signatures = [["a\\u0000"]]', "name: expected text in quotes, without NUL"),
    ],
)
def test_value_that_no_database_takes_is_a_problem_and_no_crash(line: str, expected: str) -> None:
    text = 'version = 1\n[[verb]]\nname = "echo"\n' + line + "\n"
    assert expected in said(text)
    with pytest.raises(MapFileError):
        load(text)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z"])
def test_time_that_some_zone_has_not_is_refused(time: str) -> None:
    text = f'version = 1\n[[rule]]\neffect = "deny"\neveryone = true\nall_verbs = true\nvalid_until = {time}\n'
    assert "valid_until: expected a time with its zone" in said(text)


def test_name_with_nul_is_refused_before_it_is_asked_for() -> None:
    assert "user: expected text" in said(
        'version = 1\n[[rule]]\neffect = "deny"\nuser = "a\\u0000"\nall_verbs = true\n'
    )
    assert "tags: expected lines" in said('version = 1\n[tags]\n"a\\u0000" = "x"\n')


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the trigger is SQLite's")
def test_what_the_database_alone_refuses_is_a_problem_too_and_nothing_is_changed() -> None:
    with connection.cursor() as cursor:
        refuse = "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        cursor.execute(f"CREATE TRIGGER no_rule BEFORE INSERT ON commands_rule {refuse}")
    text = f'{ECHO}[[rule]]\neffect = "deny"\neveryone = true\nverb = "echo"\nreason = "broken"\n'
    with pytest.raises(MapFileError, match="the database refuses it: disk full"):
        load(text)
    assert not Verb.objects.exists()
    assert not Rule.objects.exists()
