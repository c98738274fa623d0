"""`manage.py explain` and `manage.py expect`: what they print, and their exit status."""

import csv
import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from commands.mapfile.load import dump
from commands.models import AuditEvent, Rule
from tests.commands.explained import make_rule, make_site


@pytest.fixture
def site(db):
    return make_site()


def run(*arguments: str) -> tuple[int, str]:
    """The exit status, and what is on standard output or is said of the error."""
    out = io.StringIO()
    try:
        call_command(*arguments, stdout=out)
    except SystemExit as error:
        return error.code, out.getvalue()
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


def test_call_that_is_allowed_ends_with_0(site):
    status, text = run("explain", "ann", "Calendar", "add", "2026-01-01")
    assert status == 0
    assert text.splitlines()[0] == "ann: calendar add 2026-01-01"
    assert "YES  accepted" in text
    assert f"rule {site['calendar_rule'].pk}: allow group staff: calendar" in text
    assert "/bin/echo add 2026-01-01" in text


def test_call_that_is_not_allowed_ends_with_1_and_says_why(site):
    status, text = run("explain", "bob@example.org", "calendar", "add", "2026-01-01")
    assert status == 1
    assert "NO  noperm" in text
    assert "it is for action like list" in text
    assert run("explain", "nobody", "calendar")[0] == 1
    assert run("explain", "ann", "none")[0] == 1
    assert run("explain", "ann", "calendar", "what")[0] == 1


def test_circumstances_are_options(site):
    assert run("explain", "ann", "passwd", "-", "-")[0] == 0
    assert run("explain", "ann", "passwd", "-", "-", "--no-tls")[0] == 1
    make_rule("deny", everyone=True, all_verbs=True, networks="10.0.0.0/8", mailbox="INBOX", weekdays="mon")
    call = ("explain", "ann", "calendar", "list", "--address", "10.0.0.1", "--mailbox", "INBOX")
    assert run(*call, "--at", "2026-06-01 12:00")[0] == 1
    status, text = run(*call, "--at", "2026-06-02 12:00")
    assert status == 0
    assert "from 10.0.0.1, with TLS, in the mailbox INBOX, at 2026-06-02 12:00" in text


def test_wrong_usage_ends_with_2(site):
    assert run("explain")[0] == 2
    assert run("explain", "ann", "--table")[0] == 2
    assert run("explain", "ann\udcff", "calendar") == (2, "ann\\xff is no name.")
    for wrong in (("--address", "10.0.0"), ("--at", "noon"), ("--at", "9999-12-31T23:59:59Z"), ("--limit", "-1")):
        with pytest.raises(CommandError, match=f"{wrong[1]}'? is no"):
            call_command("explain", "ann", "calendar", *wrong)


def test_json_says_the_same(site):
    status, text = run("explain", "ann", "passwd", "hunter2", "hunter3", "--no-tls", "--json")
    answer = json.loads(text)
    assert (status, answer["allowed"], answer["outcome"]) == (1, False, "privacyrequired")
    assert answer["arguments"] == ["(secret)", "(secret)"]
    whys = {each["id"]: each["why"] for each in answer["unmet"]}
    assert whys[site["passwd_rule"].pk] == "it holds by TLS alone"


def test_user_alone_lists_what_it_may_run(site):
    status, text = run("explain", "ann")
    assert status == 0
    calendar, passwd = text.splitlines()
    assert calendar.split() == f"calendar yes rule {site['calendar_rule'].pk}: allow group staff: calendar".split()
    assert passwd.startswith("passwd    conditional  by rule")
    assert passwd.endswith("(by TLS alone)")
    Rule.objects.all().delete()
    assert run("explain", "ann")[0] == 1
    assert run("explain", "nobody") == (1, "There is no user nobody, or it is not active.")


def test_verb_alone_lists_who_may_run_it(site):
    status, text = run("explain", "--verb", "Calendar")
    assert status == 0
    assert [line.split("  ")[0] for line in text.splitlines()] == [
        "domain example.org",
        "group staff",
        "user ann",
        "user bob@example.org",
    ]
    Rule.objects.all().delete()
    assert run("explain", "--verb", "calendar") == (1, "Nobody: no rule allows it.\n")
    assert run("explain", "--verb", "none")[0] == 1


