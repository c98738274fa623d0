"""The side that faces the engine: give it bytes, take runs of responses.

It tracks just enough to know where a response ends and which tagged ones pass. Untagged responses are never
held: their octets come out as they come in. Runs of them are searched, not read line by line, since a
mailbox of thousands of messages answers a FETCH with as many lines.
"""

import re
from typing import NamedTuple

from imapserver.wire.exceptions import Violation

ANNOUNCEMENT = re.compile(rb"\{([0-9]{1,20})\}\r\n\Z")
# A status response is text to its end: `{12}` there announces nothing (RFC 3501 section 7.1).
STATUS = re.compile(rb"\* (?:OK|NO|BAD|BYE|PREAUTH)[ \r\n]", re.IGNORECASE)
TAGGED = re.compile(rb"([^ \r\n]+) (OK|NO|BAD)[ \r\n]", re.IGNORECASE)
# All that comes, most often, when a command has no data to give.
SINGLE = re.compile(rb"([^*+ \r\n][^ \r\n]*+) (OK|NO|BAD) [^\n]*+\n", re.IGNORECASE)
# Stands for what has passed of a response behind its literal: no status, and nothing that the rest could complete.
BEHIND_LITERAL = b"*("
# The start of a line that is no untagged response, in a run of such.
OTHER_LINE = re.compile(rb"\n(?=[^*])")
# As a FETCH of many bodies goes on behind a literal: the end of its response, and the next one to its literal.
NEXT_LITERAL = re.compile(rb"[^\r\n{]*+\r\n(\* [0-9][^\r\n{]*+\{([0-9]{1,20})\}\r\n)")
STATUS_LINE = 64 * 1024
ASTERISK, PLUS = b"*+"


# The events are tuples, since one is made for each line: a frozen dataclass takes twice as long.
class Untagged(NamedTuple):
    """Octets of untagged responses, to be passed on as they are."""

    data: bytes
    boundary: int
    """Offset behind the last response that ends in `data`; a line of other origin may stand there. 0: none ends."""


class Tagged(NamedTuple):
    """One whole tagged status response."""

    tag: bytes
    condition: bytes
    data: bytes


class Continuation(NamedTuple):
    """One whole continuation request."""

    data: bytes


EngineEvent = Untagged | Tagged | Continuation


class ClientProtocol:
    """The responses of one engine connection, from a point between two of them on."""

    def __init__(self) -> None:
        self._literal = 0
        self._line = b""
        """The unfinished untagged line, shortened: what has passed of it. Empty: between two responses."""
        self._held = b""
        """The unfinished line of a tagged response or a continuation request."""
        self._boundary = 0

    def receive_data(self, data: bytes) -> list[EngineEvent]:
        """Return the events in `data`. Raises Violation for a line that is no response."""
        between = not (self._held or self._line or self._literal)
        if between and len(data) <= STATUS_LINE and (single := SINGLE.fullmatch(data)):
            return [Tagged(single[1], single[2].upper(), data)]
        events: list[EngineEvent] = []
        if self._held:
            data = self._held + data
            self._held = b""
        self._boundary = start = position = 0
        size = len(data)
        while position < size:
            if self._literal:
                taken = min(self._literal, size - position)
                self._literal -= taken
                position += taken
            elif self._line:
                position = self._rest_of_line(data, position)
            elif data[position] == ASTERISK:
                position = self._lines(data, position)
            else:
                if position > start:
                    events.append(Untagged(data[start:position], position - start))
                end = data.find(b"\n", position) + 1
                if (end or size) - position > STATUS_LINE:
                    raise Violation("the engine's status line is too long")
                if not end:
                    self._held = data[position:]
                    return events
                events.append(_status_line(data[position:end]))
                start = position = end
        if start < size:
            events.append(Untagged(data[start:], max(0, self._boundary - start)))
        return events

    def _rest_of_line(self, data: bytes, position: int) -> int:
        if self._line == BEHIND_LITERAL and (next_literal := NEXT_LITERAL.match(data, position)):
            self._boundary = next_literal.start(1)
            self._literal = int(next_literal[2])
            return next_literal.end()
        end = data.find(b"\n", position) + 1
        if not end:
            self._line = _shortened(self._line + data[position:])
            return len(data)
        self._end_of_line(self._line + data[position:end], end)
        return end

    def _lines(self, data: bytes, position: int) -> int:
        """Go over the untagged lines from `position`: behind the next literal's announcement, or the last one."""
        end = data.rfind(b"\n", position) + 1
        if not end:
            self._line = _shortened(data[position:])
            return len(data)
        # One octet is found 70 times as fast as three, and most responses have no literal.
        brace = data.find(b"{", position, end)
        if brace >= 0:
            brace = data.find(b"}\r\n", brace, end)
        other = OTHER_LINE.search(data, position, brace + 1 if brace >= 0 else len(data))
        if other:
            self._boundary = other.end()
            return other.end()
        if brace >= 0:
            line = data.rfind(b"\n", position, brace) + 1 or position
            self._boundary = line
            self._end_of_line(data[line : brace + 3], brace + 3)
            return brace + 3
        self._boundary = end
        self._line = _shortened(data[end:])
        return len(data)

    def _end_of_line(self, line: bytes, end: int) -> None:
        announced = ANNOUNCEMENT.search(line)
        if announced and not STATUS.match(line):
            self._literal = int(announced[1])
            self._line = BEHIND_LITERAL
        else:
            self._line = b""
            self._boundary = end


def _shortened(line: bytes) -> bytes:
    """Keep of a line what tells its kind and its end: a SEARCH response may have megabytes."""
    return line if len(line) <= 64 else line[:32] + line[-32:]


def _status_line(line: bytes) -> Tagged | Continuation:
    if line[0] == PLUS:
        return Continuation(line)
    match = TAGGED.match(line)
    if match is None:
        raise Violation("the engine sent a line that is no response")
    return Tagged(match[1], match[2].upper(), line)
