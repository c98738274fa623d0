"""The thread that alone writes to the audit store: what has gathered while it wrote goes into one transaction."""

import asyncio
import atexit
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections, transaction
from django.db import Error as StoreError
from django.db.backends.base.base import BaseDatabaseWrapper

from commands import metrics, rows
from commands.audit_job import AsyncJob, BlockingJob, Job, StoreUnavailable
from commands.evidence.head import Head
from commands.rows.postgresql import Uncertain, is_broken

__all__ = ["StoreUnavailable", "Writer"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

# A batch is one fsync however long it is, but everybody in it waits for the last: some 20 ms.
BATCH_SIZE = 256
# What a store that hangs may leave waiting in memory; who comes after that is refused at once.
QUEUE_SIZE = 4096
# How long nothing may come until the writer looks what else is due.
TICK_SECONDS = 5.0

_Queue = queue.SimpleQueue[Job | None]  # None ends the thread, after all that was put before it


class Writer:
    """One daemon thread with its own database connection. It starts by itself and may be stopped and started again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._queue: _Queue = queue.SimpleQueue()
        self._oldest: float | None = None
        """When the first unit of the batch that is being written was queued."""

    def waiting(self) -> int:
        """Units that are queued."""
        return self._queue.qsize()

    def lag(self) -> float:
        """For how many seconds the oldest unit has waited that is not written yet."""
        oldest = self._oldest
        return 0.0 if oldest is None else time.monotonic() - oldest

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
        nothing of it is recorded then. A unit may be run twice, when another one has spoilt their transaction or the
        map has changed, so it touches nothing but the database.

        `undo` is for a unit that was, or may have been, committed after all, when the caller had already been told
        otherwise or was cancelled: it is run with the unit's value, as a unit that nobody waits for.
        """
        job = AsyncJob(unit, undo)
        begun = time.perf_counter()
        self._put(job)
        taken = False
        try:
            value: T = await job.wait(settings.IMAPX["AUDIT_SECONDS"])
            taken = True
            return value
        except TimeoutError as error:
            raise StoreUnavailable("the audit store did not answer in time") from error
        finally:
            metrics.AUDIT_WAIT.observe(time.perf_counter() - begun)
            if not taken:
                self._give_up(job)

    def submit_now(self, unit: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
        """As `submit`, for a thread that may block: one without an event loop, and on SQLite without a transaction."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("the writer would wait for itself")
        if connection.vendor == "sqlite" and connection.in_atomic_block:
            raise StoreUnavailable("the transaction of who records holds the lock that the writer would wait for")
        job = BlockingJob(unit, undo)
        begun = time.perf_counter()
        self._put(job)
        taken = False
        try:
            value: T = job.wait(settings.IMAPX["AUDIT_SECONDS"])
            taken = True
            return value
        except TimeoutError as error:
            raise StoreUnavailable("the audit store did not answer in time") from error
        finally:
            metrics.AUDIT_WAIT.observe(time.perf_counter() - begun)
            if not taken:
                self._give_up(job)

    def _give_up(self, job: Job) -> None:
        # Claimed in time, the writer undoes it; else it is too late for that, and it is done from here.
        if not job.claim() and job.error is None:
            self._put_undo(job.undo, job.value)

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._queue = queue.SimpleQueue()
            atexit.unregister(self.stop)
            atexit.register(self.stop)  # the chain of a short command is ended too
            self._thread = threading.Thread(target=self._run, args=(self._queue,), name="audit", daemon=True)
            self._thread.start()

    def _put(self, job: Job) -> None:
        with self._lock:
            self._start()
            if self._queue.qsize() >= QUEUE_SIZE:
                raise StoreUnavailable("too much waits for the audit store")
            self._queue.put(job)

    def _put_undo(self, undo: Callable[[Any], object] | None, value: Any) -> None:
        if undo is None:
            return
        try:
            self._put(Job(lambda: undo(value)))
        except StoreUnavailable:
            logger.exception("Not recorded: that %r was not used", value)

    def _run(self, jobs: _Queue) -> None:
        try:
            _Thread(jobs, self._write_since).run()
        finally:
            self._oldest = None
            connection.close()

    def _write_since(self, oldest: float | None) -> None:
        self._oldest = oldest


class _Thread:
    """What the writer's thread does, with the chain that it writes."""

    def __init__(self, jobs: _Queue, write_since: Callable[[float | None], None]) -> None:
        self._jobs = jobs
        self._write_since = write_since
        self._head = Head()
        self._answered: list[Job] = []

    def run(self) -> None:
        more = True
        while more:
            batch, more = _gather(self._jobs)
            if batch:
                self._write_since(batch[0].made_at)
                self._write(batch)
                self._write_since(None)
                self._wake()
            self._see_to(self._head.tick)
        self._see_to(self._head.end)

    def _see_to(self, duty: Callable[[], None]) -> None:
        try:
            duty()
        except StoreError as error:
            logger.warning("It could not be noted that this process lives: %s", error)
            connection.close()

    def _write(self, batch: Sequence[Job]) -> None:
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

    def _commit(self, batch: Sequence[Job]) -> Exception | None:
        """Write all of `batch` and answer it, or nothing of it and return why."""
        values: list[Any] = []
        written = False
        while not written:
            values.clear()
            ready = False
            try:
                store = _usable_connection()
                with transaction.atomic(), rows.gathering(store) as gathered:
                    self._head.begin()
                    for job in batch:
                        values.append(job.unit())
                    gathered.finish()
                    ready = True
                written = True
            except rows.Stale:
                continue  # it has changed since the last batch: they are run by the map of now
            except (InterfaceError, OperationalError) as error:
                if not ready and not isinstance(error.__cause__, Uncertain):
                    return error
                # The connection broke in the COMMIT: it may be written or not, and a second try could write it twice.
                self._head.doubt()
                for job, value in zip(batch, values, strict=True):
                    self._answer(job, error=error)
                    self._undo(job, value)
                return None
            except Exception as error:  # a unit's own: its caller gets it, and the thread goes on
                return error
        self._head.commit()
        for job, value in zip(batch, values, strict=True):
            self._answer(job, value=value)
        return None

    def _answer(self, job: Job, value: Any = None, error: Exception | None = None) -> None:
        """Tell the caller; if it has given up, undo."""
        if not isinstance(job, AsyncJob | BlockingJob):
            if error is not None:
                logger.error("Not recorded: that an execution did not start", exc_info=error)
        elif job.settle(value, error):
            self._answered.append(job)
        elif error is None:
            self._undo(job, value)

    def _wake(self) -> None:
        """Those who are answered: one message to each event loop, since each costs it a turn."""
        answered, self._answered = self._answered, []
        loops: dict[asyncio.AbstractEventLoop, list[AsyncJob]] = {}
        for job in answered:
            if isinstance(job, AsyncJob):
                loops.setdefault(job.loop, []).append(job)
            elif isinstance(job, BlockingJob):
                job.wake()
        for loop, jobs in loops.items():
            try:
                loop.call_soon_threadsafe(_wake_all, jobs)
            except RuntimeError:  # it is closed: nobody has been answered
                for each in jobs:
                    if each.error is None:
                        self._undo(each, each.value)

    def _undo(self, job: Job, value: Any) -> None:
        """As `_put_undo`, on the writer's thread: at once, since it may be the last thing that it does."""
        undo = job.undo
        if undo is not None:
            self._write([Job(lambda: undo(value))])


def _wake_all(jobs: Iterable[AsyncJob]) -> None:
    for job in jobs:
        job.wake()


def _usable_connection() -> BaseDatabaseWrapper:
    """This thread's, made anew if the server has closed it.

    Before anything is sent: what is sent to a server that is gone may, for all one knows, have been committed."""
    store = connections[DEFAULT_DB_ALIAS]
    if store.vendor == "postgresql" and store.connection is not None and is_broken(store.connection):
        store.close()
    return store


def _gather(jobs: _Queue) -> tuple[list[Job], bool]:
    """Wait for a job, not too long, and take what is there; False: these are the last."""
    batch: list[Job] = []
    try:
        job = jobs.get(timeout=TICK_SECONDS)
        while job is not None:
            batch.append(job)
            if len(batch) == BATCH_SIZE:
                return batch, True
            job = jobs.get_nowait()
    except queue.Empty:
        return batch, True
    return batch, False
