"""An execution while it runs: what whoever carries it can do, and the limits of its verb."""

import asyncio
import logging
import os
import resource
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from commands.execution.program import start_program
from commands.execution.running import GRACE_SECONDS, Execution
from commands.outcome import Outcome

from .conftest import Accept, until_gone

MEBIBYTE = 1024 * 1024

Start = Callable[..., "asyncio.Future[Execution]"]


@pytest_asyncio.fixture
async def start(accept: Accept) -> AsyncIterator[Start]:
    started = []

    async def start(*arguments, **fields) -> Execution:
        accepted = accept(*arguments, **fields)
        program = await start_program(accepted)
        execution = Execution(accepted, program)
        started.append((execution, program))
        return execution

    async with asyncio.timeout(15):
        yield start
    for execution, program in started:
        execution.close()
        await program.wait()
        await asyncio.sleep(0)  # what the execution had going on ends


async def read_all(execution: Execution) -> bytes:
    pieces = []
    while output := await execution.read():
        assert output.stream == "STDOUT"
        pieces.append(output.data)
    return b"".join(pieces)


async def finish(execution: Execution) -> tuple[bytes, tuple[Outcome, int | None]]:
    output = await read_all(execution)
    await execution.wait()
    return output, execution.result()


async def test_lines_go_in_and_out_until_the_input_is_closed(start: Start):
    execution = await start("says-pid")
    pid = (await execution.read()).data
    for line in (b"one\n", b"two\n"):
        await execution.write(line)
        assert await execution.read() == ("STDOUT", line)
    execution.close_input()
    assert await finish(execution) == (b"", (Outcome.EXIT, 0))
    assert (execution.bytes_in, execution.bytes_out) == (8, 8 + len(pid))


async def test_short_way_counts_what_it_takes_and_leaves_the_rest_to_the_reader(start: Start):
    execution = await start("says-pid")
    pid = (await execution.read()).data
    taken = []

    def take(data: bytes) -> bool:
        if data != b"for the reader\n":
            taken.append(data)
        return data != b"for the reader\n"

    reading = asyncio.get_running_loop().create_task(execution.read(take))
    for line in (b"one\n", b"two\n"):
        await asyncio.sleep(0)
        count = len(taken)
        assert execution.write_now(line)
        while len(taken) == count:
            await asyncio.sleep(0)
    assert taken == [b"one\n", b"two\n"]
    assert (execution.bytes_in, execution.bytes_out) == (8, 8 + len(pid))
    assert not reading.done()
    assert execution.write_now(b"for the reader\n")
    assert await reading == ("STDOUT", b"for the reader\n")
    execution.close_input()
    assert await finish(execution) == (b"", (Outcome.EXIT, 0))
    assert (execution.bytes_in, execution.bytes_out) == (23, 23 + len(pid))


async def test_output_past_the_limit_never_takes_the_short_way(start: Start):
    execution = await start("says-pid", output_limit=16)
    pid = (await execution.read()).data
    taken = []
    reading = asyncio.get_running_loop().create_task(execution.read(lambda data: not taken.append(data)))
    await asyncio.sleep(0)
    assert execution.write_now(b"x" * 16)
    assert await reading == ("STDOUT", b"x" * (16 - len(pid)))
    assert await finish(execution) == (b"", (Outcome.LIMIT, None))
    assert taken == []


async def test_write_that_may_not_wait_keeps_limit_order_and_end(start: Start):
    execution = await start("never-reads", input_limit=100_000)
    assert not execution.write_now(b"x" * 100_001)
    assert execution.write_now(b"x")
    writing = asyncio.get_running_loop().create_task(execution.write(b"x" * 90_000))
    await asyncio.sleep(0)
    assert not execution.write_now(b"x")  # it would come in the middle of the other
    execution.end(Outcome.CANCELED)
    await execution.wait()
    assert not await writing
    assert not execution.write_now(b"x")
    assert execution.result() == (Outcome.CANCELED, None)


