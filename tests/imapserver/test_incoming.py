"""What a client has sent to one execution: in order, and offered to the short way while somebody waits for it."""

import asyncio
from collections.abc import Callable

import pytest

from imapserver.incoming import ITEM, WAITING, Incoming


@pytest.fixture
def incoming() -> Incoming:
    return Incoming(changed=lambda: None, refused=lambda: None)


async def waiting(incoming: Incoming, take: Callable[[bytes], bool] | None) -> "asyncio.Task[bytes]":
    task = asyncio.get_running_loop().create_task(incoming.next(take))
    await asyncio.sleep(0)
    return task


async def test_line_is_offered_while_somebody_waits_and_is_not_kept_when_it_is_taken(incoming: Incoming) -> None:
    taken: list[bytes] = []
    task = await waiting(incoming, lambda line: not taken.append(line))
    incoming.put_line(b"one")
    incoming.put_line(b"x" * (WAITING + 1))
    assert [len(line) for line in taken] == [3, WAITING + 1]
    assert not incoming.full
    assert incoming.rest() == []
    task.cancel()


async def test_line_that_is_refused_goes_to_who_waits_and_those_behind_it_are_not_offered(incoming: Incoming) -> None:
    offered: list[bytes] = []
    task = await waiting(incoming, lambda line: bool(offered.append(line)))
    for line in (b"one", b"two"):
        incoming.put_line(line)
    assert await task == b"one"
    incoming.put_line(b"three")
    assert offered == [b"one"]
    assert [await incoming.next(), await incoming.next()] == [b"two", b"three"]


async def test_nothing_is_offered_when_who_waited_has_gone(incoming: Incoming) -> None:
    offered: list[bytes] = []
    task = await waiting(incoming, lambda line: not offered.append(line))
    task.cancel()
    await asyncio.wait([task])
    incoming.put_line(b"one")
    assert offered == []
    assert await incoming.next() == b"one"


async def test_short_way_is_for_the_wait_that_named_it(incoming: Incoming) -> None:
    offered: list[bytes] = []
    first = await waiting(incoming, lambda line: bool(offered.append(line)))
    incoming.put_line(b"one")
    assert await first == b"one"
    second = await waiting(incoming, None)
    incoming.put_line(b"two")
    assert await second == b"two"
    assert offered == [b"one"]


def test_empty_items_fill_it_too(incoming: Incoming) -> None:
    for _ in range(WAITING // ITEM):
        incoming.put(b"", 0)
    assert not incoming.full
    incoming.put(b"", 0)
    assert incoming.full
    incoming.rest()
    assert not incoming.full
