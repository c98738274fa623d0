import sys
from collections.abc import Callable
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.http import HttpRequest
from django.utils import timezone
from pytest_django import Settings

from commands.arguments.signature import UsageError, build_argv, match_arguments
from commands.models import ActionVerb, MapRevision, Parameter, Rule, Signature, Tag, Verb
from commands.policy import Request, decide
from commands.rulebook.rules import load_all_rules
from commands.rulebook.snapshot import load_snapshot, load_subject
from tests.commands.programs.script import run

pytestmark = pytest.mark.django_db

MODELS = (User, Tag, Verb, Signature, Parameter, Rule, ActionVerb)
BIN = Path(sys.executable).parent

Demo = Callable[[], str]


@pytest.fixture
def demo(settings: Settings, tmp_path: Path) -> Demo:
    settings.DEBUG = True
    settings.DATA_DIR = tmp_path / "data"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a slow one tells us nothing here

    def call() -> str:
        output = StringIO()
        call_command("demo", stdout=output)
        return output.getvalue()

    return call


def rows() -> dict[str, list[dict[str, Any]]]:
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in MODELS}


def may_run(username: str) -> set[str]:
    """At any time: on a Monday morning, in the night to a Sunday."""
    snapshot, rules = load_snapshot(), load_all_rules()
    subject = load_subject(User.objects.get(username=username).pk)
    assert subject is not None
    morning, night = (timezone.make_aware(datetime(2026, 3, *at)) for at in ((2, 9), (8, 3)))
    at_times = [
        {
            entry.name
            for entry in snapshot.verbs.values()
            if decide(rules, Request(subject, entry.name, at, entry.tags)).allowed
        }
        for at in (morning, night)
    ]
    assert at_times[0] == at_times[1]
    return at_times[0]


