"""Trying a verb as another user, by its WebSocket: what it says would run, what runs, and what the record says."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from commands.models import Execution, Lock, Rule, Verb
from commands.web.sockets.socket import FORBIDDEN
from tests.commands.web.sockets.conftest import close_code, user_with

from .conftest import PROGRAMS, Terminal, at_terminal, events, in_thread

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Verb]


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann")


async def answer(terminal: Terminal, user: str, line: str) -> dict[str, object]:
    await terminal.says(do="explain", user=user, line=line)
    return await terminal.until("answer")


async def run(terminal: Terminal, user: str, line: str) -> str:
    await terminal.says(do="run", user=user, line=line)
    text = (await terminal.until("note"))["text"]
    await terminal.until("ready")
    return str(text)


def test_it_runs_as_the_user_and_every_event_says_who_tried_it(admin: User, ann: User, verb: Make) -> None:
    tried = verb("prints", "prints", "{p0}", types=("text",), user=ann)

    async def act(terminal: Terminal) -> None:
        assert await run(terminal, "ann", "hello") == "prints: exit 0"
        assert "Refused" in await run(terminal, "admin", "hello")

    assert at_terminal(f"/ws/try/{tried.pk}/", admin, act).output == "hello"
    about, refused = ("ann", "try", "prints", "tried by admin"), ("admin", "try", "prints", "tried by admin")
    assert events() == [("accept", "accepted", *about), ("exit", "exit", *about), ("reject", "noperm", *refused)]
    assert Execution.objects.get().client_id == "tried by admin"


def test_it_says_before_what_would_run_or_which_rule_refuses(admin: User, ann: User, verb: Make) -> None:
    tried = verb("prints", "prints", "{p0}", types=("text",), user=ann)
    deny = Rule.objects.create(effect="deny", user=admin, verb=tried)

    async def act(terminal: Terminal) -> None:
        yes = await answer(terminal, "ann", "'two words'")
        assert (yes["allowed"], yes["runs"]) == (True, [str(PROGRAMS / "prints"), '"two words"'])
        no = await answer(terminal, "admin", "hello")
        assert (no["allowed"], no["runs"]) == (False, [])
        assert no["rule"] == f"/admin/commands/rule/{deny.pk}/change/" and f"rule {deny.pk}: deny" in str(no["reason"])
        assert "no user nobody" in str((await answer(terminal, "nobody", ""))["reason"])
        assert "not closed" in str((await answer(terminal, "ann", '"'))["meaning"])

    at_terminal(f"/ws/try/{tried.pk}/", admin, act)
    assert events() == []


def test_rules_and_names_are_told_to_who_may_see_them_alone(ann: User, verb: Make) -> None:
    bare, _ = user_with("view_verb", "try_verb")
    tried = verb("true", "/bin/true", user=ann)

    async def act(terminal: Terminal) -> None:
        told = await answer(terminal, "ann", "")
        assert (told["allowed"], told["reason"], told["rule"], told["names"]) == (True, "", "", [])

    at_terminal(f"/ws/try/{tried.pk}/", bare, act)


def test_user_who_is_not_there_runs_nothing(admin: User, verb: Make) -> None:
    tried = verb("true", "/bin/true")

    async def act(terminal: Terminal) -> None:
        assert await run(terminal, "nobody", "") == "There is no user nobody."

    at_terminal(f"/ws/try/{tried.pk}/", admin, act)
    assert events() == []


def test_dialogue_of_another_user_goes_both_ways(admin: User, ann: User, verb: Make) -> None:
    tried = verb("echo", "/bin/cat", mode="interactive", user=ann)

    async def act(terminal: Terminal) -> None:
        await terminal.says(do="run", user="ann", line="")
        await terminal.until("runs")
        await terminal.says(do="input", text="hello\n")
        await terminal.until_shown("hello\n")
        await terminal.says(do="end")
        assert (await terminal.until("note"))["text"] == "echo: exit 0"

    at_terminal(f"/ws/try/{tried.pk}/", admin, act)


@pytest.mark.parametrize("lost", ["right", "lock"])
def test_right_that_is_lost_or_a_lock_ends_what_runs(ann: User, verb: Make, lost: str) -> None:
    tester, _ = user_with("view_verb", "try_verb")
    tried = verb("waits", "never-reads", user=ann)

    def lose() -> None:
        if lost == "right":
            tester.user_permissions.clear()
        else:
            Lock.objects.create(user=tester, reason="lost phone", made_by="admin")

    async def act(terminal: Terminal) -> None:
        await terminal.says(do="run", user="ann", line="")
        await terminal.until_shown("ready")
        await in_thread(lose)
        assert await close_code(terminal.socket) == FORBIDDEN

    at_terminal(f"/ws/try/{tried.pk}/", tester, act)
    assert events()[-1][:2] == ("exit", "client-gone")
