"""No mail at all: only EXECUTE is served."""

from imapserver.engine.credentials import Credentials, Origin


class NoEngine:
    name = "none"
    authority = False
    mechanisms: tuple[str, ...] = ()

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def check(self) -> None:
        pass

    async def open(self, username: str, credentials: Credentials | None = None, origin: Origin | None = None) -> None:
        return None
