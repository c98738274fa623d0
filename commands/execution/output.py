"""What an executable writes, on its way to the client or to the log."""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

from commands.attempt import Accepted
from commands.audit import printable
from commands.execution.executable import Reader, Take
from commands.transcript.chunk import ERROR
from commands.transcript.recorder import Recorder

logger = logging.getLogger(__name__)

CHUNK = 64 * 1024
LOGGED_STDERR = 8 * 1024


class Output(NamedTuple):
    stream: str  # STDOUT or STDERR
    data: bytes


class OutputReader:
    """Standard output, or it and standard error as they come. Its owner calls `close`."""

    def __init__(self, stdout: Reader, stderr: Reader | None) -> None:
        self._readers = {"STDOUT": stdout}
        if stderr is not None:
            self._readers["STDERR"] = stderr
        self._reading: dict[str, asyncio.Task[bytes]] = {}

    async def read(self, take: Take | None = None) -> Output | None:
        """The next piece, at most CHUNK bytes; None when all has ended. Cancelled, it loses nothing.

        `take`: see executable.Reader; it is offered standard output, where that is all there is."""
        if len(self._readers) == 1 and not self._reading:
            return await self._read_single(take)
        while self._readers:
            self._start_reading()
            await asyncio.wait(self._reading.values(), return_when=asyncio.FIRST_COMPLETED)
            if output := self._take():
                return output
        return None

    def close(self) -> None:
        for task in self._reading.values():
            task.cancel()

    async def _read_single(self, take: Take | None) -> Output | None:
        ((name, reader),) = self._readers.items()
        data = await reader.read(CHUNK, take if name == "STDOUT" else None)
        return Output(name, data) if data else None

    def _start_reading(self) -> None:
        for name, reader in self._readers.items():
            if name not in self._reading:
                self._reading[name] = asyncio.get_running_loop().create_task(_read(reader))

    def _take(self) -> Output | None:
        """What has been read already; the stream that was read longest ago comes first."""
        for name, task in list(self._reading.items()):
            if task.done():
                del self._reading[name]
                if data := task.result():
                    return Output(name, data)
                del self._readers[name]
        return None


async def _read(reader: Reader) -> bytes:
    return await reader.read(CHUNK)


async def log_stderr(
    accepted: Accepted, stderr: Reader, recorder: Recorder | None = None, show: Callable[[bytes], None] | None = None
) -> None:
    """Read all of it, so that the program can't block on it, record it if there is a transcript, log the beginning."""
    kept = bytearray()
    while data := await stderr.read(CHUNK):
        if recorder is not None:
            await recorder.room()
            recorder.put(ERROR, data)
        if show is not None:
            show(data)
        kept += data[: LOGGED_STDERR - len(kept)]
    if kept:
        logger.warning(
            "%s, execution %s, standard error: %s",
            accepted.verb.name,
            accepted.execution_id,
            printable(bytes(kept)),
        )
