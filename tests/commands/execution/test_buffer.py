"""The bounded buffer between two tasks."""

import asyncio

import pytest

from commands.execution.buffer import LIMIT, Buffer


async def test_what_is_fed_is_read_in_order_and_then_comes_the_end():
    buffer = Buffer()
    buffer.feed(b"abc")
    buffer.feed_end()
    buffer.feed(b"too late")
    assert [await buffer.read(2), await buffer.read(2), await buffer.read(2)] == [b"ab", b"c", b""]


async def test_put_waits_for_room_and_loses_nothing():
    buffer, data = Buffer(), bytes(range(256)) * 1024
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        putting = group.create_task(buffer.put(data))
        await asyncio.sleep(0)
        assert len(buffer) == LIMIT and not putting.done()
        read = b""
        while len(read) < len(data):
            read += await buffer.read(10_000)
            assert len(buffer) <= LIMIT
    assert read == data


async def test_put_after_the_end_is_a_broken_pipe_also_for_who_waits():
    buffer = Buffer()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        putting = group.create_task(put_until_broken(buffer, b"x" * 2 * LIMIT))
        await asyncio.sleep(0)
        buffer.feed_end()
        assert await putting
    with pytest.raises(BrokenPipeError):
        await buffer.put(b"x")


async def put_until_broken(buffer: Buffer, data: bytes) -> bool:
    try:
        await buffer.put(data)
    except BrokenPipeError:
        return True
    return False


async def test_cancelled_read_loses_nothing():
    buffer = Buffer()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await buffer.read(10)
    buffer.feed(b"abc")
    assert await buffer.read(10) == b"abc"


async def test_lines_come_whole_and_the_last_may_lack_its_end():
    buffer = Buffer()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        reading = group.create_task(buffer.readline())
        for piece in (b"o", b"ne", b"\ntw", b"o"):
            await asyncio.sleep(0)
            buffer.feed(piece)
        assert await reading == b"one\n"
        buffer.feed_end()
    assert [await buffer.readline(), await buffer.readline()] == [b"two", b""]


async def test_line_over_the_limit_is_refused_and_not_waited_for():
    buffer = Buffer()
    buffer.feed(b"x" * LIMIT)
    with pytest.raises(ValueError, match="a line of more than"):
        await buffer.readline()


async def test_what_is_given_back_is_read_first():
    buffer = Buffer()
    buffer.feed(b"one\ntwo\n")
    buffer.give_back(await buffer.readline())
    assert await buffer.read(100) == b"one\ntwo\n"
