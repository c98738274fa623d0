"""The table from (state, command) to verdict."""

import pytest

from imapserver.wire.state import TABLE, State, Verdict, verdict

AFTER_LOGIN = [State.AUTHENTICATED, State.SELECTED]


def test_every_state_has_its_row():
    assert set(TABLE) == set(State)


@pytest.mark.parametrize("name", [b"CAPABILITY", b"NOOP", b"ID", b"LOGIN", b"AUTHENTICATE", b"LOGOUT"])
def test_what_is_needed_to_log_in_is_served_before_login(name):
    assert verdict(State.NOT_AUTHENTICATED, name) is Verdict.SERVE


@pytest.mark.parametrize(
    "name", [b"EXECUTE", b"CANCEL", b"SELECT", b"APPEND", b"IDLE", b"ADD", b"XEXEC", b"XYZ", b"", b"login"]
)
def test_everything_else_is_refused_before_login(name):
    assert verdict(State.NOT_AUTHENTICATED, name) is Verdict.REFUSE


@pytest.mark.parametrize("name", [b"LOGIN", b"AUTHENTICATE", b"UNAUTHENTICATE", b"STARTTLS", b"COMPRESS"])
@pytest.mark.parametrize("state", [*AFTER_LOGIN, State.LOGOUT])
def test_what_would_change_the_user_or_blind_the_relay_is_refused_after_login(name, state):
    assert verdict(state, name) is Verdict.REFUSE


@pytest.mark.parametrize("name", [b"CAPABILITY", b"LOGOUT", b"EXECUTE", b"CANCEL"])
@pytest.mark.parametrize("state", AFTER_LOGIN)
def test_own_commands_are_served_after_login(name, state):
    assert verdict(state, name) is Verdict.SERVE


@pytest.mark.parametrize(
    "name", [b"SELECT", b"FETCH", b"UID", b"NOOP", b"IDLE", b"ID", b"ADD", b"XYZ", b"ENABLE", b"NOTIFY"]
)
@pytest.mark.parametrize("state", AFTER_LOGIN)
def test_whatever_is_not_imapxs_is_the_engines_after_login(name, state):
    assert verdict(state, name) is Verdict.RELAY


@pytest.mark.parametrize("name", [b"NOOP", b"EXECUTE", b"LOGOUT", b"SELECT"])
def test_nothing_is_possible_in_the_logout_state(name):
    assert verdict(State.LOGOUT, name) is Verdict.REFUSE
