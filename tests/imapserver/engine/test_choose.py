import logging
from pathlib import Path

import pytest

from imapserver.engine import EngineUnavailable, choose
from imapserver.engine.private_dovecot import PrivateDovecot, find_dovecot
from tests.support.peers import require


def test_auto_takes_dovecot_where_it_is_found():
    require("dovecot", "dovecot-imapd")
    assert isinstance(choose("auto"), PrivateDovecot)


def test_auto_takes_none_and_says_why_where_dovecot_has_another_configuration(path_with_dovecot, caplog):
    path_with_dovecot("echo '2.4.1 (abc)'")
    with caplog.at_level(logging.INFO):
        assert choose("auto").name == "none"
    assert "version 2.4.1 (abc)" in caplog.text
    with pytest.raises(EngineUnavailable):
        find_dovecot()


async def test_dovecot_that_is_asked_for_by_name_is_not_replaced(path_with_dovecot, data_dir, settings):
    settings.DATA_DIR = data_dir
    path_with_dovecot("echo '2.4.1 (abc)'")
    engine = choose("dovecot")
    with pytest.raises(EngineUnavailable, match=r"2\.4\.1"):
        await engine.start()


async def test_none_keeps_no_mail():
    engine = choose("none")
    await engine.start()
    assert await engine.open("ann") is None
    await engine.stop()


@pytest.mark.parametrize("name", ["", "Dovecot", "imap://127.0.0.1"])
def test_any_other_name_is_an_error_that_lists_the_names(name):
    with pytest.raises(ValueError, match="use auto, dovecot or none"):
        choose(name)


def test_dovecot_is_found_where_path_does_not_lead(monkeypatch):
    binary = require("dovecot", "dovecot-imapd")
    if binary != Path("/usr/sbin/dovecot"):
        pytest.skip("it is not in /usr/sbin here")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert find_dovecot() == str(binary)
