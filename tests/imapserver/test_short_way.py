"""Lines of a dialogue take a short way where nothing has to wait, and the long one else: none is lost, doubled or out
of turn, however the two alternate."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from commands.attempt import Attempt
from commands.execution.execution import End, Execution, run
from imapserver.forms.form import Exchange
from imapserver.forms.tagged import Tagged
from imapserver.incoming import Incoming
from tests.commands.transcript.conftest import attempt, data_dir, text  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)

SIZES = (0, 1, 60, 4095, 4096, 5000, 60_000)  # about what a pipe takes at once, too


class Client:
    """A conduit that can take more, or can't, as chance will have it."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.got: list[bytes] = []

    def write_now(self, data: bytes) -> bool:
        if self._chance.random() < 0.4:
            return False
        self.got.append(data)
        return True

    async def write(self, data: bytes) -> None:
        await asyncio.sleep(self._chance.choice((0, 0, 0.001)))
        self.got.append(data)
        await asyncio.sleep(self._chance.choice((0, 0, 0.001)))


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("seed", range(4))
def test_every_line_comes_back_once_and_in_order(
    attempt: Callable[..., Attempt],  # noqa: F811
    seed: int,
    loop: Callable[[], Any],
) -> None:
    chance = random.Random(seed)
    lines = [b"x%d" % number + b"y" * chance.choice(SIZES) for number in range(150)]
    sent = b"".join(line + b"\n" for line in lines)
    client, wish = Client(chance), attempt("/bin/cat", mode="interactive")

    async def dialogue() -> End:
        incoming = Incoming(changed=lambda: None, refused=lambda: None)

        async def say(execution: Execution) -> None:
            for line in lines:
                while incoming.full:
                    await asyncio.sleep(0)
                incoming.put_line(line)
                if chance.random() < 0.3:
                    await asyncio.sleep(chance.choice((0, 0, 0.001)))
            while execution.bytes_out < len(sent):
                await asyncio.sleep(0.001)
            execution.close_input()

        async def carry(execution: Execution) -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(say(execution))
                await Tagged().carry(execution, Exchange(b"T", client, incoming))  # type: ignore[arg-type]

        async with asyncio.timeout(20):
            return await run(wish, carry)

    with asyncio.Runner(loop_factory=loop) as runner:
        end = runner.run(dialogue())
    _, *shown = b"".join(client.got).split(b"\r\n")
    assert shown == [b"T " + line for line in lines] + [b""]
    assert (end.bytes_in, end.bytes_out) == (len(sent), len(sent))
    assert text("i") == text("o") == sent
