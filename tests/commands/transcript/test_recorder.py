"""What is recorded of real executions, and what happens where it can't be."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from commands import audit
from commands.execution.execution import Execution
from commands.models import AuditEvent, TranscriptChunk
from commands.outcome import Outcome
from commands.transcript import recorder
from commands.transcript.digest import digest
from commands.transcript.reading import offset_at, read_chunks, sequence_before
from tests.support.stored import stored

from .conftest import chunks, read_all, run_it, says, text

pytestmark = pytest.mark.django_db(transaction=True)


def rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")


def test_both_directions_are_recorded_in_their_order_with_their_times(attempt):
    end = run_it(attempt("enquires"), says(b"ann\n", b"york\n", wait_for=b"\x05"))
    assert (end.outcome, end.code) == (Outcome.EXIT, 0)
    recorded = chunks()
    assert "".join(chunk.stream for chunk in recorded).replace("oo", "o") == "oioio"
    assert text("i") == b"ann\nyork\n"
    assert text("o") == b"name?\n\x05\ntown?\n\x05\nann of york\n"
    assert [chunk.sequence for chunk in recorded] == list(range(1, len(recorded) + 1))
    offsets = [chunk.offset for chunk in recorded]
    assert offsets == sorted(offsets)
    name, town = (
        next(chunk.offset for chunk in recorded if word in bytes(chunk.data)) for word in (b"ann\n", b"town?")
    )
    assert town - name >= 200_000  # it thinks for so many microseconds
    assert (end.bytes_in, end.bytes_out) == tuple(sum(chunk.size for chunk in chunks(s)) for s in "io")


@pytest.mark.parametrize("send_stderr", [True, False])
def test_standard_error_is_recorded_whether_the_client_gets_it_or_not(attempt, send_stderr: bool):
    run_it(attempt("both-streams", send_stderr=send_stderr))
    assert (text("o"), text("e")) == (b"out\n", b"err\n")


def test_metadata_has_sizes_and_times_and_no_data(attempt):
    end = run_it(attempt("says-pid", transcript="metadata"), says(b"hunter2\n"))
    assert {chunk.data for chunk in chunks()} == {None}
    assert sum(chunk.size for chunk in chunks("i")) == 8
    assert sum(chunk.size for chunk in chunks("o")) == end.bytes_out
    assert "hunter2" not in stored()


def test_without_a_transcript_there_is_no_recorder(attempt):
    seen = []

    async def carry(execution: Execution) -> None:
        seen.append(execution._recorder)
        await read_all(execution)

    end = run_it(attempt("prints", "x", transcript="none"), carry)
    assert (seen, end.transcript_digest) == ([None], None)
    assert not TranscriptChunk.objects.exists()


@pytest.mark.parametrize("transcript", ["full", "metadata"])
def test_digest_of_the_end_is_of_what_can_be_read(attempt, transcript: str):
    end = run_it(attempt("says-pid", transcript=transcript), says(b"one\n", b"two\n"))
    execution_id = chunks()[0].execution_id
    assert end.transcript_digest == digest(read_chunks(execution_id))
    first, *rest = read_chunks(execution_id)
    for changed in ([first, *rest[1:]], [first._replace(offset=first.offset + 1), *rest], [*rest, first]):
        assert end.transcript_digest != digest(changed)


def test_exit_event_has_the_digest(attempt):
    end = run_it(attempt("prints", "x"))
    event = AuditEvent.objects.get(kind="exit")
    assert bytes(event.transcript_digest or b"") == end.transcript_digest


def test_what_the_map_redacts_is_nowhere_in_the_store(attempt):
    wish = attempt("says-pid", redactions=[r"(?i)token=\S+"])

    async def carry(execution: Execution) -> None:
        for piece in (b"my tok", b"en=hun", b"ter2 and more\n", b"tail token=hunter2"):
            await execution.write(piece)
            if piece != b"my tok":
                await execution.read()
        execution.close_input()
        await read_all(execution)

    run_it(wish, carry)
    assert text("i") == b"my [redacted] and more\ntail [redacted]"
    assert text("o").partition(b"\n")[2] == b"my [redacted] and more\ntail [redacted]"
    assert "hunter2" not in stored()
    assert sum(chunk.size for chunk in chunks("i")) == 44


def test_secret_that_goes_on_while_what_was_before_is_redacted_is_found(attempt):
    """The end comes while a thread is still at work on the part before the last."""

    async def carry(execution: Execution) -> None:
        loop, go = asyncio.get_running_loop(), threading.Event()
        with ThreadPoolExecutor(1) as threads:
            loop.set_default_executor(threads)
            blocking = loop.run_in_executor(None, go.wait, 10)
            transcript = execution._recorder
            assert transcript is not None
            transcript.put("i", b"x\n" * recorder.BATCH + b"tok")
            while transcript._pending:  # until it has been taken to be redacted
                await asyncio.sleep(0)
            transcript.put("i", b"en=hunter2 and more")
            finishing = loop.create_task(transcript.finish())
            await asyncio.sleep(0)
            go.set()
            await blocking
            await finishing
        await read_all(execution)

    run_it(attempt("prints", "", redactions=[r"token=\S+"]), carry)
    assert text("i").endswith(b"x\n[redacted] and more")
    assert "hunter2" not in stored()


def test_secret_arguments_are_recorded_by_their_length_even_where_they_are_said_again(attempt):
    wish = attempt("says-pid", types=("secret",), arguments=(b"hunter2",))
    run_it(wish, says(b"it is hunter2, you know\n"))
    first = chunks()[0]
    assert (first.stream, first.size, first.data) == ("i", 8, None)
    assert text("i") == b"it is [redacted], you know\n"
    assert b"[redacted]\nit is [redacted], you know\n" in text("o")
    assert "hunter2" not in stored()


def test_megabytes_are_recorded_whole_in_few_chunks(attempt):
    end = run_it(attempt("octets", "5000000"))
    assert end.outcome is Outcome.EXIT
    assert text("o") == b"x" * 5_000_000
    assert all(chunk.size <= 65536 for chunk in chunks())
    assert len(chunks()) < 400
    assert end.transcript_digest == digest(read_chunks(chunks()[0].execution_id))


def test_flood_of_lines_is_redacted_without_holding_up_the_loop(attempt):
    wish = attempt("flood", output_limit=2**20, redactions=["nothing like it", "^y$"])
    longest = 0.0

    async def carry(execution: Execution) -> None:
        nonlocal longest

        async def look() -> None:
            nonlocal longest
            while True:
                before = time.monotonic()
                await asyncio.sleep(0.005)
                longest = max(longest, time.monotonic() - before)

        looking = asyncio.get_running_loop().create_task(look())
        await read_all(execution)
        looking.cancel()

    assert run_it(wish, carry).outcome is Outcome.LIMIT
    assert longest < 2
    assert b"y" not in text("o")
    assert sum(chunk.size for chunk in chunks()) == 2**20


def test_execution_waits_for_the_store_and_takes_no_memory_for_what_waits(attempt):
    most = 0

    async def carry(execution: Execution) -> None:
        nonlocal most
        go = threading.Event()
        blocking = asyncio.get_running_loop().create_task(audit.writer.submit(lambda: go.wait(10)))
        await asyncio.sleep(0)

        async def read() -> None:
            nonlocal most
            while await execution.read():
                most = max(most, execution.bytes_out)

        reading = asyncio.get_running_loop().create_task(read())
        for _ in range(200):  # turns of the loop, in each of which it could read 64 KiB
            await asyncio.sleep(0.001)
        stopped = most
        go.set()
        await blocking
        await reading
        most = stopped

    assert run_it(attempt("octets", "8000000"), carry).outcome is Outcome.EXIT
    assert most <= 2 * (recorder.WAITING + 65536)
    assert sum(chunk.size for chunk in chunks()) == 8_000_000


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr(recorder, "PAUSES", (0.01,))


def test_execution_that_cannot_be_recorded_is_ended_and_says_so(attempt, hasty):
    wish = attempt("flood")
    rename("commands_transcriptchunk", "away")
    try:
        end = run_it(wish)
    finally:
        rename("away", "commands_transcriptchunk")
    assert (end.outcome, end.transcript_digest) == (Outcome.AUDIT_LOST, None)
    assert end.bytes_out < 2**20
    assert AuditEvent.objects.get(kind="exit").outcome == "audit-lost"


def test_execution_whose_last_words_cannot_be_recorded_says_so(attempt, hasty):
    wish = attempt("prints", "last words")
    rename("commands_transcriptchunk", "away")
    try:
        assert run_it(wish).outcome is Outcome.AUDIT_LOST
    finally:
        rename("away", "commands_transcriptchunk")


def test_store_that_comes_back_in_time_has_each_chunk_once(attempt, settings, monkeypatch):
    settings.IMAPX = {**settings.IMAPX, "AUDIT_SECONDS": 0.5}
    monkeypatch.setattr(recorder, "PAUSES", (0.1, 1.0))

    async def carry(execution: Execution) -> None:
        blocking = asyncio.get_running_loop().create_task(submit_slowly())
        await asyncio.sleep(0)
        await read_all(execution)
        await blocking

    async def submit_slowly() -> None:
        try:
            await audit.writer.submit(lambda: time.sleep(0.8))
        except audit.StoreUnavailable:
            pass

    end = run_it(attempt("octets", "300000"), carry)
    assert end.outcome is Outcome.EXIT
    assert text() == b"x" * 300_000
    assert end.transcript_digest == digest(read_chunks(chunks()[0].execution_id))


def test_chunks_are_found_by_their_time(attempt):
    run_it(attempt("enquires"), says(b"ann\n", b"york\n", wait_for=b"\x05"))
    recorded, execution_id = chunks(), chunks()[0].execution_id
    for chunk in recorded:
        assert offset_at(execution_id, chunk.sequence) == chunk.offset
        assert sequence_before(execution_id, chunk.offset + 1) == chunk.sequence
        assert sequence_before(execution_id, chunk.offset) == chunk.sequence - 1
    assert sequence_before(execution_id, 10**12) == recorded[-1].sequence
    assert [chunk.sequence for chunk in read_chunks(execution_id, after=2)] == [c.sequence for c in recorded[2:]]