def states(directory: Path) -> dict[Path, tuple[int, ...]]:
    """What a write would change of each file; not when it was last read."""
    found = {path: path.stat() for path in directory.rglob("*")}
    return {path: (stat.st_ino, stat.st_mode, stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


def argv_of(verb: str, *arguments: bytes) -> tuple[bytes, ...]:
    entry = load_snapshot().verbs[verb]
    return build_argv(entry.argv, match_arguments(verb, entry.signatures, arguments).values, arguments)


def test_refused_where_debug_is_off(demo: Demo, settings: Settings) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match="IMAPX_DEBUG"):
        demo()
    assert not User.objects.exists()
    assert not Verb.objects.exists()


@pytest.mark.parametrize("name", ["demo", "ann", "admin"])
def test_the_password_is_the_name_and_admin_alone_is_an_administrator(demo: Demo, name: str) -> None:
    demo()
    user = authenticate(HttpRequest(), username=name, password=name)
    assert isinstance(user, User)
    assert (user.is_staff, user.is_superuser) == (name == "admin",) * 2


def test_what_it_makes_is_valid(demo: Demo) -> None:
    demo()
    for model in MODELS:
        assert model.objects.exists()
        for row in model.objects.all():
            row.full_clean()
    for verb in Verb.objects.all():
        verb.clean_signatures()


@pytest.mark.history
def test_each_verb_and_rule_has_one_version_in_its_history(demo: Demo) -> None:
    demo()
    for row in (*Verb.objects.all(), *Rule.objects.all()):
        assert [version.history_type for version in row.history.all()] == ["+"]
    version = Verb.objects.get(name="blacklist").history.get()
    assert version.signatures[4] == ["list"]
    assert version.tags.count() == 1


def test_demo_may_run_all_and_ann_the_calendar_alone(demo: Demo) -> None:
    demo()
    assert may_run("demo") == {verb.name for verb in Verb.objects.all()}
    assert may_run("ann") == {"calendar"}
    assert may_run("admin") == set()


def test_the_action_verbs_are_registered(demo: Demo) -> None:
    demo()
    assert load_snapshot().action_verbs == {"ADD", "REMOVE", "SET", "MODIFY"}


@pytest.mark.parametrize("verb", ["blacklist", "whitelist"])
def test_lists_take_addresses_and_nothing_else(demo: Demo, verb: str) -> None:
    demo()
    script = str(BIN / f"imapx-{verb}").encode()
    for arguments in (
        (b"add", b"joe@smith.com"),
        (b"remove", b"joe@smith.com"),
        (b"list",),
        (b"dump", b"rspamd"),
        (b"add", b"to", b"*@smith.com"),
    ):
        assert argv_of(verb, *arguments) == (script, *arguments)
    for arguments in ((), (b"add", b"joe"), (b"add", b"-x@smith.com"), (b"dump", b"csv"), (b"list", b"all")):
        with pytest.raises(UsageError, match=r"usage: add ADDRESS \| remove ADDRESS \| add"):
            argv_of(verb, *arguments)


def test_calendar_is_a_long_dialogue_without_arguments(demo: Demo) -> None:
    demo()
    entry = load_snapshot().verbs["calendar"]
    assert (entry.mode, entry.time_limit, entry.idle_limit) == ("interactive", 3600, 300)
    assert argv_of("calendar") == (str(BIN / "imapx-calendar").encode(),)
    with pytest.raises(UsageError):
        argv_of("calendar", b"today")


def test_deliver_may_change_mail_and_its_subject_can_be_left_out(demo: Demo, tmp_path: Path) -> None:
    demo()
    argv = tuple(
        str(each).encode()
        for each in (BIN / "imapx-deliver", "--config", tmp_path / "data" / "engine" / "dovecot.conf")
    )
    assert load_snapshot().verbs["deliver"].changes_mail
    assert argv_of("deliver") == argv
    assert argv_of("deliver", b"two words") == (*argv, b"two words")


def test_the_calendar_gives_the_proposals_answer_every_day(demo: Demo, tmp_path: Path) -> None:
    demo()
    home = tmp_path / "data" / "homes" / str(User.objects.get(username="demo").pk)
    days = ("today", "tomorrow", "monday", "sunday", "2100-02-28")
    given = "".join(f"list schedule {day} 8:00 10:00\n" for day in days).encode()
    answer = b"8:00 make coffee\n9:00 meeting with boss\n9:30 Call Joe Blow at 415-555-1212\nok\n"
    assert run("imapx-calendar", home=home, given=given) == (0, answer * len(days), b"")


def test_again_it_changes_nothing(demo: Demo, tmp_path: Path) -> None:
    demo()
    before, revision = rows(), MapRevision.objects.get().number
    files = states(tmp_path)
    assert not demo().startswith("Made")
    assert rows() == before
    assert MapRevision.objects.get().number == revision
    assert states(tmp_path) == files


def test_says_what_it_made_and_what_was_there(demo: Demo) -> None:
    first, second = demo().splitlines(), demo().splitlines()
    assert first[0].startswith("Made: tag lists, tag mail, verb blacklist, ")
    assert 'rule "allow user ann: calendar"' in first[0]
    assert second[0].startswith("There already: verb blacklist, ")
    assert first[1] == second[1]
    assert "demo/demo, ann/ann, admin/admin" in first[1]


def test_a_changed_password_stays_and_an_unusable_one_is_set(demo: Demo) -> None:
    demo()
    changed, unusable = User.objects.get(username="admin"), User.objects.get(username="ann")
    changed.set_password("changed by the operator")
    changed.save()
    unusable.set_unusable_password()
    unusable.save()
    demo()
    assert authenticate(HttpRequest(), username="admin", password="changed by the operator")
    assert authenticate(HttpRequest(), username="ann", password="ann")


def test_what_the_operator_changed_stays(demo: Demo) -> None:
    demo()
    Verb.objects.filter(name="calendar").update(enabled=False, time_limit=7, description="Ours.")
    Signature.objects.filter(verb__name="blacklist", position=1).delete()
    Rule.objects.filter(user__username="demo", verb__name="whitelist").delete()
    Rule.objects.filter(user__username="ann").update(effect=Rule.Effect.DENY)
    before = rows()
    demo()
    assert rows() == before
    assert not {"whitelist", "calendar"} & may_run("demo")


def test_a_verb_made_again_may_be_run_again(demo: Demo) -> None:
    demo()
    Verb.objects.get(name="calendar").delete()
    demo()
    assert "calendar" in may_run("demo") & may_run("ann")


def test_a_bundled_program_of_another_place_is_brought_up_to_date(demo: Demo) -> None:
    demo()
    verb = Verb.objects.get(name="deliver")
    here = verb.argv
    verb.argv = ["/old/.venv/bin/imapx-deliver", "--config", "/old/var/engine/dovecot.conf", "--lda", "/x/lda", "Hi"]
    verb.time_limit = 7
    verb.save()
    assert "new path in verb deliver" in demo()
    verb.refresh_from_db()
    assert verb.argv == [*here[:3], "--lda", "/x/lda", "Hi"]
    assert verb.time_limit == 7


@pytest.mark.parametrize(
    "argv", [["/usr/local/bin/our-blacklist", "{*}"], ["/usr/bin/env", "--config", "/etc/dovecot/dovecot.conf"]]
)
def test_a_program_of_the_operators_own_stays(demo: Demo, argv: list[str]) -> None:
    demo()
    Verb.objects.filter(name="blacklist").update(argv=argv)
    demo()
    assert Verb.objects.get(name="blacklist").argv == argv


def test_a_users_own_calendar_stays(demo: Demo, tmp_path: Path) -> None:
    demo()
    (path,) = tmp_path.rglob("calendar.ics")
    path.write_bytes(b"mine")
    demo()
    assert path.read_bytes() == b"mine"


def test_nothing_is_made_if_the_calendar_cannot_be(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "homes").write_bytes(b"in the way")
    with pytest.raises(CommandError, match="files of demo"):
        demo()
    assert not any(rows().values())


def test_without_the_scripts_it_says_how_to_install_them(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    with pytest.raises(CommandError, match="make install"):
        demo()
