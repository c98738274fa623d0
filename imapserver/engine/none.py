"""No mail at all: only EXECUTE is served."""


class NoEngine:
    name = "none"

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def open(self, username: str) -> None:
        return None
