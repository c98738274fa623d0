"""The short way for what most commands are: one of the engine's that its first line ends."""

import re
from collections.abc import Container

from imapserver.wire import limits
from imapserver.wire.events import RelayStarted
from imapserver.wire.state import TABLE, State, Verdict
from imapserver.wire.syntax import ATOM, TAG

# Nothing in it quotes, announces, or could be cut in two ways.
PLAIN = re.compile(rb"(" + TAG.pattern + rb") (" + ATOM.pattern + rb")(?: [^\r\n\0\"{]*)?\r\n")
# But these are not the engine's, or wait for it.
NOT_PLAIN = frozenset({b"IDLE"}).union(
    name
    for state in (State.AUTHENTICATED, State.SELECTED)
    for name, decided in TABLE[state][0].items()
    if decided is not Verdict.RELAY
)


def plain_command(data: bytes, served: Container[bytes]) -> RelayStarted | None:
    """What ServerProtocol makes of `data` after login, if it is just one such command."""
    match = PLAIN.fullmatch(data)
    if match is None:
        return None
    tag, name = match[1], match[2].upper()
    if len(tag) > limits.TAG or name in served or name in NOT_PLAIN:
        return None
    return RelayStarted(tag, name, data)
