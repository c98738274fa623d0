"""Sets of messages by UID, as a client names them: the sequence-set of RFC 9051 section 9, without `*`. Pure."""

import re

MAX_MESSAGES = 1000
"""Each is fetched and run through a program: more is a day's work, and its client would have given up."""

_NUMBER = "[1-9][0-9]{0,9}"
_SET = re.compile(rf"{_NUMBER}(:{_NUMBER})?(,{_NUMBER}(:{_NUMBER})?)*")
_LARGEST = 2**32 - 1


def uid_set(text: str) -> tuple[int, ...] | None:
    """The UIDs, each once, in order; None for what is no such set, or names more than MAX_MESSAGES.

    `*` is refused: which message is the last one may change before anybody has fetched it.
    """
    if not _SET.fullmatch(text):
        return None
    uids: set[int] = set()
    for part in text.split(","):
        ends = sorted(map(int, part.split(":")))
        first, last = ends[0], ends[-1]
        # Before it is spread out: `1:4294967295` is a line of text and 4 thousand million numbers.
        if last > _LARGEST or last - first >= MAX_MESSAGES:
            return None
        uids.update(range(first, last + 1))
        if len(uids) > MAX_MESSAGES:
            return None
    return tuple(sorted(uids))
