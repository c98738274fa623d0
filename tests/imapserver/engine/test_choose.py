import logging
from pathlib import Path

import pytest

from imapserver.engine import EngineUnavailable, choose
from imapserver.engine.private_dovecot import PrivateDovecot, find_dovecot
from imapserver.engine.remote import Location, parse_location
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


@pytest.mark.parametrize("name", ["", "Dovecot", "cyrus", "localhost"])
def test_any_other_name_is_an_error_that_lists_the_names(name):
    with pytest.raises(ValueError, match="use auto, dovecot, none, or the URL"):
        choose(name)


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("imap://mail.example", Location("imap", "mail.example", 143)),
        ("imaps://mail.example/", Location("imaps", "mail.example", 993)),
        ("IMAPS://Mail.Example:1993", Location("imaps", "mail.example", 1993)),
        ("imap://[2001:db8::1]:1143", Location("imap", "2001:db8::1", 1143)),
        ("unix:/run/dovecot/imap%20x", Location("unix", "", 0, "/run/dovecot/imap x")),
    ],
)
def test_url_names_an_engine(url, location):
    assert parse_location(url) == location
    assert choose(url).name == url


@pytest.mark.parametrize(
    "url",
    [
        *("imap:", "imap://", "imap:mail.example", "imap://:143", "imap://mail.example:x", "imap://mail.example:65536"),
        *("imap://ann@mail.example", "imap://:pw@mail.example", "imap://mail.example/INBOX", "imap://mail.example?x"),
        *("http://mail.example", "localhost:143", "unix:run/imap", "unix://run/imap", "imap://mail.example#x"),
        "imap://[::1",
    ],
)
def test_bad_url_is_an_error(url):
    with pytest.raises(ValueError):
        choose(url)


def test_master_login_without_its_password_is_an_error(settings):
    settings.IMAPX = settings.IMAPX | {"ENGINE_LOGIN": "master", "ENGINE_MASTER_USER": "master"}
    with pytest.raises(ValueError, match="IMAPX_ENGINE_MASTER_PASSWORD"):
        choose("imaps://mail.example")


def test_certificates_that_cannot_be_read_are_an_error_that_names_the_file(settings, tmp_path):
    (tmp_path / "junk.pem").write_text("junk")
    for path in (tmp_path / "missing.pem", tmp_path / "junk.pem"):
        settings.IMAPX = settings.IMAPX | {"ENGINE_CA": str(path)}
        with pytest.raises(ValueError, match=path.name):
            choose("imaps://mail.example")


def test_dovecot_is_found_where_path_does_not_lead(monkeypatch):
    binary = require("dovecot", "dovecot-imapd")
    if binary != Path("/usr/sbin/dovecot"):
        pytest.skip("it is not in /usr/sbin here")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert find_dovecot() == str(binary)
