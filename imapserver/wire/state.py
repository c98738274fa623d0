"""The state machine: from (state, command) to verdict. RFC 3501 section 3."""

from enum import Enum, auto


class State(Enum):
    NOT_AUTHENTICATED = auto()
    AUTHENTICATED = auto()
    SELECTED = auto()
    LOGOUT = auto()


class Verdict(Enum):
    SERVE = auto()
    """IMAPX answers it itself."""
    RELAY = auto()
    """The engine's, byte for byte."""
    REFUSE = auto()
    """BAD, and it goes no further."""


_BEFORE_LOGIN = {
    b"CAPABILITY": Verdict.SERVE,
    b"NOOP": Verdict.SERVE,
    b"ID": Verdict.SERVE,
    b"STARTTLS": Verdict.SERVE,
    b"LOGIN": Verdict.SERVE,
    b"AUTHENTICATE": Verdict.SERVE,
    b"LOGOUT": Verdict.SERVE,
}

_AFTER_LOGIN = {
    b"CAPABILITY": Verdict.SERVE,
    b"LOGOUT": Verdict.SERVE,
    b"EXECUTE": Verdict.SERVE,
    b"CANCEL": Verdict.SERVE,
    b"FEED": Verdict.SERVE,
    # A user who logs in again on the engine would be another one there than here.
    b"LOGIN": Verdict.REFUSE,
    b"AUTHENTICATE": Verdict.REFUSE,
    b"UNAUTHENTICATE": Verdict.REFUSE,
    # Behind these the relay would be blind: what follows is no IMAP that it can read.
    b"STARTTLS": Verdict.REFUSE,
    b"COMPRESS": Verdict.REFUSE,
}

TABLE: dict[State, tuple[dict[bytes, Verdict], Verdict]] = {
    State.NOT_AUTHENTICATED: (_BEFORE_LOGIN, Verdict.REFUSE),
    State.AUTHENTICATED: (_AFTER_LOGIN, Verdict.RELAY),
    State.SELECTED: (_AFTER_LOGIN, Verdict.RELAY),
    State.LOGOUT: ({}, Verdict.REFUSE),
}


def verdict(state: State, name: bytes) -> Verdict:
    """What becomes of the command `name`, in capitals."""
    commands, otherwise = TABLE[state]
    return commands.get(name, otherwise)
