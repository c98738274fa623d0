"""How an execution ends on the wire: each end and each refusal as its one tagged response (PROTOCOL section 6)."""

from commands.attempt import End
from commands.authorization import Refused
from commands.outcome import Outcome
from imapserver.wire import response

REFUSALS = {
    Outcome.NOPERM: ("NO", "NOPERM"),
    Outcome.PRIVACY: ("NO", "PRIVACYREQUIRED"),
    Outcome.LIMIT: ("NO", "LIMIT"),
    Outcome.UNAVAILABLE: ("NO", "UNAVAILABLE"),
    Outcome.USAGE: ("BAD", ""),
}

ENDS = {
    Outcome.CANCELED: ("CANCELED", "was canceled"),
    Outcome.REVOKED: ("CANCELED", "was ended by an administrator"),
    Outcome.ENDED: ("CANCELED", "was ended by an administrator"),
    Outcome.SHUTDOWN: ("CANCELED", "was canceled: the server is shutting down"),
    Outcome.TIMEOUT: ("TIMEOUT", "took too long"),
    Outcome.LIMIT: ("LIMIT", "went over its limit of input or output"),
    Outcome.UNAVAILABLE: ("UNAVAILABLE", "was ended: its messages can't be had"),
    Outcome.AUDIT_LOST: ("UNAVAILABLE", "was ended: it can't be recorded any more"),
    Outcome.CANNOT: ("CANNOT", "can't be carried in this form"),
    Outcome.CLIENT_GONE: ("CANCELED", "was canceled"),
    Outcome.ENGINE_LOST: ("CANCELED", "was canceled: the mail engine is gone"),
}


def refusal(tag: bytes, refused: Refused) -> bytes:
    condition, code = REFUSALS.get(refused.outcome, ("NO", "SERVERBUG"))
    return response.status(tag, condition, refused.text, code)


def ending(tag: bytes, verb: str, end: End) -> bytes:
    if end.outcome is Outcome.EXIT:
        condition, text = ("OK", "completed") if end.code == 0 else ("NO", "failed")
        return response.status(tag, condition, f"{verb} {text}", f"EXIT {end.code}")
    if end.outcome is Outcome.SIGNAL:
        return response.status(tag, "NO", f"{verb} was killed by a signal", f"SIGNAL {end.code}")
    code, text = ENDS.get(end.outcome, ("SERVERBUG", "failed"))
    return response.status(tag, "NO", f"{verb} {text}", code)


def bug(tag: bytes) -> bytes:
    """Anything unforeseen: the log has it, the client does not."""
    return response.status(tag, "NO", "internal error", "SERVERBUG")
