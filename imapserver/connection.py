"""One client: transport ↔ wire ↔ ASGI application, and the conduit between them."""

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable
from typing import IO, Any

from django.conf import settings

from imapserver.accept import HANDSHAKE_SECONDS, Arrival
from imapserver.dialogues import Dialogues
from imapserver.engine.connection import EngineConnection
from imapserver.engine.engine import Engine
from imapserver.outgoing import Outgoing
from imapserver.relay.relay import SILENCE_SECONDS, Relay
from imapserver.scope import ImapScope
from imapserver.wire import events, response
from imapserver.wire.secret import Secret
from imapserver.wire.server_protocol import ServerProtocol
from imapserver.wire.state import State

logger = logging.getLogger(__name__)

READ_AHEAD = 128 * 1024
"""Octets of a client that are kept while what came before them is worked on: more than the longest line, or half of
one would wait for a rest that is not read."""

BAD_COMMANDS = {State.NOT_AUTHENTICATED: 3, State.AUTHENTICATED: 20, State.SELECTED: 20, State.LOGOUT: 1}
"""In a row, before BYE: Dovecot's limits. Somebody who talks another protocol is told so soon."""

LAST_SECONDS = 5
"""For what the application says when the engine is gone: longer than an execution may take to end (2 s)."""

LINGER_SECONDS = 60
"""For a client to take what is left when its connection is closed."""

ENDED_SECONDS = 0.6
"""For the application to end what runs on a connection that somebody wants to end: longer than the grace of an
execution (0.4 s), and with the time until that is known (0.3 s) no longer than a second."""

ENDED_LINGER_SECONDS = 0.1
"""As LINGER_SECONDS, of such a connection."""

Application = Callable[..., Any]


