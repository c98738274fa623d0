import os

import pytest

from imapserver.engine.connection import EngineUnavailable
from imapserver.engine.mail_store import make_run_dir, prepare_mail_dir, remove_run_dir

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives mail to another user")
MAIL = (8, 8)


@pytest.fixture
def places(data_dir):
    """A data directory that its owner alone may pass, and a place elsewhere."""
    private = data_dir / "private"
    private.mkdir()
    private.chmod(0o700)
    return private, data_dir / "elsewhere"


def test_mail_is_in_the_data_directory_where_its_user_can_get_there(data_dir):
    uid, gid = os.geteuid(), os.getegid()
    assert prepare_mail_dir(data_dir, uid, gid) == data_dir / "mail"
    assert prepare_mail_dir(data_dir, uid, gid) == data_dir / "mail"


@needs_root
def test_mail_is_elsewhere_and_linked_where_its_user_can_not_get_to_the_data_directory(places, caplog):
    private, elsewhere = places
    old = os.umask(0o077)
    try:
        mail_dir = prepare_mail_dir(private, *MAIL, elsewhere)
    finally:
        os.umask(old)
    assert mail_dir.is_relative_to(elsewhere)
    assert (private / "mail").readlink() == mail_dir
    assert mail_dir.stat().st_uid == MAIL[0]
    assert all(path.stat().st_mode & 0o001 for path in (elsewhere, mail_dir.parent))
    assert str(mail_dir) in caplog.text
    assert prepare_mail_dir(private, *MAIL, elsewhere) == mail_dir


@needs_root
def test_mail_elsewhere_is_made_again_if_somebody_removed_it(places):
    private, elsewhere = places
    mail_dir = prepare_mail_dir(private, *MAIL, elsewhere)
    mail_dir.rmdir()
    mail_dir.parent.rmdir()
    assert prepare_mail_dir(private, *MAIL, elsewhere) == mail_dir
    assert mail_dir.is_dir()


@needs_root
def test_two_data_directories_do_not_share_mail(places, data_dir):
    private, elsewhere = places
    other = data_dir / "other"
    other.mkdir(mode=0o700)
    assert prepare_mail_dir(private, *MAIL, elsewhere) != prepare_mail_dir(other, *MAIL, elsewhere)


@needs_root
def test_mail_that_its_user_can_not_get_to_is_not_left_behind_silently(places):
    private, elsewhere = places
    (private / "mail" / "ann").mkdir(parents=True)
    with pytest.raises(EngineUnavailable, match="can't get to"):
        prepare_mail_dir(private, *MAIL, elsewhere)


@needs_root
def test_mail_of_another_user_is_refused(data_dir):
    (data_dir / "mail").mkdir()
    with pytest.raises(EngineUnavailable, match="belongs to user 0"):
        prepare_mail_dir(data_dir, *MAIL)


@pytest.mark.parametrize("rootless", [True, False] if os.geteuid() == 0 else [True])
@pytest.mark.parametrize("runtime", ["", "relative", "/nonexistent", "/" + 100 * "x"])
def test_run_directory_is_short_whatever_the_environment_says(monkeypatch, rootless, runtime):
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    path = make_run_dir(rootless)
    assert len(str(path / "base" / "token-login" / "imap-urlauth")) < 70
    remove_run_dir(path)
    assert not path.exists()


def test_only_a_run_directory_is_removed(tmp_path):
    remove_run_dir(tmp_path)
    assert tmp_path.exists()
