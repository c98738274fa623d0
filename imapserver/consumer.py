"""ImapConsumer: the application behind one IMAP connection."""

import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer
from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError

from commands import audit, authorization
from commands.authorization import Refused
from commands.live import connections
from commands.outcome import Outcome
from imapserver import penalties
from imapserver.addresses import is_loopback
from imapserver.admission import Place, user_places
from imapserver.client_id import client_id, client_id_of_line
from imapserver.engine.connection import EngineConnection, EngineUnavailable
from imapserver.engine.credentials import Origin
from imapserver.engine.engine import Engine
from imapserver.executions import Executions
from imapserver.login import MechanismUnknown, admit, credentials
from imapserver.relay import capability
from imapserver.sasl import LoginCanceled, LoginFailed
from imapserver.scope import (
    Conduit,
    ImapCommand,
    ImapConnect,
    ImapDisconnect,
    ImapEnded,
    ImapEngineLost,
    ImapIdentified,
    ImapRefused,
    ImapShutdown,
)
from imapserver.unparsable import verb_meant
from imapserver.wire import response
from imapserver.wire.command import parse_action, parse_cancel, parse_execute, parse_feed, parse_nothing, parse_xexec
from imapserver.wire.events import CommandReceived
from imapserver.wire.exceptions import BadSyntax
from imapserver.wire.secret import Secret
from imapserver.wire.syntax import Fragment

logger = logging.getLogger(__name__)

PARSE = {b"EXECUTE": parse_execute, b"XEXEC": parse_xexec}
"""Of all else that starts an execution the name is an action verb."""


RUNNING = frozenset({*PARSE, b"FEED"})