def test_table_of_all_as_text_csv_and_json(site):
    expected = [["user", "calendar", "passwd"], ["ann", "yes", "conditional"], ["bob@example.org", "conditional", "no"]]
    assert [line.split() for line in run("explain", "--table")[1].splitlines()] == expected
    assert list(csv.reader(io.StringIO(run("explain", "--table", "--format", "csv")[1]))) == expected
    assert json.loads(run("explain", "--table", "--json")[1])[0] == dict(zip(expected[0], expected[1], strict=True))


def test_of_many_users_the_first_are_listed(site, capsys):
    text = run("explain", "--verb", "calendar", "--limit", "1")[1]
    assert text.splitlines()[-2].startswith("user ann")
    assert text.splitlines()[-1] == "and 1 more users: --limit 0 shows all"
    assert len(run("explain", "--verb", "calendar", "--limit", "0")[1].splitlines()) == 4
    assert len(run("explain", "--table", "--limit", "1", "--format", "csv")[1].splitlines()) == 2
    assert capsys.readouterr().err == "and 1 more users: --limit 0 shows all\n"


def test_nothing_is_recorded(site):
    before = AuditEvent.objects.count()
    run("explain", "ann", "calendar", "list")
    run("explain", "ann")
    assert AuditEvent.objects.count() == before


@pytest.fixture
def expectations(tmp_path: Path):
    def write(text: str, name: str = "help-desk.txt") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def test_file_that_is_true_ends_with_0(site, expectations):
    status, text = run("expect", expectations("# the help desk\nann may run calendar\n\nann may run passwd - -\n"))
    assert (status, text) == (0, "2 of 2 are as expected.\n")


def test_each_failure_names_file_line_and_rule(site, expectations):
    good, bad = expectations("ann may run calendar\n", "good"), expectations("\nann may not run calendar list\n", "bad")
    status, text = run("expect", good, bad)
    assert status == 1
    rule = f"rule {site['calendar_rule'].pk}: allow group staff: calendar"
    assert text.splitlines() == [
        f"{bad}:2: expected: ann may not run calendar list; but ann may: {rule}",
        "1 of 2 are as expected.",
    ]


def test_line_that_is_no_expectation_ends_with_2_before_anything_is_checked(site, expectations):
    name = expectations("ann may not run calendar\nann can run calendar\nann from here may run calendar\n")
    status, text = run("expect", name)
    assert status == 2
    first, second = text.splitlines()
    assert first.startswith(f"{name}:2: expected: [user|group|domain] NAME")
    assert second == f"{name}:3: 'here' is no address: 192.0.2.7 or 2001:db8::7 would be one"


def test_file_that_is_not_there_is_wrong_usage(site):
    status, text = run("expect", "/nonexistent")
    assert (status, text) == (2, "/nonexistent can't be read: No such file or directory")


def test_file_that_is_not_utf_8_is_wrong_usage(site, tmp_path):
    path = tmp_path / "latin-1"
    path.write_bytes(b"ann may run calendar \xe4\n")
    assert run("expect", str(path)) == (2, f"{path} is not UTF-8, at byte 21.")


def test_draft_is_what_is_asked_and_is_not_loaded(site, expectations):
    make_rule("deny", user=site["bob"], all_verbs=True)
    draft = expectations(dump(), "draft.toml")
    Rule.objects.filter(effect="deny").delete()
    name = expectations("bob@example.org may run calendar\n")
    assert run("expect", name)[0] == 0
    status, text = run("expect", name, "--map", draft)
    assert status == 1
    assert "bob@example.org may not: rule" in text
    assert not Rule.objects.filter(effect="deny").exists()
    assert run("expect", name)[0] == 0


def test_draft_that_is_no_map_ends_with_2(site, expectations):
    name, draft = expectations("ann may run calendar\n"), expectations("version = 'x'\n", "draft.toml")
    status, text = run("expect", name, "--map", draft)
    assert status == 2
    assert text.startswith(f"{draft} is no map:\n")
