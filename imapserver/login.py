"""LOGIN and AUTHENTICATE: who this connection is."""

import base64
import binascii
from collections.abc import Awaitable, Callable

from channels.db import database_sync_to_async
from django.contrib.auth import authenticate
from django.contrib.auth.base_user import AbstractBaseUser

from imapserver.wire.command import Login, parse_authenticate, parse_login
from imapserver.wire.events import CommandReceived
from imapserver.wire.exceptions import BadSyntax
from imapserver.wire.secret import Secret

Ask = Callable[[], Awaitable[Secret]]
"""Sends an empty continuation request and returns the client's line."""


class LoginFailed(Exception):
    """`username` is what the client said, for the record; empty if it did not get so far."""

    def __init__(self, username: str, reason: str) -> None:
        super().__init__(reason)
        self.username = username


class MechanismUnknown(Exception):
    """No such SASL mechanism is offered here."""


async def credentials(command: CommandReceived, ask: Ask) -> Login:
    """Read user name and password. Raises BadSyntax, LoginFailed, MechanismUnknown."""
    if command.name == b"LOGIN":
        return parse_login(command)
    mechanism, response = parse_authenticate(command)
    if mechanism != "PLAIN":
        raise MechanismUnknown
    if response is None:
        response = await ask()
        if response.reveal() == b"*":
            raise BadSyntax("AUTHENTICATE canceled")
    return _plain(response)


def _plain(response: Secret) -> Login:
    """RFC 4616: [authzid] NUL authcid NUL passwd, in base64."""
    try:
        decoded = base64.b64decode(response.reveal(), validate=True)
    except binascii.Error:
        # Without its context: that holds the line.
        raise BadSyntax("the response is no base64") from None
    parts = decoded.split(b"\0")
    if len(parts) != 3:
        raise LoginFailed("", "malformed PLAIN response")
    authorization, username, password = parts
    if authorization not in (b"", username):
        raise LoginFailed(username.decode("utf-8", "backslashreplace"), "another authorization identity")
    return Login(username, Secret(password))


async def authenticated_user(login: Login) -> AbstractBaseUser:
    """Ask Django's authentication backends. Raises LoginFailed, whose reason is for the record alone.

    The user is the one that the database names: its spelling, not the client's, goes to policy and engine."""
    try:
        username, password = login.username.decode(), login.password.reveal().decode()
    except UnicodeDecodeError:
        raise LoginFailed(login.username.decode("utf-8", "backslashreplace"), "no UTF-8") from None
    if not username or not password or "\0" in username + password:
        raise LoginFailed(username, "empty or with NUL")
    # Not thread-sensitive: hashing takes a tenth of a second, and logins must not wait for each other.
    user: AbstractBaseUser | None = await database_sync_to_async(authenticate, thread_sensitive=False)(
        username=username, password=password
    )
    if user is None:
        raise LoginFailed(username, "wrong user name or password")
    return user
