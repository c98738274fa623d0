"""The thread that alone writes to the audit store: what has gathered while it wrote goes into one transaction."""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db import Error as StoreError
from django.db import InterfaceError, OperationalError, connection, transaction

logger = logging.getLogger(__name__)

T = TypeVar("T")

# A batch is one fsync however long it is, but everybody in it waits for the last: some 50 ms of inserts.
BATCH_SIZE = 64
# What a store that hangs may leave waiting in memory; who comes after that is refused at once.
QUEUE_SIZE = 4096


class StoreUnavailable(Exception):
    """The store can't be written to, or not in time. What was to be recorded must not happen."""


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    unit: Callable[[], Any]
    undo: Callable[[Any], object] | None
    answer: Future[Any] | None  # None: nobody waits for it


_Queue = queue.SimpleQueue[_Job | None]  # None ends the thread, after all that was put before it


class Writer:
    """One daemon thread with its own database connection. It starts by itself and may be stopped and started again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._queue: _Queue = queue.SimpleQueue()

    def start(self) -> None:
        with self._lock:
            self._start()

    def stop(self) -> None:
        """Write what is queued, end the thread, close its connection. Blocks; not for long if the store hangs."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._queue.put(None)
        if thread is not None and thread.is_alive():
            thread.join(timeout=2 * settings.IMAPX["AUDIT_SECONDS"])
            if thread.is_alive():
                logger.error("The audit store hangs: some events may not have been recorded.")

    async def submit(self, unit: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
        """Run `unit` in a transaction of the writer's thread; its value is returned after the COMMIT.

        Raises StoreUnavailable if that fails or takes longer than AUDIT_SECONDS, and what the unit itself raised:
        nothing of it is recorded then. A unit may be run twice, when another one has spoilt their transaction, so
        it touches nothing but the database.

        `undo` is for a unit that was, or may have been, committed after all, when the caller had already been told
        otherwise or was cancelled: it is run with the unit's value, as a unit that nobody waits for.
        """
        answer: Future[T] = Future()
        self._put(_Job(unit, undo, answer))
        taken = False
        try:
            async with asyncio.timeout(settings.IMAPX["AUDIT_SECONDS"]):
                value = await asyncio.wrap_future(answer)
                taken = True
                return value
        except TimeoutError as error:
            raise StoreUnavailable("the audit store did not answer in time") from error
        finally:
            # Cancelled in time, the writer undoes it; else it is too late for that, and it is done from here.
            if not taken and not answer.cancel() and answer.exception() is None:
                self._put_undo(undo, answer.result())

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._queue = queue.SimpleQueue()
            self._thread = threading.Thread(target=self._run, args=(self._queue,), name="audit", daemon=True)
            self._thread.start()

    def _put(self, job: _Job) -> None:
        with self._lock:
            self._start()
            if self._queue.qsize() >= QUEUE_SIZE:
                raise StoreUnavailable("too much waits for the audit store")
            self._queue.put(job)

    def _put_undo(self, undo: Callable[[Any], object] | None, value: Any) -> None:
        if undo is None:
            return
        try:
            self._put(_Job(lambda: undo(value), None, None))
        except StoreUnavailable:
            logger.exception("Not recorded: that %r was not used", value)

    def _run(self, jobs: _Queue) -> None:
        try:
            more = True
            while more:
                batch, more = _gather(jobs)
                if batch:
                    self._write(batch)
        finally:
            connection.close()

    def _write(self, batch: Sequence[_Job]) -> None:
        error = self._commit(batch)
        if error is None:
            return
        logger.error("The audit store refused a batch of %d", len(batch), exc_info=error)
        try:
            connection.close_if_unusable_or_obsolete()
            with transaction.atomic():
                pass
        except StoreError:  # no store at all: to try each would take each its own time-out
            for job in batch:
                self._answer(job, error=error)
            return
        for job in batch:
            alone = self._commit([job])
            if alone is not None:
                connection.close_if_unusable_or_obsolete()
                self._answer(job, error=alone)

    def _commit(self, batch: Sequence[_Job]) -> Exception | None:
        """Write all of `batch` and answer it, or nothing of it and return why."""
        values: list[Any] = []
        try:
            with transaction.atomic():
                _ask_for_durability()
                for job in batch:
                    values.append(job.unit())
        except (InterfaceError, OperationalError) as error:
            if len(values) < len(batch):
                return error
            # The connection broke in the COMMIT: it may be written or not, and a second try could write it twice.
            for job, value in zip(batch, values, strict=True):
                self._answer(job, error=error)
                self._undo(job, value)
            return None
        except Exception as error:  # a unit's own: its caller gets it, and the thread goes on
            return error
        for job, value in zip(batch, values, strict=True):
            self._answer(job, value=value)
        return None

    def _answer(self, job: _Job, value: Any = None, error: Exception | None = None) -> None:
        """Tell the caller; if it has given up, undo."""
        if job.answer is None:
            if error is not None:
                logger.error("Not recorded: that an execution did not start", exc_info=error)
        elif not job.answer.set_running_or_notify_cancel():
            if error is None:
                self._undo(job, value)
        elif isinstance(error, StoreError):
            unavailable = StoreUnavailable(str(error))
            unavailable.__cause__ = error
            job.answer.set_exception(unavailable)
        elif error is not None:
            job.answer.set_exception(error)
        else:
            job.answer.set_result(value)

    def _undo(self, job: _Job, value: Any) -> None:
        """As `_put_undo`, on the writer's thread: at once, since it may be the last thing that it does."""
        undo = job.undo
        if undo is not None:
            self._write([_Job(lambda: undo(value), None, None)])


def _ask_for_durability() -> None:
    """For SQLite the settings do (synchronous=FULL); a PostgreSQL server may have it off for all that don't ask."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO on")


def _gather(jobs: _Queue) -> tuple[list[_Job], bool]:
    """Wait for a job and take what is there; False: these are the last."""
    batch: list[_Job] = []
    job = jobs.get()
    while job is not None:
        batch.append(job)
        if len(batch) == BATCH_SIZE or jobs.empty():
            return batch, True
        job = jobs.get()
    return batch, False
