"""How many executions may run at once in this process, for one user and in all."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from django.conf import settings

from commands import metrics


class NoSlotFree(Exception):
    """Too many run already. The text is for the client."""


_running: Counter[int] = Counter()  # by user id
metrics.RUNNING.set_function(_running.total)


@contextlib.contextmanager
def take_slot(user_id: int) -> Iterator[None]:
    """Hold one of the user's slots, or raise NoSlotFree at once: nobody waits in a queue that others fill."""
    if _running[user_id] >= settings.IMAPX["EXECUTIONS_PER_USER"]:
        raise NoSlotFree("you have too many executions running")
    if _running.total() >= settings.IMAPX["EXECUTIONS"]:
        raise NoSlotFree("too many executions are running")
    _running[user_id] += 1
    try:
        yield
    finally:
        _running[user_id] -= 1
        if not _running[user_id]:
            del _running[user_id]
