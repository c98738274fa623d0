"""LOGIN and AUTHENTICATE: who this connection is."""

import re

from channels.db import database_sync_to_async
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

from imapserver import penalties, sasl
from imapserver.engine.connection import EngineConnection, LoginRefused
from imapserver.engine.credentials import Credentials, Origin, Password
from imapserver.engine.engine import Engine
from imapserver.engine.remote import USERNAME
from imapserver.sasl import Ask, LoginFailed
from imapserver.wire.command import parse_authenticate, parse_login
from imapserver.wire.events import CommandReceived


class MechanismUnknown(Exception):
    """No such SASL mechanism is offered here."""


async def credentials(command: CommandReceived, ask: Ask, mechanisms: tuple[str, ...]) -> Credentials:
    """Read what the client logs in with. Raises BadSyntax, LoginFailed, MechanismUnknown."""
    if command.name == b"LOGIN":
        login = parse_login(command)
        return Password(sasl.text(login.username), login.password)
    mechanism, response = parse_authenticate(command)
    if mechanism not in mechanisms:
        raise MechanismUnknown
    return await sasl.authenticate(mechanism, response, ask)


async def admit(
    given: Credentials, engine: Engine, origin: Origin, *, lower: bool
) -> tuple[User, EngineConnection | None]:
    """Return the user who logs in, and a connection on which the engine knows it as the same one.

    Raises LoginFailed, whose reason is for the record alone, EngineUnavailable and DatabaseError. `lower`: see
    engine_username."""
    if not engine.authority:
        user = await user_by_password(given, origin.address)
        return user, await _open(engine, user.get_username(), None, origin)
    username = engine_username(given, lower=lower)
    if not await penalties.allowed(username, origin.address):
        raise LoginFailed(username, penalties.LOCKED_OUT)
    try:
        connection = await _open(engine, username, given.named(username), origin)
    except LoginFailed:
        await penalties.failed(username, origin.address)
        raise
    try:
        await penalties.succeeded(username, origin.address)
        return await user_of_engine(username), connection
    except BaseException:
        if connection is not None:
            connection.transport.abort()
        raise


async def _open(engine: Engine, username: str, given: Credentials | None, origin: Origin) -> EngineConnection | None:
    try:
        return await engine.open(username, given, origin)
    except LoginRefused as refused:
        raise LoginFailed(username, str(refused)) from None


async def user_by_password(given: Credentials, address: str) -> User:
    """Ask Django's authentication backends. Raises LoginFailed.

    The user is the one that the database names: its spelling, not the client's, goes to policy and engine."""
    if not isinstance(given, Password):
        raise LoginFailed(given.username, "no password")
    username = given.username
    try:
        password = given.password.reveal().decode()
    except UnicodeDecodeError:
        raise LoginFailed(username, "no UTF-8") from None
    if not username or not password or "\0" in username + password:
        raise LoginFailed(username, "empty or with NUL")
    # Not thread-sensitive: hashing takes a tenth of a second, and logins must not wait for each other.
    return await database_sync_to_async(penalties.authenticated, thread_sensitive=False)(username, password, address)


def engine_username(given: Credentials, *, lower: bool) -> str:
    """The one spelling of a name that an engine decides by. Raises LoginFailed for one that could have two.

    Most servers compare names without case: `Ann` and `ann` would be one mailbox there and two users here, of whom a
    rule names but one. `lower` is off for the server that does tell them apart."""
    if not USERNAME.fullmatch(given.username):
        raise LoginFailed(given.username, "no name for an engine's user")
    if isinstance(given, Password) and (not given.password or re.search(rb"[\0\r\n]", given.password.reveal())):
        raise LoginFailed(given.username, "no password, or with NUL, CR or LF")
    return given.username.lower() if lower else given.username


async def user_of_engine(username: str) -> User:
    """The user whom the engine has let in; made at the first success. Raises LoginFailed if it is not active."""
    user = await database_sync_to_async(_user_of_engine, thread_sensitive=False)(username)
    if not user.is_active:
        raise LoginFailed(username, "not active")
    return user


def _user_of_engine(username: str) -> User:
    # Without a password: the engine has it.
    return User.objects.get_or_create(username=username, defaults={"password": make_password(None)})[0]