async def test_output_comes_in_pieces_of_at_most_64_kibibytes(start: Start):
    execution = await start("octets", str(MEBIBYTE))
    while output := await execution.read():
        assert len(output.data) <= 65536
    await execution.wait()
    assert execution.bytes_out == MEBIBYTE


async def test_signal_that_the_server_did_not_send_is_told_from_an_exit(start: Start):
    assert await finish(await start("dies", "SEGV")) == (b"", (Outcome.SIGNAL, signal.SIGSEGV))


async def test_standard_error_is_sent_where_the_verb_says_so(start: Start):
    execution = await start("both-streams", send_stderr=True)
    outputs = {await execution.read(), await execution.read()}
    assert outputs == {("STDOUT", b"out\n"), ("STDERR", b"err\n")}
    assert await execution.read() is None


async def test_standard_error_counts_as_output_where_it_is_sent(start: Start):
    execution = await start("floods-stderr", send_stderr=True, output_limit=100_000)
    while await execution.read():
        pass
    await execution.wait()
    assert (execution.bytes_out, execution.result()) == (100_000, (Outcome.LIMIT, None))


async def test_standard_error_that_is_not_sent_goes_to_the_log_escaped_and_cut(start: Start, caplog):
    execution = await start("floods-stderr")
    assert await finish(execution) == (b"done\n", (Outcome.EXIT, 0))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert str(execution.id) in record.getMessage()
    assert record.getMessage().count("y\\x0a") == 4096


async def test_cancelled_read_loses_nothing(start: Start):
    for send_stderr in (False, True):
        execution = await start("says-pid", send_stderr=send_stderr)
        await execution.read()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await execution.read()
        await execution.write(b"kept\n")
        assert await execution.read() == ("STDOUT", b"kept\n")


async def test_bytes_of_two_writers_never_mix(start: Start):
    execution = await start("says-pid")
    await execution.read()

    async def write():
        async with asyncio.TaskGroup() as writers:
            for letter in (b"a", b"b"):
                writers.create_task(execution.write(letter * 300_000))
        execution.close_input()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        output = await read_all(execution)
    assert output == b"a" * 300_000 + b"b" * 300_000


@pytest.mark.parametrize("more", [0, 1, 200_000])
async def test_output_to_the_limit_is_delivered_and_past_it_the_execution_is_ended(start: Start, more):
    output, result = await finish(await start("octets", str(100_000 + more), output_limit=100_000))
    assert len(output) == 100_000
    assert result == ((Outcome.LIMIT, None) if more else (Outcome.EXIT, 0))


async def test_output_past_the_limit_counts_after_the_programs_own_end_too(start: Start):
    execution = await start("octets", "11", output_limit=10)
    await execution.wait()
    assert await finish(execution) == (b"x" * 10, (Outcome.LIMIT, None))


async def test_flood_is_ended_at_the_output_limit(start: Start):
    output, result = await finish(await start("flood", output_limit=MEBIBYTE))
    assert (len(output), result) == (MEBIBYTE, (Outcome.LIMIT, None))


async def test_input_past_the_limit_ends_the_execution_and_is_not_written(start: Start):
    execution = await start("says-pid", input_limit=10)
    await execution.read()
    await execution.write(b"123456789\n")
    assert await execution.read() == ("STDOUT", b"123456789\n")
    await execution.write(b"x")
    assert await finish(execution) == (b"", (Outcome.LIMIT, None))


async def test_time_limit_ends_a_busy_execution(start: Start):
    execution = await start("flood", time_limit=1, output_limit=2**40)
    while await execution.read():
        pass
    await execution.wait()
    assert execution.result() == (Outcome.TIMEOUT, None)


async def test_idle_limit_ends_a_silent_execution(start: Start):
    assert await finish(await start("never-reads", idle_limit=1)) == (b"ready\n", (Outcome.TIMEOUT, None))


async def test_idle_limit_ends_a_flood_that_nobody_reads(start: Start):
    execution = await start("flood", idle_limit=1)
    await execution.wait()
    assert execution.result() == (Outcome.TIMEOUT, None)


