"""How things come out, in one word each: audit events, executions and ends use the same."""

from enum import StrEnum


class Outcome(StrEnum):
    # login
    OK = "ok"
    FAILED = "failed"
    LOGOUT = "logout"
    LOCKED_OUT = "locked-out"  # an alert: by too many failed logins, not by an administrator's lock
    # accept
    ACCEPTED = "accepted"
    # reject: nothing has run
    NOPERM = "noperm"
    NOVERB = "noverb"  # told apart in the record alone: the client sees NOPERM
    PRIVACY = "privacyrequired"
    USAGE = "usage"
    UNPARSABLE = "unparsable"
    UNAVAILABLE = "unavailable"
    # reject and exit
    LIMIT = "limit"
    # exit
    EXIT = "exit"
    SIGNAL = "signal"
    CANCELED = "canceled"
    REVOKED = "revoked"  # the right to it was taken away while it ran
    ENDED = "ended"  # by an administrator, who may have left the right to it
    TIMEOUT = "timeout"
    CANNOT = "cannot"
    CLIENT_GONE = "client-gone"
    ENGINE_LOST = "engine-lost"  # whose user it is can't be vouched for any more
    AUDIT_LOST = "audit-lost"  # what it does can't be recorded any more
    SHUTDOWN = "shutdown"
    ERROR = "error"
    LOST = "lost"  # its server died, and nobody knows how it came out
