"""A real SMTP server (aiosmtpd) on loopback, which keeps what it takes."""

import asyncio
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, syntax

ANSWERS = {"refused": "550 5.1.1 no such\tuser", "later": "451 4.3.0 try later", "closing": "421 4.3.2 closing"}
"""To recipients, by the part before the '@'."""

PASSWORD = b"of the server"


@dataclass
class SmtpServer:
    """Use as a context manager. `messages` are the envelopes that it took, `told` the XCLIENTs."""

    certificate: ssl.SSLContext | None = None
    options: dict[str, Any] = field(default_factory=dict)
    answer_to_data: str = ""
    """In place of taking the message."""
    messages: list[Envelope] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    xclient: bool = False
    """It believes whoever connects who the user is, and lets each send as LOGIN@example.org alone: Postfix's
    reject_sender_login_mismatch."""

    def __enter__(self) -> "SmtpServer":
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)))
        self._thread.start()
        assert ready.wait(15)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(15)
        assert not self._thread.is_alive()

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        sessions: set[_Session] = set()

        def make() -> SMTP:
            session = _Session(
                self,
                hostname="mail.example.org",
                tls_context=self.certificate,
                loop=self._loop,
                authenticator=self._authenticate,
                **{"enable_SMTPUTF8": True} | self.options,
            )
            sessions.add(session)
            return session

        server = await self._loop.create_server(make, "127.0.0.1", 0)
        self.port: int = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stopping.wait()
        server.close()
        for session in sessions:
            if session.transport is not None:
                session.transport.abort()
        await asyncio.sleep(0)

    def _authenticate(self, server: SMTP, session: Any, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and data.password == PASSWORD
        return AuthResult(success=right, handled=False)  # false: aiosmtpd says so to the client

    # aiosmtpd's hooks

    async def handle_EHLO(
        self, server: SMTP, session: Any, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        offered = ["250-XCLIENT NAME ADDR PROTO HELO LOGIN"] if self.xclient else []
        return [*responses[:-1], *offered, responses[-1]]

    async def handle_MAIL(
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        login = getattr(session, "login", "")
        if self.xclient and address != f"{login}@example.org":
            return f"553 5.7.1 <{address}>: Sender address rejected: not owned by user {login}"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = ANSWERS.get(address.partition("@")[0], "250 OK")
        if answer == "250 OK":
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        if self.answer_to_data:
            return self.answer_to_data
        self.messages.append(envelope)
        return "250 2.0.0 taken"


class _Session(SMTP):
    def __init__(self, kept: SmtpServer, **options: Any) -> None:
        super().__init__(kept, **options)
        self._kept = kept

    @syntax("XCLIENT attribute=value ...")
    async def smtp_XCLIENT(self, arg: str | None) -> None:
        """As Postfix's, of a client that may use it: the session begins anew, as that user's."""
        self._kept.told.append(arg or "")
        attributes = dict(word.split("=", 1) for word in (arg or "").split())
        self.session.login = attributes.get("LOGIN")
        self._set_rset_state()
        await self.push(f"220 {self.hostname} ESMTP")
