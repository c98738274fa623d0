"""How a user is logged in: what the client gave, and what an engine is given."""

from dataclasses import dataclass
from typing import Protocol

from imapserver.wire.secret import Secret


class Credentials(Protocol):
    """`mechanism` is a SASL mechanism's name; `response` its initial response, octets before base64."""

    @property
    def mechanism(self) -> str: ...

    @property
    def username(self) -> str: ...

    def response(self) -> Secret: ...

    def named(self, username: str) -> "Credentials":
        """The same for the user as the server spells it."""


@dataclass(frozen=True, slots=True)
class Password:
    username: str
    password: Secret
    acting_for: str = ""
    """The user to become, where `username` is a master user (authorization identity, RFC 4616)."""

    mechanism = "PLAIN"

    def response(self) -> Secret:
        return Secret(f"{self.acting_for}\0{self.username}\0".encode() + self.password.reveal())

    def named(self, username: str) -> "Password":
        return Password(username, self.password)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token by OAUTHBEARER (RFC 7628) or XOAUTH2 (the same before there was an RFC)."""

    username: str
    token: Secret
    mechanism: str

    def response(self) -> Secret:
        auth = b"auth=Bearer " + self.token.reveal() + b"\1\1"
        if self.mechanism == "XOAUTH2":
            return Secret(b"user=" + self.username.encode() + b"\1" + auth)
        return Secret(b"n,a=" + self.username.replace("=", "=3D").replace(",", "=2C").encode() + b",\1" + auth)

    def named(self, username: str) -> "Token":
        return Token(username, self.token, self.mechanism)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a client comes from, for the engine's own log."""

    address: str
    port: int
    connection: str
    """The connection's id in IMAPX's log and record."""
