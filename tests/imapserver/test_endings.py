"""Each way to come out has one tagged response, and what is unforeseen alone is a bug to the client."""

import pytest

from commands.attempt import End
from commands.authorization import Refused
from commands.outcome import Outcome
from imapserver.forms.endings import ending, refusal

OF_EXECUTIONS = [
    Outcome.LIMIT,
    Outcome.CANCELED,
    Outcome.REVOKED,
    Outcome.TIMEOUT,
    Outcome.CANNOT,
    Outcome.UNAVAILABLE,
    Outcome.CLIENT_GONE,
    Outcome.ENGINE_LOST,
    Outcome.AUDIT_LOST,
    Outcome.SHUTDOWN,
]


@pytest.mark.parametrize("outcome", OF_EXECUTIONS)
def test_each_end_has_its_code(outcome: Outcome) -> None:
    line = ending(b"1", "echo", End(outcome, None, 0, 0, 1.0, reason="lock 3: user ann (lost phone)"))
    assert line.startswith(b"1 NO [")
    assert b"SERVERBUG" not in line
    assert b"lost phone" not in line  # why is for the record


@pytest.mark.parametrize(
    ("outcome", "start"),
    [
        (Outcome.NOPERM, b"1 NO [NOPERM] text"),
        (Outcome.PRIVACY, b"1 NO [PRIVACYREQUIRED] text"),
        (Outcome.LIMIT, b"1 NO [LIMIT] text"),
        (Outcome.UNAVAILABLE, b"1 NO [UNAVAILABLE] text"),
        (Outcome.USAGE, b"1 BAD text"),
    ],
)
def test_each_refusal_has_its_response(outcome: Outcome, start: bytes) -> None:
    assert refusal(b"1", Refused(outcome, "text")) == start + b"\r\n"
