import asyncio


class Mail(asyncio.Protocol):
    """A mail client on a connection that the engine gave."""

    def __init__(self, connection):
        self.transport = connection.transport
        self._reader = asyncio.StreamReader()
        connection.attach(self)

    def data_received(self, data):
        self._reader.feed_data(data)

    def connection_lost(self, exc):
        self._reader.feed_eof()

    async def run(self, command: bytes) -> bytes:
        """Send a command; return all that is said up to its tagged response."""
        self.transport.write(b"T " + command + b"\r\n")
        said = b""
        async with asyncio.timeout(10):
            while not said.rpartition(b"\r\n")[0].rpartition(b"\r\n")[2].startswith(b"T "):
                line = await self._reader.readline()
                assert line, f"the engine closed the connection after {said!r}"
                said += line
        return said

    async def ended(self) -> None:
        async with asyncio.timeout(10):
            await self._reader.read()
