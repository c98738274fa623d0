"""The kind `plugin`: an async Python callable, in the server's own process and event loop (see commands/plugins)."""

import asyncio
import logging
import traceback

from commands import plugins
from commands.attempt import Accepted
from commands.execution.buffer import Buffer
from commands.execution.executable import ExecutableUnavailable, Exit, Writer

logger = logging.getLogger(__name__)

FAILED = Exit(code=1)

# Tasks that were cancelled, go on all the same, and are waited for no more: a loop keeps only a weak reference.
_abandoned: set[asyncio.Task[None]] = set()


async def start_plugin(accepted: Accepted) -> "PluginRun":
    try:
        plugin = await asyncio.to_thread(plugins.find, accepted.verb.plugin)  # it may have to be imported
    except plugins.PluginMissing as error:
        raise ExecutableUnavailable(str(error)) from error
    return PluginRun(accepted, plugin)


class PluginContext:
    """A plugins.Context."""

    def __init__(self, accepted: Accepted, run: "PluginRun") -> None:
        attempt = accepted.attempt
        self.arguments = attempt.arguments
        self.values = accepted.match.values
        self.user = plugins.PluginUser(
            id=attempt.user_id,
            username=attempt.username,
            remote_addr=attempt.remote_addr,
            tls=attempt.tls,
            mailbox=attempt.mailbox,
        )
        self._run = run

    async def read(self, size: int = 65536, /) -> bytes:
        return await self._run.input.read(size)

    async def readline(self) -> bytes:
        return await self._run.input.readline()

    async def ask(self, prompt: str = "") -> bytes:
        await self.write(prompt.encode())
        line = await self._run.wait_for_line()
        if not line:
            raise EOFError("the input has ended")
        return line.removesuffix(b"\n")

    async def write(self, data: bytes, /) -> None:
        await self._run.stdout.put(data)


class PluginRun:
    """A running plugin; the contract is executable.Executable's.

    To end it is to cancel its task. One that goes on all the same is abandoned: its input and output are closed, and
    nobody waits for it.
    """

    def __init__(self, accepted: Accepted, plugin: plugins.Plugin) -> None:
        loop = asyncio.get_running_loop()
        self.input = Buffer()
        self.stdout = Buffer()
        self.stderr = None
        self.asks = asyncio.Event()
        self._accepted = accepted
        self._exit: asyncio.Future[Exit] = loop.create_future()
        self._task = loop.create_task(self._to_the_end(plugin))
        self._task.add_done_callback(self._done)

    async def _to_the_end(self, plugin: plugins.Plugin) -> None:
        try:
            how = _exit(await plugin(PluginContext(self._accepted, self)))
        except asyncio.CancelledError:
            how = FAILED
        except (Exception, SystemExit) as error:  # SystemExit would go through the loop and end the server
            how = FAILED
            self._log(error)
        self._end(how)

    def _log(self, error: BaseException) -> None:
        accepted = self._accepted
        if self._exit.done() and isinstance(error, BrokenPipeError):
            return  # what it was told when it was ended
        if accepted.match.secrets:
            # What it says may quote a secret argument.
            text = f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"
        else:
            text = "".join(traceback.format_exception(error))
        logger.error("%s, execution %s: the plugin failed: %s", accepted.verb.name, accepted.execution_id, text)

    def _done(self, task: asyncio.Task[None]) -> None:
        _abandoned.discard(task)
        self._end(FAILED)  # where it was cancelled before it had begun

    def _end(self, how: Exit) -> None:
        if not self._exit.done():
            self._exit.set_result(how)
        self.asks.clear()
        self.input.feed_end()
        self.stdout.feed_end()

    async def wait_for_line(self) -> bytes:
        """For the plugin: the next line, and `asks` is set while nobody has sent it."""
        if not self.input.has_line:
            await self.stdout.wait_empty()  # a prompt comes before the question that it is for
            if not self.input.has_line:
                self.asks.set()
        try:
            return await self.input.readline()
        finally:
            self.asks.clear()

    # executable.Executable

    @property
    def stdin(self) -> "PluginInput":
        return PluginInput(self)

    def is_waiting(self) -> bool:
        return self.asks.is_set()

    async def wait(self) -> Exit:
        return await asyncio.shield(self._exit)

    def terminate(self) -> None:
        self._task.cancel()

    def kill(self) -> None:
        if not self._task.done():
            self._task.cancel()
            _abandoned.add(self._task)
        self._end(FAILED)

    def close(self) -> None:
        self.kill()


class PluginInput(Writer):
    def __init__(self, run: PluginRun) -> None:
        self._run = run

    async def write(self, data: bytes | memoryview, /) -> None:
        await self._run.input.put(data)
        self._answered()

    def close(self) -> None:
        self._run.input.feed_end()
        self._answered()

    def _answered(self) -> None:
        # At once, not when the plugin goes on: else whoever answers would be asked a second time.
        if self._run.input.has_line:
            self._run.asks.clear()


def _exit(status: int | None) -> Exit:
    """Raises TypeError for what is no exit status."""
    if status is None:
        return Exit(code=0)
    if not isinstance(status, int) or not 0 <= status <= 255:
        raise TypeError(f"a plugin returns None, or an int from 0 to 255, not {type(status).__name__}")
    return Exit(code=status)
