"""A secret is not printed by anything that prints a value."""

import pytest

from imapserver.wire.secret import Secret

SECRET = Secret(b"canary")


@pytest.mark.parametrize("printed", [repr(SECRET), str(SECRET), f"{SECRET}", f"{SECRET!r}", repr([SECRET])])
def test_no_way_of_printing_shows_it(printed):
    assert "canary" not in printed


def test_it_is_revealed_where_it_is_asked_for():
    assert SECRET.reveal() == b"canary"


def test_empty_secret_is_false():
    assert SECRET
    assert not Secret(b"")


def test_it_has_no_dictionary_that_a_debugger_would_dump():
    with pytest.raises(TypeError):
        vars(SECRET)