async def test_idle_limit_is_put_off_by_each_byte(start: Start):
    execution = await start("says-pid", idle_limit=1)
    clock = asyncio.get_running_loop()
    until = clock.time() + 1.5
    while clock.time() < until:
        await execution.write(b"\n")
        await execution.read()
        await asyncio.sleep(0.05)
    execution.close_input()
    assert (await finish(execution))[1] == (Outcome.EXIT, 0)


async def test_program_that_ignores_term_is_killed_after_the_grace(start: Start):
    execution = await start("ignores-term")
    pid = int((await execution.read()).data)
    clock = asyncio.get_running_loop()
    asked = clock.time()
    execution.end(Outcome.CANCELED)
    execution.end(Outcome.SHUTDOWN)
    assert await finish(execution) == (b"", (Outcome.CANCELED, None))  # the first cause counts
    assert GRACE_SECONDS - 0.1 <= clock.time() - asked < GRACE_SECONDS + 1
    await until_gone(pid)


async def test_stopped_program_is_ended(start: Start, monkeypatch):
    monkeypatch.setattr("commands.execution.running.GRACE_SECONDS", 0.1)
    execution = await start("stops-itself")
    execution.end(Outcome.CANCELED)
    assert await finish(execution) == (b"", (Outcome.CANCELED, None))


async def test_programs_own_end_counts_before_a_later_cause(start: Start):
    execution = await start("exits", "3")
    await execution.wait()
    execution.end(Outcome.CANCELED)
    assert execution.result() == (Outcome.EXIT, 3)


@pytest.mark.parametrize("cause", [Outcome.CANNOT, Outcome.ERROR])
async def test_fault_found_in_the_output_counts_after_the_programs_own_end(start: Start, cause):
    execution = await start("exits", "0")
    await execution.wait()
    execution.end(cause)
    assert execution.result() == (cause, None)


async def test_program_that_never_reads_holds_up_its_writer(start: Start):
    execution = await start("never-reads")

    async def write_100_megabytes():
        for _ in range(1600):
            await execution.write(bytes(65536))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await write_100_megabytes()
    assert execution.bytes_in < MEBIBYTE


async def test_write_in_one_piece_is_held_up_too_and_let_go_at_the_end(start: Start):
    execution = await start("never-reads")
    await execution.read()
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(execution.write(bytes(100 * MEBIBYTE)))
        await asyncio.sleep(0.05)
        assert not writing.done()
        assert execution.bytes_in < MEBIBYTE
        execution.end(Outcome.CANCELED)
    assert await finish(execution) == (b"", (Outcome.CANCELED, None))


async def test_input_is_dropped_once_the_program_has_closed_it(start: Start):
    execution = await start("closes-stdin")
    assert (await execution.read()).data == b"closed\n"
    await execution.write(bytes(MEBIBYTE))
    assert execution.bytes_in == 0


async def test_memory_stays_flat_under_a_flood(start: Start):
    execution = await start("flood", output_limit=2**40)
    await execution.read()
    before = resident_bytes()
    for _ in range(500):
        await execution.read()
    await asyncio.sleep(0.2)  # nobody reads, and it could write hundreds of mebibytes
    for _ in range(500):
        await execution.read()
    assert execution.bytes_out > 16 * MEBIBYTE
    assert resident_bytes() - before < 4 * MEBIBYTE


def resident_bytes() -> int:
    pages = int(Path(f"/proc/{os.getpid()}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


async def test_short_way_is_not_for_standard_error(start: Start):
    """It would count, and be recorded, as output."""
    program = "exec 1>&-; echo one >&2; read -r line; echo $line >&2"
    execution = await start("/bin/sh", "-c", program, send_stderr=True)
    assert await execution.read() == ("STDERR", b"one\n")
    offered = []
    reading = asyncio.get_running_loop().create_task(execution.read(lambda data: not offered.append(data)))
    await asyncio.sleep(0)
    await execution.write(b"two\n")
    assert await reading == ("STDERR", b"two\n")
    assert offered == []
    await finish(execution)
