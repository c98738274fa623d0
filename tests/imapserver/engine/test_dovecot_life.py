"""How a private Dovecot, the real one, starts, is started again, and ends."""

import os
import signal

import pytest
import uvloop

from imapserver.engine.connection import EngineUnavailable
from imapserver.engine.private_dovecot import PrivateDovecot
from tests.imapserver.engine.mail import Mail
from tests.imapserver.engine.processes import children_of, master_pid, running

MESSAGE = b"Subject: hello\r\n\r\nThe body.\r\n"


async def test_master_that_dies_is_started_again_and_a_login_waits_for_it(data_dir):
    engine = PrivateDovecot(data_dir)
    await engine.start()
    before = master_pid(data_dir)
    mail = Mail(await engine.open("ann"))
    processes = children_of(before)
    os.kill(before, signal.SIGKILL)
    await mail.ended()
    assert b"T OK" in await Mail(await engine.open("ann")).run(b"NOOP")
    assert master_pid(data_dir) != before
    assert not any(map(running, processes))
    await engine.stop()


async def test_stop_leaves_no_process_and_no_socket(data_dir):
    engine = PrivateDovecot(data_dir)
    others = children_of(os.getpid())
    await engine.start()
    mail = Mail(await engine.open("ann"))
    processes = children_of(os.getpid()) - others
    assert len(processes) > 3
    run_dir = (data_dir / "engine" / "run").readlink()
    await engine.stop()
    assert not any(map(running, processes))
    assert not run_dir.exists()
    await mail.ended()
    await engine.stop()
    with pytest.raises(EngineUnavailable):
        await engine.open("ann")


async def test_mail_is_there_again_after_stop_and_start(data_dir):
    for expected in (b"* 1 EXISTS", b"* 2 EXISTS"):
        engine = PrivateDovecot(data_dir)
        await engine.start()
        mail = Mail(await engine.open("ann"))
        await mail.run(b"APPEND INBOX {%d+}\r\n%s" % (len(MESSAGE), MESSAGE))
        assert expected in await mail.run(b"SELECT INBOX")
        await engine.stop()


async def test_failed_start_says_what_dovecot_said_and_leaves_nothing(data_dir, path_with_dovecot):
    path_with_dovecot("case $1 in --version) echo 2.3.99;; *) echo Fatal: the reason >&2; exit 89;; esac")
    processes = children_of(os.getpid())
    with pytest.raises(EngineUnavailable, match="ended at its start: Fatal: the reason"):
        await PrivateDovecot(data_dir).start()
    assert children_of(os.getpid()) == processes
    assert not (data_dir / "engine" / "run").is_symlink()


async def test_start_where_the_directory_can_not_be_used_is_unavailable(data_dir):
    (data_dir / "engine").write_text("no directory")
    with pytest.raises(EngineUnavailable, match="File exists"):
        await PrivateDovecot(data_dir).start()


def test_it_works_on_uvloop(data_dir):
    async def start_and_log_in():
        engine = PrivateDovecot(data_dir)
        await engine.start()
        mail = Mail(await engine.open("ann"))
        said = await mail.run(b"SELECT INBOX")
        os.kill(master_pid(data_dir), signal.SIGKILL)
        await mail.ended()
        again = await Mail(await engine.open("ann")).run(b"SELECT INBOX")
        await engine.stop()
        return said, again

    assert all(b"* 0 EXISTS" in said for said in uvloop.run(start_and_log_in()))


async def test_data_directory_may_hold_what_the_configuration_quotes(data_dir):
    engine = PrivateDovecot(data_dir / 'a "b" %u #c \\d')
    await engine.start()
    mail = Mail(await engine.open("ann"))
    assert b"T OK" in await mail.run(b"SELECT INBOX")
    await engine.stop()
    assert (data_dir / 'a "b" %u #c \\d' / "mail" / "ann").is_dir()