class ImapConnection(asyncio.Protocol):
    """Implements `scope.Conduit` for its application."""

    def __init__(
        self,
        application: Application,
        engine: Engine,
        arrival: Arrival,
        *,
        context: ssl.SSLContext | None,
        opened: "Callable[[ImapConnection], None]",
        closed: "Callable[[ImapConnection], None]",
    ) -> None:
        """`context` is for STARTTLS.

        `opened` is called after a TLS handshake; `closed` when the client and the application are both done."""
        self._application = application
        self._engine = engine
        self._arrival = arrival
        self._context = context
        self._id = secrets.token_hex(6)
        self._opened = opened
        self._closed = closed
        self._wire = ServerProtocol()
        self._messages: asyncio.Queue[Any] = asyncio.Queue()
        self._relay: Relay | None = None
        self._held = True
        """A command is with the application; what follows it waits."""
        self._bad = 0
        self.engine_lost = False
        self._logging_out = False
        self._reading = True
        self._gone = False
        self._linger: float = LINGER_SECONDS

    def _write_to(self, transport: asyncio.Transport) -> Outgoing:
        return Outgoing(transport)

    # Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._loop = asyncio.get_running_loop()
        self._outgoing = self._write_to(self._transport)
        self.dialogues = Dialogues(
            self._wire,
            self._outgoing,
            changed=self._pump,
            refused=self._tag_in_use,
            silent=lambda: self._bye("", "autologout"),
        )
        self._heard = self._loop.time()
        self._timer = self._loop.call_later(settings.IMAPX["LOGIN_SECONDS"], self._login_deadline)
        self._opened(self)
        self._messages.put_nowait({"type": "imap.connect"})
        self._task = self._loop.create_task(self._run_application())

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        plain = None if self._held or self._blocked() else self._wire.receive_plain(data)
        if plain is not None:
            self._handle(plain)
        else:
            self._wire.receive_data(data)
            self._pump()

    def pause_writing(self) -> None:
        self._outgoing.pause()
        if self._relay is not None:
            self._relay.pause_reading()

    def resume_writing(self) -> None:
        self._outgoing.resume()
        if self._relay is not None:
            self._relay.resume_reading()

    def eof_received(self) -> None:
        # The transport closes now, but first it sends what is left, to somebody who may never take it.
        self._messages.put_nowait({"type": "imap.disconnect"})

    def connection_lost(self, error: Exception | None) -> None:
        self._gone = True
        self._timer.cancel()
        self._outgoing.lose()
        self.dialogues.lose()
        if self._relay is not None:
            self._relay.close()
        self._messages.put_nowait({"type": "imap.disconnect"})

    def shut_down(self, seconds: float) -> None:
        """The server is draining: see `scope.ImapShutdown`."""
        self._messages.put_nowait({"type": "imap.shutdown", "seconds": seconds})

    def end(self, text: str) -> None:
        if self._gone:
            return
        self._linger = ENDED_LINGER_SECONDS
        self._timer.cancel()
        if self._transport.is_closing():
            self._timer = self._loop.call_later(ENDED_LINGER_SECONDS, self._transport.abort)
        else:
            self._timer = self._loop.call_later(ENDED_SECONDS, self._bye, "", text)
            self._messages.put_nowait({"type": "imap.ended"})

    def abort(self) -> None:
        """End it now, with what runs on it."""
        self._transport.abort()
        self._task.cancel()

    # Application

    async def _run_application(self) -> None:
        self._scope: ImapScope = {
            "type": "imap",
            "asgi": {"version": "3.0"},
            "client": self._arrival.client,
            "server": (self._transport.get_extra_info("sockname") or ("", 0))[:2],
            "connection": self._id,
            "tls": self._arrival.tls,
            "start_tls": self._context is not None,
            "engine": self._engine,
            "conduit": self,
        }
        try:
            await self._application(self._scope, self._messages.get, self._send)
        except Exception:
            logger.exception("an application ended with an error")
            self._bye("SERVERBUG", "internal error")
        finally:
            self._close()
            # Not before: who hangs up on a failed login that waits must not get a new place at once.
            self._arrival.place.leave()
            self._closed(self)
            # Both hold this connection: its TLS buffers would stay until the garbage collector comes by.
            del self._scope
            if self._relay is not None:
                self._relay.close()
                self._relay = None

    async def _send(self, message: Any) -> None:
        match message["type"]:
            case "imap.response":
                await self._outgoing.write(message["data"])
            case "imap.continue":
                self._wire.expect_continuation()
                self._outgoing.put(response.continuation(message["text"]))
                self._release()
            case "imap.next":
                self._count_bad(message["bad"])
                self._release()
            case "imap.close":
                self._close()
            case other:
                raise ValueError(f"no message of the imap scope: {other}")

    def _release(self) -> None:
        if not self._transport.is_closing():  # behind a BYE no command is served
            self._held = False
            self._pump()

    # Conduit

    @property
    def mailbox(self) -> bytes:
        return self._relay.mailbox if self._relay is not None else b""

    @property
    def identified(self) -> bytes:
        return self._relay.identified if self._relay is not None else b""

    async def start_tls(self, answer: bytes) -> None:
        if self._context is None:
            raise ValueError("no certificate for STARTTLS")
        if len(self._wire):
            # Sent in plain text, by the client or by somebody in between, to be read as if it had come encrypted.
            self._bye("", "commands may not follow STARTTLS")
            raise ConnectionResetError("the client went on after STARTTLS")
        # Before the answer: what comes from here on is the handshake, and nothing for the wire.
        self._read(False)
        self._outgoing.put(answer)
        try:
            transport = await self._loop.start_tls(
                self._transport, self, self._context, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS
            )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is one
            transport = None
            logger.info("STARTTLS failed with %s: %s", self._scope["client"][0], error or type(error).__name__)
        if transport is None:
            self._transport.abort()
            raise ConnectionResetError("no TLS handshake")
        self._transport = transport
        self._outgoing.use(transport)
        self._reading = True
        self._bad = 0
        self._scope["tls"] = True

    def log_in(self, engine: EngineConnection | None, served: frozenset[bytes]) -> None:
        if self._gone:
            if engine is not None:
                engine.transport.close()
            raise ConnectionResetError("the client is gone")
        unasked = engine.largest_unasked_literal if engine is not None else 0
        self._wire.log_in(relaying=engine is not None, served=served, unasked=unasked)
        self._arrival.place.leave()
        self._bad = 0
        self._timer.cancel()
        self._timer = self._loop.call_later(settings.IMAPX["IDLE_SECONDS"], self._idle_deadline)
        if engine is not None:
            self._relay = Relay(engine, self._wire, self._outgoing, changed=self._pump, lost=self._lose_engine)

    async def write(self, data: bytes) -> None:
        await self._outgoing.write(data)

    def write_now(self, data: bytes) -> bool:
        return self._outgoing.write_now(data)

    async def settle(self) -> bool:
        return self._relay is None or await self._relay.settle()

    async def ask_for_news(self) -> None:
        if self._relay is not None:
            await self._relay.ask_for_news()

    async def fetch(self, uid: int, limit: int, content: IO[bytes]) -> int | None:
        if self._relay is None:
            raise ConnectionError("no mail is kept here")
        return await self._relay.fetch(uid, limit, content)

    def relay_logout(self, tag: bytes) -> bool:
        if self._relay is None or self.engine_lost:
            return False
        self._logging_out = True
        self._timer.cancel()
        self._timer = self._loop.call_later(SILENCE_SECONDS, self._logout_deadline, tag)
        self._relay.start(events.RelayStarted(tag, b"LOGOUT", tag + b" LOGOUT\r\n"))
        return True

    # Events of the wire

    def _pump(self) -> None:
        """Take what can be taken of the client's commands, and read on or stop reading."""
        while not (blocked := self._blocked()) and not self._held and len(self._wire):
            event = self._wire.next_event()
            if event is None:
                break
            self._handle(event)
        self._read(not blocked and len(self._wire) <= READ_AHEAD)

    def _blocked(self) -> bool:
        engine_full = self._relay is not None and self._relay.full
        return self._gone or self.engine_lost or engine_full or self.dialogues.full

    def _read(self, wanted: bool) -> None:
        if wanted != self._reading and not self._transport.is_closing():
            self._reading = wanted
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _handle(self, event: events.Event) -> None:
        match event:
            case events.RelayStarted() if self._relay is not None:
                self._bad = 0
                self._relay.start(event)
                if event.name == b"ID":
                    self._messages.put_nowait({"type": "imap.identified"})
            case events.RelayContinued() if self._relay is not None:
                self._relay.go_on(event)
            case events.DialogueLine():
                self.dialogues.take_line(event)
            case events.InputOctets():
                self.dialogues.take_octets(event)
            case events.ContinuationLine() if self.dialogues.take_answer(event):
                pass
            case events.CommandReceived():
                self._held = True
                self._messages.put_nowait({"type": "imap.command", "command": event})
            case events.ContinuationLine():
                self._held = True
                self._messages.put_nowait({"type": "imap.line", "line": Secret(event.line)})
            case events.LiteralWanted():
                self._outgoing.put(response.continuation("OK"))
            case events.CommandRefused():
                self._outgoing.put(response.status(event.tag, "BAD", event.text))
                told = event.name and self._wire.state in (State.AUTHENTICATED, State.SELECTED)
                if told:
                    self._held = not event.fatal
                    self._messages.put_nowait({"type": "imap.refused", "refused": event})
                else:
                    self._count_bad(True)
                if event.fatal:
                    self._bye("", "closing, since the next command can't be found")

    def _tag_in_use(self) -> None:
        # Untagged: a tagged response would look like the end of the execution.
        self._outgoing.put(response.status(None, "BAD", "this tag names a running execution"))
        self._count_bad(True)

    def _count_bad(self, bad: bool) -> None:
        self._bad = self._bad + 1 if bad else 0
        if self._bad >= BAD_COMMANDS[self._wire.state]:
            self._bye("", "too many bad commands")

    # Ends

    def _bye(self, code: str, text: str) -> None:
        """Say BYE, if no response of the engine's is cut in two by it, and close."""
        if not self._transport.is_closing():
            if self._outgoing.between:
                self._outgoing.put(response.status(None, "BYE", text, code))
            self._close()

    def _close(self) -> None:
        """Close when all has been sent, or when the client has had the time to take it. No command is taken any more,
        though TLS delivers what comes until it is shut down."""
        self._held = True
        self._timer.cancel()
        if not self._gone:
            self._timer = self._loop.call_later(self._linger, self._transport.abort)
        self._transport.close()

    def _lose_engine(self, reason: str) -> None:
        if self._gone or self._transport.is_closing():
            return  # it is this end that goes
        self.engine_lost = True
        if not self._outgoing.between:
            # Half a response must not pass for a whole one.
            self._transport.abort()
        elif self._logging_out:
            self._close()
        else:
            self._timer.cancel()
            self._timer = self._loop.call_later(LAST_SECONDS, self._transport.abort)
            self._messages.put_nowait({"type": "imap.engine_lost", "reason": reason})

    def _logout_deadline(self, tag: bytes) -> None:
        if not self._outgoing.between:
            self._transport.abort()
        elif not self._transport.is_closing():
            self._outgoing.put(response.status(None, "BYE", "the mail engine does not answer", "UNAVAILABLE"))
            self._outgoing.put(response.status(tag, "OK", "LOGOUT completed"))
            self._close()

    def _login_deadline(self) -> None:
        self._bye("", "login takes too long")

    def _idle_deadline(self) -> None:
        left = self._heard + settings.IMAPX["IDLE_SECONDS"] - self._loop.time()
        if left > 0 or self.dialogues:
            self._timer = self._loop.call_later(max(left, 1), self._idle_deadline)
        else:
            self._bye("", "autologout")
