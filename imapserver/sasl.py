"""SASL mechanisms as a server: AUTHENTICATE PLAIN, LOGIN, OAUTHBEARER, XOAUTH2."""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable

from imapserver.engine.credentials import Credentials, Password, Token
from imapserver.wire.exceptions import BadSyntax
from imapserver.wire.secret import Secret

Ask = Callable[[str], Awaitable[Secret]]
"""Sends `+ text` and returns the client's line."""

OAUTHBEARER = re.compile(
    rb"n,a=(?P<user>[^,\x01]+),\x01(?:[a-z]+=[^\x01]*\x01)*?auth=(?i:Bearer) (?P<token>[!-~]+)\x01.*\x01"
)
XOAUTH2 = re.compile(rb"user=(?P<user>[^\x01]+)\x01auth=(?i:Bearer) (?P<token>[!-~]+)\x01\x01")


class LoginFailed(Exception):
    """`username` is what the client said, for the record; empty if it did not get so far."""

    def __init__(self, username: str, reason: str) -> None:
        super().__init__(reason)
        self.username = username


class LoginCanceled(LoginFailed):
    """The client broke the exchange off. Answer: BAD (RFC 3501 section 6.2.2)."""


async def authenticate(mechanism: str, initial: Secret | None, ask: Ask) -> Credentials:
    """Play one mechanism's part. `initial` is the initial response in base64. Raises BadSyntax, LoginFailed."""
    if mechanism == "LOGIN":
        # No initial response in its draft, but it is the user name where clients send one.
        username = _decoded(initial or await _answer(ask, "VXNlcm5hbWU6"))
        password = _decoded(await _answer(ask, "UGFzc3dvcmQ6"))
        return Password(text(username), Secret(password))
    response = _decoded(initial if initial is not None else await _answer(ask, ""))
    if mechanism == "PLAIN":
        return _plain(response)
    return _token(mechanism, response)


async def _answer(ask: Ask, challenge: str) -> Secret:
    line = await ask(challenge)
    if line.reveal() == b"*":
        raise LoginCanceled("", "canceled by the client")
    return line


def _decoded(line: Secret) -> bytes:
    try:
        return base64.b64decode(line.reveal(), validate=True)
    except binascii.Error:
        # Without its context: that holds the line.
        raise BadSyntax("the response is no base64") from None


def text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise LoginFailed(name.decode("utf-8", "backslashreplace"), "no UTF-8") from None


def _plain(response: bytes) -> Password:
    """RFC 4616: [authzid] NUL authcid NUL passwd."""
    parts = response.split(b"\0")
    if len(parts) != 3:
        raise LoginFailed("", "malformed PLAIN response")
    authorization, username, password = parts
    if authorization not in (b"", username):
        raise LoginFailed(username.decode("utf-8", "backslashreplace"), "another authorization identity")
    return Password(text(username), Secret(password))


def _token(mechanism: str, response: bytes) -> Token:
    """RFC 7628 section 3.1. The user has to be named: policy and record go by it, whatever the token says."""
    match = (XOAUTH2 if mechanism == "XOAUTH2" else OAUTHBEARER).fullmatch(response)
    if match is None:
        raise LoginFailed("", f"malformed {mechanism} response")
    username = match["user"]
    if mechanism == "OAUTHBEARER":
        username = username.replace(b"=2C", b",").replace(b"=3D", b"=")
    return Token(text(username), Secret(match["token"]), mechanism)
