"""How things come out, in one word each: audit events, executions and ends use the same."""

from enum import StrEnum


class Outcome(StrEnum):
    # login
    OK = "ok"
    FAILED = "failed"
    # accept
    ACCEPTED = "accepted"
    # reject: nothing has run
    NOPERM = "noperm"
    NOVERB = "noverb"  # told apart in the record alone: the client sees NOPERM
    USAGE = "usage"
    UNAVAILABLE = "unavailable"
    # reject and exit
    LIMIT = "limit"
    # exit
    EXIT = "exit"
    SIGNAL = "signal"
    CANCELED = "canceled"
    TIMEOUT = "timeout"
    CANNOT = "cannot"
    CLIENT_GONE = "client-gone"
    ENGINE_LOST = "engine-lost"  # whose user it is can't be vouched for any more
    SHUTDOWN = "shutdown"
    ERROR = "error"
