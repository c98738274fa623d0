"""The one door to running anything: authorize, record, start, carry, record.

An execution knows nothing of the protocol that carries it: IMAP's forms, a console, a command line are all a `Carry`.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

from commands.attempt import Accepted, Attempt, End
from commands.audit import record_exit
from commands.authorization import Refused, authorize, record_limit
from commands.execution.executable import ExecutableUnavailable
from commands.execution.kinds import START
from commands.execution.output import Output
from commands.execution.revocation import watch
from commands.execution.running import GRACE_SECONDS, Execution
from commands.execution.slots import NoSlotFree, take_slot
from commands.live.executions import shown
from commands.live.tap import Tap
from commands.message import Message, Messages
from commands.outcome import Outcome

__all__ = ["Carry", "Execution", "Output", "run"]

logger = logging.getLogger(__name__)

Carry = Callable[[Execution], Awaitable[None]]
AskForNews = Callable[[], Coroutine[Any, Any, None]]


async def run(
    attempt: Attempt, carry: Carry, messages: Messages | None = None, ask_for_news: AskForNews | None = None
) -> End:
    """Run a verb to its end, under policy, limits and record. Refused: nothing has run.

    Arguments may name messages: then it runs once for each that `messages` gives, until one run fails, and `carry` is
    awaited for each; without `messages` such an execution can't be carried.

    `carry` is awaited while it runs: it takes the output with `read()` until that gives None, and may `write()`.
    A ConnectionError from it means that the client is gone. Cancelled, this ends the execution and goes on only when
    its exit is recorded.

    `ask_for_news` is awaited when a verb that may change mail has ended.
    """
    way = _Run(attempt, carry, messages, ask_for_news)
    task = asyncio.get_running_loop().create_task(way.to_the_end())
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
            way.client_gone()
    if cancelled is not None:
        with contextlib.suppress(Refused):
            task.result()
        raise cancelled
    return task.result()


class _Run:
    """One way through the door, as a task that nobody cancels: what has started is ended and recorded."""

    def __init__(
        self, attempt: Attempt, carry: Carry, messages: Messages | None, ask_for_news: AskForNews | None
    ) -> None:
        self._attempt = attempt
        self._carry = carry
        self._messages = messages
        self._ask_for_news = ask_for_news
        self._gone = False
        self._stopped: Outcome | None = None
        self._reason = ""
        self._execution: Execution | None = None
        self._tap: Tap | None = None
        self._carrying: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None

    async def to_the_end(self) -> End:
        try:
            with take_slot(self._attempt.user_id):
                end = await self._from_the_gate_on()
        except NoSlotFree as error:
            await record_limit(self._attempt)
            raise Refused(Outcome.LIMIT, str(error)) from error
        finally:
            # Without a slot: nothing runs any more, and a client that stalls in a command holds the news up for long.
            if self._asking is not None:
                await self._asking
        return end

    async def _from_the_gate_on(self) -> End:
        accepted = await authorize(self._attempt)
        if self._gone:
            return await _record(accepted, _nothing_ran(accepted, Outcome.CLIENT_GONE))
        with watch.over(accepted, self._stop), shown(accepted, self._stop, self._use_tap) as running:
            running.came_out = end = await self._start(accepted)
        return end

    def client_gone(self) -> None:
        self._gone = True
        self._stop(Outcome.CLIENT_GONE)
        for task in (self._carrying, self._asking):
            if task is not None:
                task.cancel()

    async def _start(self, accepted: Accepted) -> End:
        try:
            if accepted.match.uids is None:
                await self._run(accepted, None)
            elif self._messages is None:
                return await _record(accepted, _nothing_ran(accepted, Outcome.CANNOT))
            else:
                await self._run_for_each(accepted, self._messages(accepted.match.uids, accepted.verb.input_limit))
        except (ConnectionError, TimeoutError) as error:
            logger.warning(
                "%s, execution %s: %s", accepted.verb.name, accepted.execution_id, error or "no message comes"
            )
            self._stop(Outcome.UNAVAILABLE)
        except ExecutableUnavailable as error:
            logger.error("%s can't be started: %s", accepted.verb.name, error)
            if self._execution is None:
                await _record(accepted, _nothing_ran(accepted, Outcome.UNAVAILABLE))
                raise Refused(Outcome.UNAVAILABLE, f"{accepted.verb.name} is not available") from error
            self._stop(Outcome.ERROR)
        except Exception:
            logger.exception("%s can't be started", accepted.verb.name)
            if self._execution is None:
                return await _record(accepted, _nothing_ran(accepted, Outcome.ERROR))
            self._stop(Outcome.ERROR)
        finally:
            if self._execution is not None:
                self._execution.close()
        if self._execution is None:
            # None of the messages is there, or the first can't be had.
            nothing = _nothing_ran(accepted, self._stopped or Outcome.EXIT, self._reason)
            return await _record(accepted, nothing if self._stopped else replace(nothing, code=0))
        return await self._finish(accepted, self._execution)

    async def _finish(self, accepted: Accepted, execution: Execution) -> End:
        if accepted.verb.changes_mail and self._ask_for_news is not None and not self._gone:
            # At once, not when it is recorded: the mail engine answers while the disk writes.
            self._asking = asyncio.get_running_loop().create_task(self._ask_for_news())
        digest = await execution.finish_transcript()  # before it is known how it came out: it may be lost here
        return await _record(accepted, replace(_came_out(accepted, execution), transcript_digest=digest))

    def _stop(self, cause: Outcome, reason: str = "") -> None:
        """End what runs, and let no further run follow."""
        if self._stopped is None:
            self._stopped, self._reason = cause, reason
        if self._execution is not None:
            self._execution.end(cause, reason)

    def _use_tap(self, tap: Tap | None) -> None:
        self._tap = tap
        if self._execution is not None:
            self._execution.tap = tap

    async def _run_for_each(self, accepted: Accepted, messages: AsyncIterator[Message]) -> None:
        async for message in messages:
            if self._stopped is not None:
                return
            if message.size > accepted.verb.input_limit:
                self._stop(Outcome.LIMIT)
                return
            attempt = replace(accepted.attempt, input_size=message.size)
            await self._run(replace(accepted, attempt=attempt, uid=message.uid), message)
            if self._execution is None or not self._execution.may_go_on:
                return
            self._execution.more_to_come = True

    async def _run(self, accepted: Accepted, message: Message | None) -> None:
        executable = await START[accepted.verb.kind](accepted)
        if self._execution is None or message is None:
            self._execution = Execution(accepted, executable, message)
            self._execution.tap = self._tap
        else:
            self._execution.run_again(executable, message)
        if self._stopped is not None:  # while it was being started
            self._execution.end(self._stopped, self._reason)
        await self._carry_to_the_end(self._execution)

    async def _carry_to_the_end(self, execution: Execution) -> None:
        loop = asyncio.get_running_loop()
        self._carrying = loop.create_task(self._carry_safely(execution))
        feeding = None if execution.message is None else loop.create_task(execution.feed_message())
        try:
            await execution.wait()
            await _let_finish(self._carrying, execution)
        finally:
            self._carrying.cancel()
            if feeding is not None:
                feeding.cancel()
        unfinished = [task for task in (self._carrying, feeding) if task is not None and not task.done()]
        if unfinished:  # else it would take a turn of the loop to find that out
            await asyncio.wait(unfinished)

    async def _carry_safely(self, execution: Execution) -> None:
        try:
            await self._carry(execution)
        except (ConnectionError, asyncio.CancelledError):
            execution.end(Outcome.CLIENT_GONE)
        except Exception:
            logger.exception("%s, execution %s: its form failed", execution.verb.name, execution.id)
            execution.end(Outcome.ERROR)
        finally:
            if execution.cause is None:  # else it would take the half of its input for all of it, before it is ended
                execution.close_input()


async def _record(accepted: Accepted, end: End) -> End:
    await record_exit(accepted, end)
    return end


async def _let_finish(carrying: asyncio.Task[None], execution: Execution) -> None:
    """Wait for the carrier to deliver what the executable has left: as long as its client takes any of it."""
    while not carrying.done():
        delivered = execution.bytes_out
        patience = execution.verb.idle_limit if execution.cause is None else GRACE_SECONDS + 1
        await asyncio.wait([carrying], timeout=patience)
        if execution.cause is not None or execution.bytes_out == delivered:
            return


def _nothing_ran(accepted: Accepted, outcome: Outcome, reason: str = "") -> End:
    seconds = time.monotonic() - accepted.started
    return End(outcome, code=None, bytes_in=0, bytes_out=0, seconds=seconds, reason=reason)


def _came_out(accepted: Accepted, execution: Execution) -> End:
    outcome, code = execution.result()
    seconds = time.monotonic() - accepted.started
    return End(outcome, code, execution.bytes_in, execution.bytes_out, seconds, reason=execution.reason)
