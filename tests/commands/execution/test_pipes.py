"""The ends of a pipe: nothing read ahead, nothing lost, no loop kept busy by what nobody wants."""

import asyncio
import fcntl
import os
import select
import sys
import termios
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from commands.execution.pipes import PipeReader, PipeWriter

PIECE = b"x" * 5000


@pytest.fixture
async def reading() -> AsyncIterator[tuple[PipeReader, int]]:
    """A reader, and the descriptor that is written to; the test may close that."""
    reader, fd = PipeReader.open()
    yield reader, fd
    reader.close()
    with suppress(OSError):
        os.close(fd)


def held(fd: int) -> int:
    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_there_is_read_at_once_and_no_more_than_asked_for(reading):
    reader, fd = reading
    os.write(fd, b"abcdefgh")
    assert [await reader.read(3), await reader.read(3), await reader.read(3)] == [b"abc", b"def", b"gh"]


async def test_line_that_comes_while_the_reader_waits_is_read(reading):
    reader, fd = reading
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for line in (b"one", b"two", b"three"):
            task = tasks.create_task(reader.read(100))
            await turns()
            assert not task.done()
            os.write(fd, line)
            assert await task == line


async def test_nothing_is_read_ahead(reading):
    reader, fd = reading
    os.write(fd, b"a")
    assert await reader.read(100) == b"a"
    os.write(fd, PIECE)
    await turns()
    assert held(fd) == len(PIECE)


async def test_cancelled_read_loses_nothing(reading):
    reader, fd = reading
    for line in (b"one", b"two"):
        for late in (False, True):
            task = asyncio.get_running_loop().create_task(reader.read(100))
            await turns()
            if late:
                os.write(fd, line)
            task.cancel()
            with suppress(asyncio.CancelledError):
                assert await task == line
                os.write(fd, line)  # it was quicker
        assert await reader.read(100) == line


@pytest.mark.parametrize("ends", [False, True])
async def test_what_nobody_reads_does_not_keep_the_loop_busy(reading, ends):
    reader, fd = reading
    os.write(fd, b"a")
    assert await reader.read(100) == b"a"
    os.close(fd) if ends else os.write(fd, b"b")
    began = time.process_time()
    await asyncio.sleep(0.2)
    assert time.process_time() - began < 0.1
    assert await reader.read(100) == (b"" if ends else b"b")


async def test_reading_what_is_always_full_is_fair_to_the_rest_of_the_loop(reading):
    reader, fd = reading
    os.write(fd, PIECE)
    counted = 0

    async def count():
        nonlocal counted
        while True:
            counted += 1
            await asyncio.sleep(0)

    counting = asyncio.get_running_loop().create_task(count())
    for _ in range(100):
        await reader.read(50)
    counting.cancel()
    assert counted >= 50


async def test_end_comes_after_what_was_written(reading):
    reader, fd = reading
    os.write(fd, PIECE)
    os.close(fd)
    assert [len(await reader.read(len(PIECE))), await reader.read(1), await reader.read(1)] == [len(PIECE), b"", b""]


async def test_finished_reader_gives_what_the_pipe_held_though_it_is_open_elsewhere(reading):
    reader, fd = reading
    os.write(fd, b"abcd")
    reader.finish()
    assert [await reader.read(3), await reader.read(3), await reader.read(3)] == [b"abc", b"d", b""]


async def test_closing_ends_a_read_that_waits(reading):
    reader, _ = reading
    task = asyncio.get_running_loop().create_task(reader.read(1))
    await turns()
    reader.close()
    async with asyncio.timeout(5):
        assert await task == b""


async def test_what_comes_while_the_reader_waits_is_offered_to_the_short_way(reading):
    reader, fd = reading
    taken = []

    def take(data: bytes) -> bool:
        if data != b"for the reader":
            taken.append(data)
        return data != b"for the reader"

    task = asyncio.get_running_loop().create_task(reader.read(100, take))
    for line in (b"one", b"two"):
        os.write(fd, line)
        await turns()
    assert taken == [b"one", b"two"]
    assert not task.done()
    os.write(fd, b"for the reader")
    async with asyncio.timeout(5):
        assert await task == b"for the reader"
    os.write(fd, b"three")
    await turns()
    assert taken == [b"one", b"two"]  # nobody waits
    assert held(fd) == len(b"three")
    task = asyncio.get_running_loop().create_task(reader.read(100))  # without a short way
    async with asyncio.timeout(5):
        assert await task == b"three"
    assert taken == [b"one", b"two"]


async def test_read_that_is_cancelled_when_the_short_way_was_refused_loses_nothing(reading):
    reader, fd = reading
    refused = asyncio.Event()

    def refuse(data: bytes) -> bool:
        task.cancel()
        refused.set()
        return False

    for line in (b"one", b"two"):
        refused.clear()
        task = asyncio.get_running_loop().create_task(reader.read(100, refuse))
        await turns()
        os.write(fd, line)
        async with asyncio.timeout(5):
            await refused.wait()
            with suppress(asyncio.CancelledError):
                await task
            assert task.cancelled()
            assert await reader.read(100) == line


async def test_finished_reader_keeps_what_the_short_way_refused(reading):
    reader, fd = reading

    def refuse(data: bytes) -> bool:
        task.cancel()
        os.write(fd, b"two")
        reader.finish()
        return False

    task = asyncio.get_running_loop().create_task(reader.read(100, refuse))
    await turns()
    os.write(fd, b"one ")
    async with asyncio.timeout(5):
        with suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert [await reader.read(100), await reader.read(100)] == [b"one two", b""]


async def test_end_is_for_the_reader_and_not_for_the_short_way(reading):
    reader, fd = reading
    taken = []
    task = asyncio.get_running_loop().create_task(reader.read(100, lambda data: not taken.append(data)))
    await turns()
    os.close(fd)
    async with asyncio.timeout(5):
        assert await task == b""
    assert taken == []


async def test_write_that_may_not_wait_writes_all_or_nothing():
    writer, fd = PipeWriter.open()
    line = bytes(1000)
    lines = 0
    while writer.write_now(line):
        lines += 1
    assert held(fd) == lines * len(line)
    os.read(fd, 65536)
    assert not writer.write_now(bytes(select.PIPE_BUF + 1))
    assert held(fd) == 0
    assert writer.write_now(bytes(select.PIPE_BUF))
    os.close(fd)
    assert not writer.write_now(line)
    writer.close()
    assert not writer.write_now(line)


async def test_write_of_more_than_the_pipe_holds_returns_when_all_is_taken():
    writer, fd = PipeWriter.open()
    data = os.urandom(1024 * 1024)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(writer.write(data))
        await turns()
        assert not task.done()
        had = b""
        while not task.done():
            had += await asyncio.to_thread(os.read, fd, 65536) if held(fd) else b""
            await asyncio.sleep(0)
    writer.close()
    while piece := os.read(fd, 65536):
        had += piece
    os.close(fd)
    assert had == data


async def test_pipe_that_can_take_more_does_not_keep_the_loop_busy():
    writer, fd = PipeWriter.open()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(writer.write(bytes(100_000)))
        await turns()
        os.read(fd, 100_000)
        await task
    began = time.process_time()
    await asyncio.sleep(0.2)
    assert time.process_time() - began < 0.1
    writer.close()
    os.close(fd)
