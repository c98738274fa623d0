"""The tagged form: every line under the tag, either way, is a line of the dialogue (PROTOCOL section 5)."""

import asyncio
import re

from commands.execution.execution import Execution
from commands.outcome import Outcome
from imapserver.scope import Conduit, Lines
from imapserver.wire import response

LINE = 64 * 1024
"""Octets of one line of output: the limit that the client's own lines have."""

# What a client would take for the end: a program must not be able to forge it.
ENDING = re.compile(rb"OK \[|NO \[|BAD", re.IGNORECASE)


class NoText(Exception):
    """The output is no text, so it can't go in lines."""


class Tagged:
    async def carry(self, execution: Execution, tag: bytes, conduit: Conduit, lines: Lines) -> None:
        await conduit.write(response.status(tag, "OK", execution.verb.name, "EXECUTING"))
        async with asyncio.TaskGroup() as tasks:
            feeding = tasks.create_task(_feed(execution, lines))
            try:
                await _show(execution, tag, conduit)
            except NoText:
                execution.end(Outcome.CANNOT)
            finally:
                feeding.cancel()


async def _feed(execution: Execution, lines: Lines) -> None:
    while True:
        await execution.write(await lines.next() + b"\n")


async def _show(execution: Execution, tag: bytes, conduit: Conduit) -> None:
    unfinished = b""
    while output := await execution.read():
        *whole, unfinished = (unfinished + output.data).split(b"\n")
        if len(unfinished) > LINE:
            raise NoText
        if whole:
            await conduit.write(b"".join(_line(tag, line) for line in whole))
    if unfinished:
        await conduit.write(_line(tag, unfinished))


def _line(tag: bytes, line: bytes) -> bytes:
    line = line.removesuffix(b"\r")
    if len(line) > LINE or b"\0" in line or b"\r" in line:
        raise NoText
    try:
        line.decode()
    except UnicodeDecodeError:
        raise NoText from None
    return b"%b %b%b\r\n" % (tag, b" " if ENDING.match(line) else b"", line)
