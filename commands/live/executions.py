"""The executions of this process while they run: ended when somebody wants it, and shown to who watches them."""

import contextlib
import uuid
from collections.abc import Callable, Iterator

from commands.attempt import Accepted, End
from commands.live.look import Wanted, look
from commands.live.tap import Tap
from commands.outcome import Outcome

Stop = Callable[[Outcome, str], None]
Attach = Callable[[Tap | None], None]


class Running:
    """One of them; a look.Target."""

    __slots__ = ("_accepted", "_attach", "_hidden", "_stop", "_tap", "came_out")

    def __init__(self, accepted: Accepted, stop: Stop, attach: Attach) -> None:
        self.came_out: End | None = None
        """To be set when it is known."""
        self._tap: Tap | None = None
        self._hidden = False
        """It can't be shown."""
        self._accepted = accepted
        self._stop = stop
        self._attach = attach

    def end(self, wanted: Wanted) -> None:
        self._stop(Outcome.ENDED, wanted.why)

    def record_end(self, wanted: Wanted) -> None:
        """Its exit has it."""

    def show(self, channels: frozenset[str]) -> None:
        if channels and self._tap is None and not self._hidden:
            self._hidden = True  # unless it goes well: it is not tried again with each look
            self._tap = Tap(self._accepted)
            self._hidden = False
            self._attach(self._tap)
        if self._tap is not None:
            self._tap.show_to(channels)
            if not channels:
                self._attach(None)
                self._tap.close()
                self._tap = None

    def close(self) -> None:
        if self._tap is not None:
            self._tap.finish(self.came_out)


@contextlib.contextmanager
def shown(accepted: Accepted, stop: Stop, attach: Attach) -> Iterator[Running]:
    """While in here, it can be ended, by `stop`, and watched: `attach` is given the tap for what goes in and out."""
    key: uuid.UUID = accepted.execution_id
    running = Running(accepted, stop, attach)
    look.targets[key] = running
    look.watchable.add(key)
    look.wake()
    try:
        yield running
    finally:
        del look.targets[key]
        look.watchable.remove(key)
        running.close()