class ImapConsumer(AsyncConsumer):
    """One method per message, and one per command that IMAPX serves."""

    conduit: Conduit
    engine: Engine
    executions: Executions | None = None
    engine_capabilities: tuple[str, ...] = capability.WITHOUT_ENGINE
    action_verbs: frozenset[bytes] = frozenset()
    user_id = 0
    key: uuid.UUID | None = None
    """Of live.connections."""
    why_ended = ""
    text_of_end = ""
    failed_logins = 0
    place: Place | None = None
    identified: tuple[Fragment, ...] = ()
    """What the client has said by ID, here and not to the engine."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # A plain loop: Channels' own multiplexing and dispatch cost more than all else on the way of an EXECUTE,
        # and long work runs in tasks, so that no message has to wait for it.
        self.scope = scope
        self.base_send = send
        self.receive = receive
        self.conduit = scope["conduit"]
        self.engine = scope["engine"]
        try:
            while True:
                await self.handle_next()
        except (StopConsumer, ConnectionError):
            pass
        finally:
            if self.key is not None:
                connections.left(self.key)
            if self.place is not None:
                self.place.leave()
            if self.executions is not None:
                await self.executions.abandon()

    async def handle_next(self) -> None:
        # A method of its own: the loop would keep a message, a password in it, until the next one comes.
        message = await self.receive()
        await getattr(self, get_handler_name(message))(message)

    # Messages

    async def imap_connect(self, message: ImapConnect) -> None:
        names = " ".join(await self.capabilities())
        await self.respond(response.status(None, "OK", "IMAPX ready", f"CAPABILITY {names}"))
        await self.next()

    async def imap_command(self, message: ImapCommand) -> None:
        command = message["command"]
        serve = self.COMMANDS.get(command.name, ImapConsumer.other)
        bad = False
        try:
            if command.name in self.WITHOUT_ARGUMENTS:
                parse_nothing(command)
            await serve(self, command)
        except BadSyntax as error:
            bad = True
            if command.offered is not None:
                self.conduit.dialogues.refuse_input()
            await self.record_unparsable(command.name, command.fragments, str(error))
            await self.respond(response.status(command.tag, "BAD", str(error)))
        await self.next(bad)

    async def imap_refused(self, message: ImapRefused) -> None:
        refused = message["refused"]
        await self.record_unparsable(refused.name, (refused.text_read,), refused.text)
        if not refused.fatal:
            await self.next(bad=True)

    async def imap_shutdown(self, message: ImapShutdown) -> None:
        if self.executions is not None:
            await self.executions.finish(message["seconds"], Outcome.SHUTDOWN)
        await self.respond(response.status(None, "BYE", "the server is shutting down"))
        await self.send({"type": "imap.close"})

    def end_now(self, why: str, reason: str) -> None:
        """Somebody wants it to end: the executions at once, the rest when they have."""
        self.why_ended, self.text_of_end = why, f"this connection was ended: {reason}"
        if self.executions is not None:
            self.executions.cancel_all(Outcome.ENDED, why)
        self.conduit.end(self.text_of_end)

    async def imap_ended(self, message: ImapEnded) -> None:
        if self.executions is not None:
            await self.executions.finish(0, Outcome.ENDED, self.why_ended)
        await self.respond(response.status(None, "BYE", self.text_of_end))
        await self.send({"type": "imap.close"})

    async def imap_identified(self, message: ImapIdentified) -> None:
        if self.key is not None:
            connections.identified(self.key, self.client_id)

    async def imap_engine_lost(self, message: ImapEngineLost) -> None:
        if self.executions is not None:
            await self.executions.finish(0, Outcome.ENGINE_LOST)
        if message["reason"]:
            await self.respond(response.status(None, "BYE", message["reason"], "UNAVAILABLE"))
        await self.send({"type": "imap.close"})

    async def imap_disconnect(self, message: ImapDisconnect) -> None:
        raise StopConsumer

    async def respond(self, data: bytes) -> None:
        await self.send({"type": "imap.response", "data": data})

    async def next(self, bad: bool = False) -> None:
        await self.send({"type": "imap.next", "bad": bad})

    # Commands of any state

    async def capability(self, command: CommandReceived) -> None:
        await self.conduit.settle()
        await self.respond(response.capability(await self.capabilities()))
        await self.respond(response.status(command.tag, "OK", "CAPABILITY completed"))

    async def capabilities(self) -> tuple[str, ...]:
        if self.executions is None:
            return capability.before_login(secure=self.secure, start_tls=self.may_start_tls, mechanisms=self.mechanisms)
        try:
            execute = bool(await authorization.visible_verbs(self.user_id))
        except Refused:
            execute = False  # the map can't be read: then nothing can be run either
        return capability.after_login(self.engine_capabilities, execute=execute, xexec=settings.IMAPX["XEXEC"])

    async def noop(self, command: CommandReceived) -> None:
        await self.respond(response.status(command.tag, "OK", "NOOP completed"))

    async def id(self, command: CommandReceived) -> None:
        self.identified = command.fragments
        if self.key is not None:
            connections.identified(self.key, self.client_id)
        await self.respond(b'* ID ("name" "IMAPX")\r\n' + response.status(command.tag, "OK", "ID completed"))

    async def logout(self, command: CommandReceived) -> None:
        if self.executions is not None:
            await self.executions.finish(0, Outcome.CANCELED)
        if not await self.conduit.settle() or not self.conduit.relay_logout(command.tag):
            await self.respond(response.status(None, "BYE", "IMAPX is logging you out"))
            await self.respond(response.status(command.tag, "OK", "LOGOUT completed"))
            await self.send({"type": "imap.close"})

    # Before login

    @property
    def secure(self) -> bool:
        """Whether a password may be sent: it crosses no network, or encrypted."""
        return self.scope["tls"] or is_loopback(self.scope["client"][0])

    @property
    def may_start_tls(self) -> bool:
        return self.scope["start_tls"] and not self.scope["tls"]

    @property
    def mechanisms(self) -> tuple[str, ...]:
        return ("PLAIN", "LOGIN", *self.engine.mechanisms)

    async def start_tls(self, command: CommandReceived) -> None:
        if not self.may_start_tls:
            raise BadSyntax("STARTTLS is not possible here")
        await self.conduit.start_tls(response.status(command.tag, "OK", "begin TLS"))
        # Who it was from is not known: nothing of before TLS counts.
        self.failed_logins = 0
        self.identified = ()

    async def log_in(self, command: CommandReceived) -> None:
        if not self.secure:
            text = "use STARTTLS first"
            await self.respond(response.status(command.tag, "NO", text, "PRIVACYREQUIRED"))
            return
        username = ""
        try:
            given = await credentials(command, self.ask, self.mechanisms)
            username = given.username
            lower = settings.IMAPX["ENGINE_LOWERCASE"]
            user, engine = await admit(given, self.engine, self.origin, lower=lower)
        except MechanismUnknown:
            await self.respond(response.status(command.tag, "NO", "this mechanism is not offered", "CANNOT"))
        except LoginFailed as failed:
            await self.record_login(failed.username or username, None, Outcome.FAILED, str(failed))
            await self.answer_failure(command.tag, failed)
        except (EngineUnavailable, DatabaseError) as unavailable:
            logger.error("No login for %r: %s", username, unavailable)
            await self.record_login(username, None, Outcome.UNAVAILABLE, str(unavailable))
            text = "mail can't be reached now, please try later"
            await self.respond(response.status(command.tag, "NO", text, "UNAVAILABLE"))
        else:
            await self.logged_in(command, user, engine)

    async def answer_failure(self, tag: bytes, failed: LoginFailed) -> None:
        """The same for all that may be wrong, and late: see penalties."""
        await penalties.wait(self.scope["client"][0])
        if isinstance(failed, LoginCanceled):
            await self.respond(response.status(tag, "BAD", "AUTHENTICATE canceled"))
        else:
            text = "wrong user name or password"
            await self.respond(response.status(tag, "NO", text, "AUTHENTICATIONFAILED"))
        self.failed_logins += 1
        if self.failed_logins >= settings.IMAPX["FAILED_LOGINS_PER_CONNECTION"]:
            await self.respond(response.status(None, "BYE", "too many failed logins"))
            await self.send({"type": "imap.close"})
            raise StopConsumer

    async def logged_in(self, command: CommandReceived, user: User, engine: EngineConnection | None) -> None:
        self.user_id, username = user.pk, user.get_username()
        self.place = user_places.take(self.user_id, self.scope["client"][0])
        if self.place is None:
            if engine is not None:
                engine.transport.abort()
            await self.record_login(username, self.user_id, Outcome.LIMIT, "too many connections of this user")
            text = "too many connections of this user from this address"
            await self.respond(response.status(command.tag, "NO", text, "LIMIT"))
            return
        if engine is not None:
            self.engine_capabilities = engine.capabilities
        self.action_verbs = await self.known_action_verbs()
        if settings.IMAPX["XEXEC"]:
            self.action_verbs |= {b"XEXEC"}
        self.conduit.log_in(engine, self.action_verbs)
        self.executions = Executions(
            self.conduit,
            user_id=self.user_id,
            username=username,
            remote_addr=self.scope["client"][0] or None,
            tls=self.scope["tls"],
            client_id=lambda: self.client_id,
        )
        self.key = await connections.arrived(
            user_id=self.user_id,
            username=username,
            remote_addr=self.scope["client"][0] or None,
            tls=self.scope["tls"],
            client_id=self.client_id,
            door="imap",
            end=self.end_now,
        )
        names = " ".join(await self.capabilities())
        text = f"{command.name.decode()} completed"
        await self.respond(response.status(command.tag, "OK", text, f"CAPABILITY {names}"))

    @property
    def origin(self) -> Origin:
        address, port = self.scope["client"]
        return Origin(address, port, self.scope["connection"])

    async def known_action_verbs(self) -> frozenset[bytes]:
        try:
            return frozenset(name.encode() for name in await authorization.action_verbs())
        except Refused:
            return frozenset()  # nothing can be run without the map, but mail goes on

    async def ask(self, text: str) -> Secret:
        await self.send({"type": "imap.continue", "text": text})
        message = await self.receive()
        if message["type"] != "imap.line":
            raise StopConsumer
        line: Secret = message["line"]
        return line

    async def record_login(self, username: str, user_id: int | None, outcome: Outcome, reason: str = "") -> None:
        await audit.record_login(
            username=username,
            user_id=user_id,
            outcome=outcome,
            reason=reason,
            remote_addr=self.scope["client"][0] or None,
            tls=self.scope["tls"],
            client_id=self.client_id,
        )

    @property
    def client_id(self) -> str:
        """What the client has called itself last, as far as is known now."""
        return client_id_of_line(self.conduit.identified) or client_id(self.identified)

    # After login

    async def execute(self, command: CommandReceived) -> None:
        parse = PARSE.get(command.name, parse_action)
        if self.executions is not None:
            self.executions.start(command.tag, parse(command))

    async def feed(self, command: CommandReceived) -> None:
        if self.executions is not None:
            self.executions.feed(command.tag, parse_feed(command))

    async def cancel(self, command: CommandReceived) -> None:
        tag = parse_cancel(command)
        if self.executions is None or not self.executions.cancel(tag):
            raise BadSyntax("no execution has this tag")
        await self.respond(response.status(command.tag, "OK", "CANCEL completed"))

    async def other(self, command: CommandReceived) -> None:
        """An action verb; or a command of the engine's where there is none."""
        if self.executions is not None and command.name in self.action_verbs:
            await self.execute(command)
        else:
            await self.respond(response.status(command.tag, "NO", "no mail is kept here", "UNAVAILABLE"))

    async def record_unparsable(self, name: bytes, fragments: Sequence[Fragment], reason: str) -> None:
        """Of a command that was to run something, or to feed what runs."""
        if self.executions is not None and (name in RUNNING or name in self.action_verbs):
            await self.executions.record_unparsable(verb_meant(name, fragments), f"{name.decode()}: {reason}")

    WITHOUT_ARGUMENTS = frozenset({b"CAPABILITY", b"NOOP", b"LOGOUT", b"STARTTLS"})

    COMMANDS: ClassVar[dict[bytes, Callable[..., Awaitable[None]]]] = {
        b"CAPABILITY": capability,
        b"NOOP": noop,
        b"ID": id,
        b"LOGOUT": logout,
        b"STARTTLS": start_tls,
        b"LOGIN": log_in,
        b"AUTHENTICATE": log_in,
        b"EXECUTE": execute,
        b"CANCEL": cancel,
        b"FEED": feed,
    }
