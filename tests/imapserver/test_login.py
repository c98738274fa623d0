"""The one spelling of a name, and passwords that never go to an engine: without a server."""

import pytest

from imapserver.engine.credentials import Password, Token
from imapserver.login import engine_username
from imapserver.sasl import LoginFailed
from imapserver.wire.secret import Secret


def password(username: str, octets: bytes = b"pw") -> Password:
    return Password(username, Secret(octets))


@pytest.mark.parametrize("name", ["Ann", "ann", "ANN"])
def test_names_are_one_without_case(name: str) -> None:
    assert engine_username(password(name), lower=True) == "ann"
    assert engine_username(password(name), lower=False) == name


def test_usual_names_go_through() -> None:
    for name in ("ann@example.org", "ann+box", "a.n-n_1", "x" * 150):
        assert engine_username(password(name), lower=True) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "ann ", " ann", "a nn", "ann\t", "ann\n", "ann\0", "ann*master", "*", "ann%u", "ann/x", "a\\b"),
        *("\uff41nn", "\u0430nn", "ann\u200b", "an\u0303n", "\u00e4nn", "ann\u00a0", "a" * 151, "\udc80", '"ann"'),
    ],
)
def test_name_that_could_be_another_ones_is_refused(name: str) -> None:
    for lower in (True, False):
        for given in (password(name), Token(name, Secret(b"t"), "XOAUTH2")):
            with pytest.raises(LoginFailed, match="no name"):
                engine_username(given, lower=lower)


@pytest.mark.parametrize("octets", [b"", b"\0", b"pw\r", b"pw\n", b"pw\r\nA2 LOGOUT", b"\0pw"])
def test_password_that_would_leave_its_line_is_refused(octets: bytes) -> None:
    with pytest.raises(LoginFailed, match="no password") as caught:
        engine_username(password("ann", octets), lower=True)
    assert "LOGOUT" not in repr(caught.value)
