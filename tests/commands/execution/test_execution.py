"""The one door: authorized and recorded before it starts, carried, and its exit recorded, whatever happens."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
import uvloop
from django.contrib.auth import get_user_model
from django.db import connection

from commands.attempt import Attempt, End
from commands.authorization import Refused
from commands.execution.execution import Carry, Execution, run
from commands.message import Message
from commands.models import AuditEvent, Parameter, Rule, Signature, Verb
from commands.models import Execution as ExecutionRow
from commands.outcome import Outcome

from .conftest import PROGRAMS, children, descriptors, until_gone

pytestmark = pytest.mark.django_db(transaction=True)

User = get_user_model()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def on_loop(request) -> Callable:
    """Run a coroutine on either kind of loop. Nothing of it may be left afterwards."""

    def on_loop(coroutine):
        async def within() -> object:
            before = descriptors() | children()
            async with asyncio.timeout(20):
                result = await coroutine
            assert descriptors() | children() <= before
            return result

        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(within())

    return on_loop


@pytest.fixture
def attempt() -> Callable[..., Attempt]:
    """Puts a verb into the map that ann may run, and makes her attempt: `attempt("exits", "3", time_limit=1)`."""
    user = User.objects.create_user("ann")

    def attempt(program: str, *arguments: str, **fields) -> Attempt:
        verb = Verb.objects.create(
            name=f"v{Verb.objects.count()}", argv=[str(PROGRAMS / program), *arguments], **fields
        )
        Parameter.objects.create(signature=Signature.objects.create(verb=verb), name="any", optional=True)
        Rule.objects.create(user=user, verb=verb)
        return Attempt(user.pk, "ann", verb.name, (), door="test")

    return attempt


async def read_all(execution: Execution) -> None:
    while await execution.read():
        pass


async def outcome_of(attempt: Attempt, carry: Carry = read_all) -> Outcome:
    try:
        return (await run(attempt, carry)).outcome
    except Refused as refused:
        return refused.outcome


def recorded() -> list[tuple[str, str]]:
    return list(AuditEvent.objects.order_by("pk").values_list("kind", "outcome"))


def test_execution_is_recorded_before_and_after(on_loop, attempt):
    output = []

    async def carry(execution: Execution) -> None:
        await execution.write(b"hello\n")
        execution.close_input()
        while piece := await execution.read():
            output.append(piece.data)

    end = on_loop(run(attempt("says-pid"), carry))
    bytes_out = len(b"".join(output))
    assert end == End(Outcome.EXIT, 0, 6, bytes_out, end.seconds)
    assert 0 < end.seconds < 10
    assert recorded() == [("accept", "accepted"), ("exit", "exit")]
    accept, exit = AuditEvent.objects.order_by("pk")
    assert accept.execution_id == exit.execution_id
    assert (exit.exit_code, exit.bytes_in, exit.bytes_out) == (0, 6, bytes_out)
    row = ExecutionRow.objects.get(pk=accept.execution_id)
    assert (row.outcome, row.exit_code, row.bytes_out) == ("exit", 0, bytes_out)


@pytest.mark.parametrize(
    ("program", "outcome", "code"),
    [(("exits", "3"), "exit", 3), (("dies", "KILL"), "signal", 9), (("octets", "2000000"), "limit", None)],
)
def test_how_it_came_out_is_returned_and_recorded(on_loop, attempt, program, outcome, code):
    end = on_loop(run(attempt(*program), read_all))
    assert (end.outcome, end.code) == (outcome, code)
    event = AuditEvent.objects.get(kind="exit")
    assert (event.outcome, event.exit_code) == (outcome, code)


def test_nothing_runs_that_is_not_allowed(on_loop, attempt, tmp_path):
    refused = attempt("canary", str(tmp_path / "canary"))
    Rule.objects.all().delete()
    assert on_loop(outcome_of(refused)) == Outcome.NOPERM
    assert not (tmp_path / "canary").exists()
    assert recorded() == [("reject", "noperm")]


def test_nothing_runs_that_is_not_recorded(on_loop, attempt, tmp_path):
    unrecorded = attempt("canary", str(tmp_path / "canary"))
    rename("commands_auditevent", "away")
    try:
        assert on_loop(outcome_of(unrecorded)) == Outcome.UNAVAILABLE
    finally:
        rename("away", "commands_auditevent")
    assert not (tmp_path / "canary").exists()
    assert on_loop(outcome_of(unrecorded)) == Outcome.EXIT
    assert (tmp_path / "canary").exists()


def rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")


def test_what_cannot_be_started_is_unavailable_and_its_exit_recorded(on_loop, attempt):
    with pytest.raises(Refused) as caught:
        on_loop(run(attempt("no-such-program"), read_all))
    assert caught.value.outcome == Outcome.UNAVAILABLE
    assert caught.value.text.isascii()
    assert str(PROGRAMS) not in caught.value.text
    assert recorded() == [("accept", "accepted"), ("exit", "unavailable")]


def test_client_that_is_gone_ends_the_execution(on_loop, attempt):
    async def carry(execution: Execution) -> None:
        await execution.read()
        raise ConnectionResetError

    assert on_loop(outcome_of(attempt("never-reads"), carry)) == Outcome.CLIENT_GONE
    assert recorded()[-1] == ("exit", "client-gone")


def test_fault_of_the_form_ends_the_execution_as_an_error_and_is_logged(on_loop, attempt, caplog):
    async def carry(execution: Execution) -> None:
        await execution.read()
        raise ValueError("a bug")

    assert on_loop(outcome_of(attempt("never-reads"), carry)) == Outcome.ERROR
    assert recorded()[-1] == ("exit", "error")
    (record,) = [record for record in caplog.records if record.name.startswith("commands.execution")]
    assert str(record.exc_info[1]) == "a bug"


def test_cancelled_run_ends_the_program_and_records_its_exit_before_it_goes_on(on_loop, attempt):
    pids = []

    async def conversation() -> None:
        reading = asyncio.Event()

        async def carry(execution: Execution) -> None:
            pids.append(int((await execution.read()).data))
            reading.set()
            await read_all(execution)

        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(run(attempts, carry))
            await reading.wait()
            running.cancel()
            await asyncio.sleep(0)
            running.cancel()  # once more, while it is being ended
        assert running.cancelled()
        await until_gone(pids[0])

    attempts = attempt("says-pid")
    on_loop(conversation())
    assert recorded() == [("accept", "accepted"), ("exit", "client-gone")]


def test_client_that_goes_while_the_attempt_is_recorded_starts_nothing(on_loop, attempt, tmp_path):
    async def conversation() -> None:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(run(attempts, read_all))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            running.cancel()
        assert running.cancelled()

    attempts = attempt("canary", str(tmp_path / "canary"))
    on_loop(conversation())
    assert recorded() == [("accept", "accepted"), ("exit", "client-gone")]
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("comes", [True, False])
def test_client_that_goes_while_its_message_is_fetched_starts_nothing(on_loop, attempt, tmp_path, comes):
    wish = attempt("canary", str(tmp_path / "canary"))
    Parameter.objects.create(signature=Signature.objects.create(verb=Verb.objects.get()), name="uids", type="uids")
    Parameter.objects.filter(name="any").delete()
    wish = replace(wish, arguments=(b"1",))

    async def conversation() -> None:
        fetching, gone = asyncio.Event(), asyncio.Event()

        async def messages(uids: tuple[int, ...], limit: int) -> AsyncIterator[Message]:
            fetching.set()
            await gone.wait()
            if not comes:
                raise ConnectionResetError("so is the engine")
            yield Message(1, 1, io.BytesIO(b"x"))

        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(run(wish, read_all, messages))
            await fetching.wait()
            running.cancel()
            await asyncio.sleep(0)
            gone.set()
        assert running.cancelled()

    on_loop(conversation())
    assert recorded() == [("accept", "accepted"), ("exit", "client-gone")]
    assert not (tmp_path / "canary").exists()


def test_slow_client_gets_all_that_was_left_when_the_program_ended(on_loop, attempt):
    async def carry(execution: Execution) -> None:
        while await execution.read():
            await asyncio.sleep(0.3)

    end = on_loop(run(attempt("octets", "300000", idle_limit=1), carry))
    assert (end.outcome, end.bytes_out) == (Outcome.EXIT, 300_000)
    assert end.seconds > 1


def test_client_that_takes_nothing_is_waited_for_no_longer_than_the_idle_limit(on_loop, attempt):
    async def carry(execution: Execution) -> None:
        await asyncio.Event().wait()

    end = on_loop(run(attempt("exits", "0", idle_limit=1), carry))
    assert (end.outcome, end.code) == (Outcome.EXIT, 0)
    assert 1 <= end.seconds < 2


def test_client_that_takes_nothing_after_an_end_by_us_is_waited_for_a_second_past_the_grace(
    on_loop, attempt, monkeypatch
):
    monkeypatch.setattr("commands.execution.execution.GRACE_SECONDS", 0)

    async def carry(execution: Execution) -> None:
        await execution.read()
        execution.end(Outcome.CANCELED)
        await asyncio.Event().wait()

    end = on_loop(run(attempt("never-reads"), carry))
    assert end.outcome == Outcome.CANCELED
    assert 1 <= end.seconds < 2


@pytest.mark.parametrize("limits", [{"EXECUTIONS_PER_USER": 2}, {"EXECUTIONS": 2}])
def test_too_many_at_once_are_refused_and_slots_come_back(on_loop, attempt, settings, limits):
    settings.IMAPX = settings.IMAPX | limits

    async def conversation() -> list[Outcome]:
        both_run = asyncio.Barrier(3)

        async def carry(execution: Execution) -> None:
            await both_run.wait()
            await read_all(execution)

        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(run(long, carry)) for _ in range(2)]
            await both_run.wait()
            over = [await outcome_of(short), await outcome_of(missing)]
            for task in running:
                task.cancel()
        after = [await outcome_of(each) for each in (short, missing, denied, missing, denied, short)]
        return over + after

    long, short, missing = attempt("never-reads"), attempt("exits", "0"), attempt("no-such-program")
    Rule.objects.create(
        effect="deny", everyone=True, verb=Verb.objects.get(name=(denied := attempt("exits", "0")).verb)
    )
    assert on_loop(conversation()) == [
        "limit",
        "limit",
        "exit",
        "unavailable",
        "noperm",
        "unavailable",
        "noperm",
        "exit",
    ]
    assert recorded().count(("reject", "limit")) == 2
    assert AuditEvent.objects.filter(kind="accept").count() == AuditEvent.objects.filter(kind="exit").count()


def test_one_user_cannot_take_the_slots_of_another(on_loop, attempt, settings):
    settings.IMAPX = settings.IMAPX | {"EXECUTIONS_PER_USER": 1}
    other = User.objects.create_user("bob")

    async def carry(execution: Execution) -> None:
        assert await outcome_of(of_ann) == Outcome.LIMIT
        assert await outcome_of(of_bob) == Outcome.EXIT
        execution.end(Outcome.CANCELED)

    of_ann = attempt("exits", "0")
    Rule.objects.create(user=other, verb=Verb.objects.get())
    of_bob = Attempt(other.pk, "bob", of_ann.verb, (), door="test")
    assert on_loop(outcome_of(attempt("never-reads"), carry)) == Outcome.CANCELED


def exit_is_recorded() -> bool:
    try:
        return AuditEvent.objects.filter(kind="exit").exists()
    finally:
        connection.close()  # of a thread of its own


def test_news_is_asked_for_after_the_end_while_that_is_recorded(on_loop, attempt):
    before, running = children(), []

    async def ask_for_news() -> None:
        running.append(children())
        while not await asyncio.to_thread(exit_is_recorded):
            await asyncio.sleep(0.01)

    end = on_loop(run(attempt("exits", "3", changes_mail=True), read_all, None, ask_for_news))
    assert end.code == 3
    assert running == [before]


def test_news_is_asked_for_only_where_mail_may_have_changed(on_loop, attempt):
    asked = []

    async def ask_for_news() -> None:
        asked.append(True)

    on_loop(run(attempt("exits", "0"), read_all, None, ask_for_news))
    with pytest.raises(Refused):
        on_loop(run(attempt("no-such-program", changes_mail=True), read_all, None, ask_for_news))
    assert asked == []


def test_exit_is_recorded_when_there_is_nobody_left_to_ask_for_news(on_loop, attempt):
    async def ask_for_news() -> None:
        raise ConnectionResetError("the mail engine is gone")

    with pytest.raises(ConnectionResetError):
        on_loop(run(attempt("exits", "0", changes_mail=True), read_all, None, ask_for_news))
    assert exit_is_recorded()


def test_client_that_goes_does_not_wait_for_news(on_loop, attempt):
    changes = attempt("exits", "0", changes_mail=True)

    async def within() -> None:
        asking = asyncio.Event()

        async def ask_for_news() -> None:
            asking.set()
            await asyncio.Event().wait()

        task = asyncio.get_running_loop().create_task(run(changes, read_all, None, ask_for_news))
        await asking.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    on_loop(within())
    assert exit_is_recorded()


def test_wait_for_news_takes_no_slot(on_loop, attempt, settings):
    settings.IMAPX = {**settings.IMAPX, "EXECUTIONS": 1}
    changes, other = attempt("exits", "3", changes_mail=True), attempt("exits", "0")

    async def within() -> tuple[End, Outcome]:
        asking, answered = asyncio.Event(), asyncio.Event()

        async def ask_for_news() -> None:
            asking.set()
            await answered.wait()

        task = asyncio.get_running_loop().create_task(run(changes, read_all, None, ask_for_news))
        await asking.wait()
        while (outcome := await outcome_of(other)) is Outcome.LIMIT:  # until the exit is recorded
            await asyncio.sleep(0.01)
        answered.set()
        return await task, outcome

    end, outcome = on_loop(within())
    assert (end.code, outcome) == (3, Outcome.EXIT)
