"""The console by its WebSocket: real executions, a real database, no browser."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session

from commands.models import Verb
from commands.web.console.page import PIECE, WINDOW
from commands.web.sockets.socket import BAD, FORBIDDEN
from tests.support.stored import stored

from .conftest import AGENT, Terminal, at_terminal, events, in_thread

pytestmark = pytest.mark.django_db(transaction=True)

CONSOLE = "/ws/console/"
Make = Callable[..., Verb]


async def closed_with(terminal: Terminal) -> int:
    while True:
        output = await terminal.socket.receive_output(timeout=20)
        if output["type"] == "websocket.close":
            return int(output["code"])


def test_verb_runs_as_who_sits_there_and_is_on_record(admin: User, verb: Make) -> None:
    verb("prints", "prints", "{p0}", types=("text",))

    async def act(terminal: Terminal) -> None:
        assert await terminal.runs("PRINTS 'two words'") == "prints: exit 0"

    assert at_terminal(CONSOLE, admin, act).output == "two words"
    about = ("admin", "console", "prints", AGENT)
    assert events() == [("accept", "accepted", *about), ("exit", "exit", *about)]


def test_end_has_links_to_the_record_for_who_may_read_it_alone(admin: User, verb: Make) -> None:
    bare = User.objects.create_user("carol", is_staff=True)
    verb("true", "/bin/true")
    verb("other", "/bin/true", user=bare)

    async def runs_true(terminal: Terminal) -> None:
        await terminal.runs("true")

    async def runs_other(terminal: Terminal) -> None:
        await terminal.runs("other")

    note = next(each for each in at_terminal(CONSOLE, admin, runs_true).told if each["say"] == "note")
    assert [name for name, _ in note["links"]] == ["execution", "audit event"]
    note = next(each for each in at_terminal(CONSOLE, bare, runs_other).told if each["say"] == "note")
    assert (note["text"], note["links"]) == ("other: exit 0", [])


def test_refusal_is_recorded_and_says_the_rule_to_who_may_read_the_record_alone(admin: User, verb: Make) -> None:
    bare = User.objects.create_user("carol", is_staff=True)
    verb("true", "/bin/true", user=None)

    async def act(terminal: Terminal) -> None:
        await terminal.runs("true")

    said = [each for user in (admin, bare) for each in at_terminal(CONSOLE, user, act).told if each["say"] == "note"]
    assert "no rule allows it" in said[0]["text"] and "no rule allows it" not in said[1]["text"]
    assert [name for name, _ in said[0]["links"]] == ["audit event", "why?"] and said[1]["links"] == []
    assert [event[:3] for event in events()] == [("reject", "noperm", "admin"), ("reject", "noperm", "carol")]


def test_line_that_is_not_finished_runs_nothing(admin: User) -> None:
    async def act(terminal: Terminal) -> None:
        assert "not closed" in await terminal.runs('true "a')
        assert "backslash" in await terminal.runs("true a\\")
        assert await terminal.runs("  ") == ""

    at_terminal(CONSOLE, admin, act)
    assert events() == []


def test_help_tells_of_verbs_that_may_be_run(admin: User, verb: Make) -> None:
    verb("prints", "prints", "{p0}", types=("text",), description="Says it.")
    verb("other", "/bin/true", user=None)

    async def act(terminal: Terminal) -> None:
        await terminal.runs("help")
        await terminal.runs("help prints")
        assert "You may run no verb other" in await terminal.runs("help other")

    assert at_terminal(CONSOLE, admin, act).output == "prints (one-shot) P0\nprints P0\nSays it.\n"


def test_dialogue_goes_both_ways_until_its_input_ends(admin: User, verb: Make) -> None:
    verb("echo", "/bin/cat", mode="interactive")

    async def act(terminal: Terminal) -> None:
        await terminal.says(do="line", text="echo")
        assert (await terminal.until("runs"))["takes_input"]
        await terminal.says(do="input", text="hello\n")
        await terminal.until_shown("hello\n")
        await terminal.says(do="end")
        assert (await terminal.until("note"))["text"] == "echo: exit 0"

    at_terminal(CONSOLE, admin, act)


def test_message_is_typed_to_its_end_before_it_runs(admin: User, verb: Make) -> None:
    verb("size", "input-size", "{p0}", types=("text",), takes_input=True, input_limit=100)

    async def send(terminal: Terminal, text: str) -> str:
        await terminal.says(do="line", text="size a")
        await terminal.until("message")
        await terminal.says(do="input", text=text)
        await terminal.says(do="end")
        return str((await terminal.until("note"))["text"])

    async def act(terminal: Terminal) -> None:
        assert await send(terminal, "abc\n") == "size: exit 0"
        await terminal.until("ready")
        assert "limit" in await send(terminal, "x" * 101)

    assert at_terminal(CONSOLE, admin, act).output == "a 4 4\n"


def test_secret_is_asked_for_and_stands_nowhere(admin: User, verb: Make) -> None:
    verb("secrets", "/bin/cat", types=("secret",), mode="interactive", transcript="full")

    async def act(terminal: Terminal) -> None:
        await terminal.says(do="line", text="secrets -")
        assert (await terminal.until("asks"))["label"] == "P0"
        await terminal.says(do="input", text="xyzzy-plugh")
        await terminal.until("runs")
        await terminal.says(do="end")
        assert (await terminal.until("note"))["text"] == "secrets: exit 0"

    told = at_terminal(CONSOLE, admin, act)
    assert "xyzzy-plugh" not in stored()
    assert told.output == "xyzzy-plugh\n"  # the program itself has it, and says it


def test_control_characters_of_a_program_are_made_visible(admin: User, verb: Make) -> None:
    verb("prints", "prints", r"\033[31mred\r\a\0377\n", types=())

    async def act(terminal: Terminal) -> None:
        await terminal.runs("prints")

    assert at_terminal(CONSOLE, admin, act).output == "\\x1b[31mred\\x0d\\x07\\xff\n"


def test_interrupt_cancels_and_a_second_one_kills(admin: User, verb: Make) -> None:
    verb("deaf", "ignores-term")

    async def act(terminal: Terminal) -> None:
        await terminal.says(do="line", text="deaf")
        await terminal.until_shown("\n")
        await terminal.says(do="interrupt")
        assert "Cancelling deaf" in (await terminal.until("note"))["text"]
        await terminal.says(do="interrupt")
        assert (await terminal.until("note"))["text"] == "deaf: canceled"

    at_terminal(CONSOLE, admin, act)


def test_interrupt_of_what_is_asked_for_runs_nothing(admin: User, verb: Make) -> None:
    verb("secrets", "/bin/cat", types=("secret",))

    async def act(terminal: Terminal) -> None:
        await terminal.says(do="line", text="secrets -")
        await terminal.until("asks")
        await terminal.says(do="interrupt")
        assert (await terminal.until("note"))["text"] == "Cancelled."
        await terminal.until("ready")
        assert "Refused" in await terminal.runs("nothing")  # it goes on

    at_terminal(CONSOLE, admin, act)
    assert [event[0] for event in events()] == ["reject"]


def test_leaving_the_page_ends_what_runs(admin: User, verb: Make) -> None:
    verb("waits", "never-reads")

    async def act(terminal: Terminal) -> None:
        await terminal.says(do="line", text="waits")
        await terminal.until_shown("ready")

    at_terminal(CONSOLE, admin, act)
    assert events()[-1][:2] == ("exit", "client-gone")


def test_session_that_ends_closes_it_and_ends_what_runs(admin: User, verb: Make) -> None:
    verb("waits", "never-reads")

    async def act(terminal: Terminal) -> None:
        await terminal.says(do="line", text="waits")
        await terminal.until_shown("ready")
        await in_thread(Session.objects.all().delete)
        assert await closed_with(terminal) == FORBIDDEN

    at_terminal(CONSOLE, admin, act)
    assert events()[-1][:2] == ("exit", "client-gone")


def test_slow_page_holds_the_program_up(admin: User, verb: Make) -> None:
    verb("flood", "flood", output_limit=2**30, idle_limit=1)

    async def act(terminal: Terminal) -> None:
        terminal.shows = False
        await terminal.says(do="line", text="flood")
        assert "took too long" in (await terminal.until("note"))["text"]  # nothing went out while it was not shown

    assert len(at_terminal(CONSOLE, admin, act).output) <= WINDOW + PIECE


def test_verb_of_messages_is_for_imap_alone(admin: User, verb: Make) -> None:
    verb("learn", "/bin/cat", types=("uids",))

    async def act(terminal: Terminal) -> None:
        assert "over IMAP alone" in await terminal.runs("learn 1:3")

    at_terminal(CONSOLE, admin, act)
    assert events() == []


@pytest.mark.parametrize(
    "message",
    [
        {"do": "nothing"},
        {"do": "line", "text": 7},
        {"do": "line", "text": "\ud800"},
        {"do": "shown", "size": 1},
        {"do": "run", "user": "ann", "line": ""},
    ],
)
def test_message_without_sense_closes_it(admin: User, message: dict[str, object]) -> None:
    async def act(terminal: Terminal) -> None:
        await terminal.says(**message)
        assert await closed_with(terminal) == BAD

    at_terminal(CONSOLE, admin, act)


def test_too_much_that_is_typed_ahead_closes_it(admin: User, verb: Make) -> None:
    verb("waits", "never-reads", mode="interactive", input_limit=2**30)

    async def act(terminal: Terminal) -> None:
        await terminal.says(do="line", text="waits")
        await terminal.until("runs")
        for _ in range(10):  # two fit into what may wait, one into the pipe
            await terminal.says(do="input", text="x" * 60_000)
        assert await closed_with(terminal) == BAD

    at_terminal(CONSOLE, admin, act)
    assert events()[-1][:2] == ("exit", "client-gone")
