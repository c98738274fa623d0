"""What every engine offers."""

from typing import Protocol

from imapserver.engine.connection import EngineConnection
from imapserver.engine.credentials import Credentials, Origin


class Engine(Protocol):
    """The IMAP server that keeps the mail."""

    name: str

    authority: bool
    """True: it alone says who may log in, by the client's own credentials. False: Django does."""

    mechanisms: tuple[str, ...]
    """SASL mechanisms beside PLAIN that clients may use, where the engine is the authority."""

    async def start(self) -> None:
        """Return when users can be logged in. Raises EngineUnavailable, and then nothing is left running."""

    async def stop(self) -> None:
        """Return when the engine is gone with all its processes. May be called at any time, any number of times."""

    async def check(self) -> None:
        """Return if it answers, without logging anybody in. Raises EngineUnavailable, within 15 s."""

    async def open(
        self, username: str, credentials: Credentials | None = None, origin: Origin | None = None
    ) -> EngineConnection | None:
        """Return a connection on which this user is logged in; None where the engine keeps no mail.

        `credentials` are the client's, and count where the engine is the authority. Raises EngineUnavailable, within
        30 s, and LoginRefused if the engine does not want this user.
        """
