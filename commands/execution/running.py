"""An execution while it runs: its input and output, under the limits of its verb."""

import asyncio

from commands.attempt import Accepted
from commands.execution.executable import Executable, Exit, Take
from commands.execution.output import CHUNK, Output, OutputReader, log_stderr
from commands.live.tap import Tap
from commands.message import Message
from commands.outcome import Outcome
from commands.transcript.chunk import ERROR, INPUT, OUTPUT
from commands.transcript.recorder import start_recording

GRACE_SECONDS = 2.0

REVOKED_GRACE_SECONDS = 0.4
"""What an administrator ends, or runs by a right that was taken away, is to be gone within a second."""

_AT_ONCE = frozenset({Outcome.REVOKED, Outcome.ENDED})

# Found in what an executable has left behind, so they count after its end too.
_FOUND_IN_OUTPUT = frozenset({Outcome.LIMIT, Outcome.CANNOT, Outcome.ERROR, Outcome.AUDIT_LOST})

_STREAMS = {"STDOUT": OUTPUT, "STDERR": ERROR}


class Execution:
    """One run of a verb, as whoever carries it sees it: an input, an output and an end.

    The first of these decides how it came out: `end()`, a limit, the executable's own end.
    """

    def __init__(self, accepted: Accepted, executable: Executable, message: Message | None = None) -> None:
        self.id = accepted.execution_id
        self.verb = accepted.verb
        self.attempt = accepted.attempt
        self.message = message
        """What its input is, where that does not come from whoever carries it."""
        self.more_to_come = False
        """A further run may follow."""
        self.bytes_in = 0
        self.bytes_out = 0
        self.cause: Outcome | None = None
        self.reason = ""
        """Of the cause, for the record."""
        self.exit: Exit | None = None
        self.tap: Tap | None = None
        """While somebody watches it."""
        self._accepted = accepted
        self._loop = asyncio.get_running_loop()
        self._output_cut = False
        self._writing = asyncio.Lock()
        self._recorder = start_recording(accepted, self._audit_lost)
        self._deadline = self._loop.time() + self.verb.time_limit
        self._attach(executable)

    def _attach(self, executable: Executable) -> None:
        self.exit = None
        self._executable = executable
        stderr = executable.stderr
        self._output = OutputReader(executable.stdout, stderr if self.verb.send_stderr else None)
        self._logging = (
            self._loop.create_task(log_stderr(self._accepted, stderr, self._recorder, self._show_stderr))
            if stderr and not self.verb.send_stderr
            else None
        )
        self._last_byte = self._loop.time()
        self._timer: asyncio.Handle = self._loop.call_soon(self._watch)
        if self.cause is not None:  # while it was being started, for a further message
            self._terminate(self.cause)

    def run_again(self, executable: Executable, message: Message) -> None:
        """Go on with the next message, when the run before has ended: its limits are those of all runs together."""
        self._release()
        self.message = message
        self._attach(executable)

    @property
    def may_go_on(self) -> bool:
        """Whether a further run may follow the one that has ended."""
        return self.cause is None and self.exit is not None and self.exit.code == 0

    async def feed_message(self) -> None:
        """Write the message, and close the input."""
        if self.message is not None:
            while (data := self.message.content.read(CHUNK)) and await self._put(data):
                pass
            self.close_input()

    async def read(self, take: Take | None = None) -> Output | None:
        """The next output, at most 64 KiB, as soon as there is some; None: it has ended. One caller at a time.

        `take`: the short way for standard output, see executable.Reader."""

        def offer(data: bytes) -> bool:
            fits = self.bytes_out + len(data) <= self.verb.output_limit and not self._output_cut and self._may_record
            if take is None or not fits or not take(data):
                return False
            self._count_output("STDOUT", data)
            return True

        if self._recorder is not None:
            await self._recorder.room()  # before it is read: who is cancelled here has lost nothing
        output = None if self._output_cut else await self._output.read(take and offer)
        if output is None or self._output_cut:
            return None
        data = output.data[: self.verb.output_limit - self.bytes_out]
        if len(data) < len(output.data):
            self._output_cut = True
            self.end(Outcome.LIMIT)
        self._count_output(output.stream, data)
        return Output(output.stream, data) if data else None

    def _count_output(self, stream: str, data: bytes) -> None:
        if self._recorder is not None:
            self._recorder.put(_STREAMS[stream], data)
        if self.tap is not None:
            self.tap.put(_STREAMS[stream], data)
        self.bytes_out += len(data)
        self._last_byte = self._loop.time()

    def _show_stderr(self, data: bytes) -> None:
        if self.tap is not None:
            self.tap.put(ERROR, data)

    @property
    def _may_record(self) -> bool:
        return self._recorder is None or self._recorder.has_room

    @property
    def asks(self) -> asyncio.Event | None:
        """See executable.Executable."""
        return self._executable.asks

    def is_waiting(self) -> bool:
        """See executable.Executable."""
        return self._executable.is_waiting()

    async def write(self, data: bytes) -> bool:
        """Return when the executable's pipe has taken all of it. False: dropped, it reads no more or has ended."""
        async with self._writing:
            if self.bytes_in + len(data) > self.verb.input_limit:
                self.end(Outcome.LIMIT)
            return await self._put(data)

    async def _put(self, data: bytes) -> bool:
        for start in range(0, len(data), CHUNK):
            if self.cause is not None:
                return False
            piece = data[start : start + CHUNK]
            if self._recorder is not None:
                await self._recorder.room()
            try:
                await self._executable.stdin.write(piece)
            except ConnectionError:
                return False
            self._count_input(piece)
        return self.cause is None

    def write_now(self, data: bytes) -> bool:
        """As write(), if that need not wait. False: nothing was written, and write() is to be used."""
        fits = self.bytes_in + len(data) <= self.verb.input_limit and self._may_record
        if self.cause is not None or self._writing.locked() or not fits:
            return False
        if not self._executable.stdin.write_now(data):
            return False
        self._count_input(data)
        return True

    def _count_input(self, data: bytes) -> None:
        if self._recorder is not None:
            self._recorder.put(INPUT, data)
        if self.tap is not None:
            self.tap.put(INPUT, data)
        self.bytes_in += len(data)
        self._last_byte = self._loop.time()

    def close_input(self) -> None:
        """The executable reads the end of file. To be called when all writes have returned."""
        self._executable.stdin.close()

    def end(self, cause: Outcome, reason: str = "") -> None:
        """End it for this cause: TERM to its process group, after GRACE_SECONDS KILL. Only the first cause counts."""
        ended = self.exit is not None and not self.more_to_come
        if self.cause is not None or (ended and cause not in _FOUND_IN_OUTPUT):
            return
        self.cause, self.reason = cause, reason
        if self.exit is None:
            self._terminate(cause)

    def _terminate(self, cause: Outcome) -> None:
        self._executable.terminate()
        self._timer.cancel()
        grace = REVOKED_GRACE_SECONDS if cause in _AT_ONCE else GRACE_SECONDS
        self._timer = self._loop.call_later(grace, self._executable.kill)

    def kill(self) -> None:
        """After end(): without waiting for GRACE_SECONDS."""
        self._executable.kill()

    async def wait(self) -> None:
        """Until the executable has ended; what it wrote before can still be read."""
        self.exit = await self._executable.wait()
        self._timer.cancel()
        if self._logging is not None:
            await self._logging

    def result(self) -> tuple[Outcome, int | None]:
        """How it came out, with the exit status or the signal's number if that was the executable's own end."""
        if self.cause is not None:
            return self.cause, None
        if self.exit is None:
            raise RuntimeError("it still runs")
        if self.exit.signal is not None:
            return Outcome.SIGNAL, self.exit.signal
        return Outcome.EXIT, self.exit.code

    async def finish_transcript(self) -> bytes | None:
        """The digest of what is recorded of it, when all is; None if nothing is. For its owner, at the end."""
        return None if self._recorder is None else await self._recorder.finish()

    def _audit_lost(self) -> None:
        self._output_cut = True  # what is not recorded is not shown
        self.end(Outcome.AUDIT_LOST, "its transcript can't be recorded")

    def close(self) -> None:
        """Give back everything; for its owner, not for who carries it."""
        self._release()

    def _release(self) -> None:
        self._timer.cancel()
        self._output.close()
        if self._logging is not None:
            self._logging.cancel()
        self._executable.close()

    def _watch(self) -> None:
        """One timer for both limits: restarting one at each byte would cost more than the byte."""
        now = self._loop.time()
        due = min(self._deadline, self._last_byte + self.verb.idle_limit)
        if now >= due:
            self.end(Outcome.TIMEOUT)
        else:
            self._timer = self._loop.call_at(due, self._watch)
