"""`manage.py map`: what it prints, what it changes, how it ends."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError

from commands.models import AuditEvent, Rule, Verb
from tests.commands.admin.conftest import make_event, make_verb

pytestmark = [pytest.mark.django_db, pytest.mark.history]

MAP = 'version = 1\n[[verb]]\nname = "echo"\nargv = ["/bin/echo"]\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "map.toml"
    path.write_text(MAP)
    return path


def run(*arguments: Any) -> tuple[int, str]:
    """Exit status and standard output."""
    output = io.StringIO()
    try:
        call_command("map", *map(str, arguments), stdout=output, stderr=io.StringIO())
    except SystemExit as end:
        return int(end.code or 0), output.getvalue()
    return 0, output.getvalue()


def test_dump_goes_to_standard_output_or_into_a_file(tmp_path: Path) -> None:
    make_verb("echo", argv=["/bin/echo"])
    path = tmp_path / "out.toml"
    status, text = run("dump")
    assert run("dump", "-o", path) == (0, "")
    assert path.read_text() == text
    assert status == 0
    assert 'name = "echo"' in text


def test_check_says_that_it_can_be_loaded(file: Path) -> None:
    assert run("check", file) == (0, "It can be loaded.\n")
    assert not Verb.objects.exists()


def test_check_says_all_faults_and_ends_with_2(file: Path) -> None:
    file.write_text(MAP + 'time_limit = 0\nidle_limit = "x"\n')
    with pytest.raises(CommandError) as caught:
        run("check", file)
    assert caught.value.returncode == 2
    assert str(caught.value).splitlines() == [
        f"{file} can't be loaded:",
        "verb \"echo\" (line 2), idle_limit: expected a whole number, not 'x'.",
        'verb "echo" (line 2), time_limit: Ensure this value is greater than or equal to 1.',
    ]


def test_diff_ends_as_diff_does(file: Path) -> None:
    assert run("diff", file) == (1, '+ verb echo: argv: ["/bin/echo"]\n')
    run("load", file)
    assert run("diff", file) == (0, "")


def test_load_tells_what_it_changed(file: Path) -> None:
    assert run("load", file, "--reason", "first") == (0, '+ verb echo: argv: ["/bin/echo"]\nLoaded.\n')
    assert Verb.history.get().history_change_reason == "first"
    assert run("load", file) == (0, "Nothing to change: the database is as the file says.\n")


def test_dry_run_changes_nothing(file: Path) -> None:
    status, text = run("load", file, "--dry-run")
    assert text.endswith("Nothing was changed: it was a dry run.\n")
    assert status == 0
    assert not Verb.objects.exists()


def test_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(MAP.encode())))
    run("load", "-")
    assert Verb.objects.get().name == "echo"


def test_empty_file_is_refused(file: Path) -> None:
    make_verb("echo")
    file.write_text("")
    with pytest.raises(CommandError, match="The file is empty"):
        run("load", file)
    assert Verb.objects.exists()


def test_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none.toml can't be read: No such file or directory\."):
        run("diff", tmp_path / "none.toml")


def test_control_characters_of_a_file_do_not_reach_the_terminal(file: Path) -> None:
    file.write_text(MAP + 'description = "\\u001b[31m\\u202e"\n')
    assert run("diff", file)[1].count("\x1b") == 0


def test_shadow_ends_with_1_where_something_would_come_out_otherwise(file: Path) -> None:
    user = User.objects.create_user("ann")
    assert run("shadow", file)[0] == 0
    make_event((), kind="accept", outcome="accepted", verb="echo", actor_id=user.pk, rule="allow user ann: echo")
    status, text = run("shadow", file, "--days", "1", "--user", "ann")
    assert status == 1
    assert text.startswith("ann: echo: accepted → noperm, once, ")
    assert "limits" in text
    assert not Rule.objects.exists()
    assert AuditEvent.objects.count() == 1


def test_program_that_would_not_be_started_here_is_a_warning_and_no_error(tmp_path: Path) -> None:
    file = tmp_path / "map.toml"
    file.write_text(
        'version = 1\n[[verb]]\nname = "gone"\nargv = ["/no/such/program"]\n'
        '[[verb]]\nname = "off"\nargv = ["/no/such/program"]\nenabled = false\n'
    )
    warning = 'warning: verb "gone" (line 2), argv: There is no /no. It would not be started on this machine.'
    for arguments in (("check", file), ("load", "--dry-run", file), ("load", file)):
        errors = io.StringIO()
        call_command("map", *map(str, arguments), stdout=io.StringIO(), stderr=errors)
        assert errors.getvalue().splitlines() == [warning]
    assert Verb.objects.count() == 2
