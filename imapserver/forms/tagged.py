"""The tagged form: every line under the tag, either way, is a line of the dialogue (PROTOCOL section 5)."""

import itertools
import re

from commands.execution.carrying import show_beside
from commands.execution.execution import Execution
from commands.outcome import Outcome
from imapserver.forms.form import Exchange
from imapserver.scope import Conduit, Incoming
from imapserver.wire import response

LINE = 64 * 1024
"""Octets of one line of output: the limit that the client's own lines have."""

# Numbers: quicker to find in bytes than bytes are.
CR, NUL = b"\r\0"

# What a client would take for the end: a program must not be able to forge it.
ENDING = re.compile(rb"^(?=OK \[|NO \[|BAD)", re.IGNORECASE | re.MULTILINE)


class NoText(Exception):
    """It can't go in lines."""


class Tagged:
    prompts = False

    async def carry(self, execution: Execution, exchange: Exchange) -> None:
        tag, conduit = exchange.tag, exchange.conduit
        await conduit.write(response.status(tag, "OK", execution.verb.name, "EXECUTING"))
        try:
            await show_beside(_show(execution, tag, conduit), _feed(execution, exchange.incoming))
        except NoText:
            execution.end(Outcome.CANNOT)


async def _feed(execution: Execution, lines: Incoming) -> None:
    def take(line: bytes) -> bool:
        return _is_text(line) and execution.write_now(line + b"\n")

    while True:
        line = await lines.next(take)
        if not _is_text(line):
            execution.end(Outcome.CANNOT)
            return
        await execution.write(line + b"\n")


async def _show(execution: Execution, tag: bytes, conduit: Conduit) -> None:
    def take(data: bytes) -> bool:
        text = data[:-1]
        return data.endswith(b"\n") and _is_text(text) and conduit.write_now(_responses(tag, text))

    unfinished = b""
    while output := await execution.read(None if unfinished else take):
        *whole, unfinished = (unfinished + output.data).split(b"\n")
        await _send(whole, tag, conduit)
        if len(unfinished) > LINE:
            raise NoText
    if unfinished:
        await _send([unfinished], tag, conduit)


async def _send(lines: list[bytes], tag: bytes, conduit: Conduit) -> None:
    """Send them all at once; of lines that are no text, those before the first."""
    shown = [line.removesuffix(b"\r") for line in lines]
    # All in one, if it can be: a chunk of short lines, one by one, would keep every other client waiting for 50 ms.
    whole = max(map(len, shown), default=0) <= LINE and _holds_text(b"\n".join(shown))
    texts = shown if whole else list(itertools.takewhile(_is_text, shown))
    if texts:
        await conduit.write(_responses(tag, b"\n".join(texts)))
    if len(texts) < len(shown):
        raise NoText


def _is_text(line: bytes) -> bool:
    return len(line) <= LINE and _holds_text(line)


def _holds_text(octets: bytes) -> bool:
    if NUL in octets or CR in octets:
        return False
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _responses(tag: bytes, text: bytes) -> bytes:
    """Of lines without the end of the last one."""
    start = tag + b" "
    return start + ENDING.sub(b" ", text).replace(b"\n", b"\r\n" + start) + b"\r\n"
