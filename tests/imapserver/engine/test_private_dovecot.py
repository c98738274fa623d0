"""A private Dovecot, the real one."""

import asyncio
import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest
import uvloop

from imapserver.engine.engine import EngineConnection, EngineUnavailable
from imapserver.engine.private_dovecot import PrivateDovecot
from tests.imapserver.engine.mail import Mail
from tests.imapserver.engine.processes import children_of, master_pid, running
from tests.support.peers import require

MESSAGE = b"Subject: hello\r\n\r\nThe body.\r\n"


async def test_login_works_when_start_returns_and_tells_the_capabilities(engine):
    connection = await engine.open("ann")
    assert {"IMAP4REV1", "IDLE", "UIDPLUS"} <= set(connection.capabilities)
    connection.transport.abort()


async def test_each_user_has_an_inbox_of_their_own(mail_of):
    ann, other_ann, bob = [await mail_of(name) for name in ("ann", "Ann", "bob@example.org")]
    append = b"APPEND INBOX {%d+}\r\n%s" % (len(MESSAGE), MESSAGE)
    assert b"T OK" in await ann.run(append)
    assert b"* 1 EXISTS" in await ann.run(b"SELECT INBOX")
    assert b"* 0 EXISTS" in await other_ann.run(b"SELECT INBOX")
    assert b"* 0 EXISTS" in await bob.run(b"SELECT INBOX")


async def test_any_name_that_can_be_a_directory_gets_mail_of_that_name(mail_of, data_dir):
    names = {"ü", "a b", "a:b", "~ann", "%u", "$HOME", 'a"b\\c', "x" * 255}
    for name in names:
        assert b"T OK" in await (await mail_of(name)).run(b"SELECT INBOX")
        assert (data_dir / "mail" / name / "Maildir" / "cur").is_dir()
    assert {path.name for path in (data_dir / "mail").iterdir()} == names


@pytest.mark.parametrize("username", ["", ".", "..", "../bob", "a/b", "a\0b", "a\nb", "a\x7fb", "ü" * 128, "\udc80"])
async def test_name_that_would_leave_the_mail_directory_is_refused(data_dir, username):
    with pytest.raises(EngineUnavailable, match="can't keep mail"):
        await PrivateDovecot(data_dir).open(username)


async def test_socket_takes_no_other_password_than_that_of_this_start(engine, data_dir):
    loop = asyncio.get_running_loop()
    socket = (data_dir / "engine" / "run").readlink() / "base" / "imapx"
    _, connection = await loop.create_unix_connection(EngineConnection, str(socket))
    with pytest.raises(EngineUnavailable, match="AUTHENTICATIONFAILED"):
        await connection.login("ann", "guessed")


async def test_socket_and_configuration_are_for_the_servers_own_user_alone(engine, data_dir):
    base = (data_dir / "engine" / "run").readlink() / "base"
    for path in (base / "imapx", base / "auth-userdb", data_dir / "engine" / "dovecot.conf"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_uid == os.geteuid()
    assert stat.S_IMODE((data_dir / "mail").stat().st_mode) == 0o700


async def test_dovecot_lda_delivers_into_the_inbox(mail_of, data_dir):
    lda = require("dovecot-lda", "dovecot-core")
    ann = await mail_of("ann")
    assert b"* 0 EXISTS" in await ann.run(b"SELECT INBOX")
    command = [lda, "-c", data_dir / "engine" / "dovecot.conf", "-d", "ann"]
    done = subprocess.run(command, input=MESSAGE, capture_output=True, timeout=10)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert b"* 1 EXISTS" in await ann.run(b"NOOP")
    assert b"Subject: hello" in await ann.run(b"FETCH 1 BODY.PEEK[HEADER]")
    assert (data_dir / "engine" / "dovecot.log").read_text() == ""


async def test_master_that_dies_is_started_again_and_a_login_waits_for_it(engine, data_dir, mail_of):
    before = master_pid(data_dir)
    mail = await mail_of("ann")
    processes = children_of(before)
    os.kill(before, signal.SIGKILL)
    await mail.ended()
    assert b"T OK" in await (await mail_of("ann")).run(b"NOOP")
    assert master_pid(data_dir) != before
    assert not any(map(running, processes))


async def test_stop_leaves_no_process_and_no_socket(data_dir):
    engine = PrivateDovecot(data_dir)
    await engine.start()
    mail = Mail(await engine.open("ann"))
    processes = children_of(os.getpid())
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


async def test_second_server_on_the_data_directory_is_refused_and_harms_nothing(engine, data_dir, mail_of):
    second = PrivateDovecot(data_dir)
    with pytest.raises(EngineUnavailable, match="another runimap uses this data directory"):
        await second.start()
    assert b"T OK" in await (await mail_of("ann")).run(b"NOOP")


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


async def test_dovecot_gets_nothing_of_the_servers_environment(data_dir, monkeypatch):
    monkeypatch.setenv("IMAPX_SECRET_KEY", "the key of all sessions")
    engine = PrivateDovecot(data_dir)
    await engine.start()
    environment = Path(f"/proc/{master_pid(data_dir)}/environ").read_bytes()
    await engine.stop()
    assert b"the key" not in environment


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
