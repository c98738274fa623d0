"""What goes to the client: in order, IMAPX's own only between two responses, and no more writes than needed."""

import asyncio

import pytest

from imapserver.outgoing import Outgoing

HALF, REST, OWN = b"* 1 FETCH (BODY[] {3}\r\n", b"abc)\r\n", b"100 a line\r\n"
DONE = b"a OK done\r\n"


class Writes(asyncio.Transport):
    """Keeps what is written, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[bytes] = []

    def write(self, data: bytes) -> None:
        if data:
            self.all.append(data)


@pytest.fixture
def writes() -> Writes:
    return Writes()


@pytest.fixture
def outgoing(writes) -> Outgoing:
    return Outgoing(writes)


def test_responses_of_one_read_go_out_in_one_write(outgoing, writes):
    outgoing.hold()
    outgoing.pass_on(HALF + REST, len(HALF + REST))
    outgoing.pass_on(DONE, len(DONE))
    assert writes.all == []
    outgoing.release()
    assert writes.all == [HALF + REST + DONE]


def test_without_holding_each_goes_out_at_once(outgoing, writes):
    outgoing.pass_on(DONE, len(DONE))
    outgoing.release()
    outgoing.put(OWN)
    assert writes.all == [DONE, OWN]


@pytest.mark.parametrize("held", [False, True])
def test_own_response_waits_for_the_end_of_the_engines_and_goes_before_the_next(outgoing, writes, held):
    outgoing.pass_on(HALF, 0)
    written = []
    outgoing.put(OWN, lambda: written.append(True))
    assert (writes.all, written) == ([HALF], [])
    if held:
        outgoing.hold()
    outgoing.pass_on(REST + HALF, len(REST))
    assert written
    outgoing.release()
    assert b"".join(writes.all) == HALF + REST + OWN + HALF


def test_own_response_that_is_put_while_others_are_held_keeps_its_place(outgoing, writes):
    outgoing.hold()
    outgoing.pass_on(DONE, len(DONE))
    outgoing.put(OWN)
    outgoing.pass_on(HALF, 0)
    outgoing.release()
    assert writes.all == [DONE + OWN + HALF]
