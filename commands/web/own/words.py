"""Outcomes in words for the user whom they are about. What a rule says inside is no part of them."""

from commands.authorization import NOT_PERMITTED
from commands.models import AuditEvent, Execution
from commands.outcome import Outcome

DOORS = {"imap": "IMAP", "web": "the web"}

GOOD, BAD, NEUTRAL = "good", "bad", "neutral"

ENDS = {
    "": "running",
    Outcome.CANCELED.value: "cancelled by the client",
    Outcome.REVOKED.value: "ended: a lock, or you may not run it any more",
    Outcome.ENDED.value: "ended by you or an administrator",
    Outcome.TIMEOUT.value: "ended: it took too long",
    Outcome.LIMIT.value: "ended: it went over a limit",
    Outcome.CANNOT.value: "ended: your client can't carry it",
    Outcome.CLIENT_GONE.value: "ended: your client went away",
    Outcome.ENGINE_LOST.value: "ended: the mail server went away",
    Outcome.AUDIT_LOST.value: "ended: it could not be recorded any more",
    Outcome.SHUTDOWN.value: "ended: the server was stopped",
    Outcome.UNAVAILABLE.value: "not started",
    Outcome.ERROR.value: "failed by a fault of the server",
    Outcome.LOST.value: "not known: its server died",
}

LOGINS = {
    Outcome.OK.value: "logged in",
    Outcome.LOGOUT.value: "logged out",
    Outcome.FAILED.value: "refused",
    Outcome.LOCKED_OUT.value: "refused for a while: too many failed logins from there",
    Outcome.LIMIT.value: "refused: too many connections from there",
    Outcome.UNAVAILABLE.value: "not possible: the mail server could not be reached",
    Outcome.ENDED.value: "disconnected by you or an administrator",
}

REFUSALS = {
    Outcome.NOPERM.value: NOT_PERMITTED,
    Outcome.NOVERB.value: NOT_PERMITTED,  # as the client: names of verbs are not told to whom they don't serve
    Outcome.PRIVACY.value: "this verb needs TLS",
    Outcome.UNAVAILABLE.value: "it was not available",
}
TOLD = (Outcome.USAGE.value, Outcome.LIMIT.value, Outcome.UNPARSABLE.value)
"""Of these the reason on record is what the client was told."""


def end(execution: Execution) -> tuple[str, str]:
    """How it came out: the words, and whether that is good."""
    outcome, code = execution.outcome, execution.exit_code
    if outcome == Outcome.EXIT:
        return ("done", GOOD) if not code else (f"ended with status {code}", BAD)
    if outcome == Outcome.SIGNAL:
        return f"ended by signal {code}", BAD
    return ENDS.get(outcome, outcome), NEUTRAL if not outcome else BAD


def refusal(event: AuditEvent) -> str:
    """Why, as the client was told."""
    return event.reason if event.outcome in TOLD else REFUSALS.get(event.outcome, event.outcome)


def login(event: AuditEvent) -> tuple[str, str]:
    good = event.outcome in (Outcome.OK, Outcome.LOGOUT)
    return LOGINS.get(event.outcome, event.outcome), GOOD if good else BAD


def door(name: str) -> str:
    return DOORS.get(name, name)
