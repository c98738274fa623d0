"""A private Dovecot, the real one, that runs: logins, mailboxes, what others can get at."""

import asyncio
import os
import stat
import subprocess
from pathlib import Path

import pytest
import pytest_asyncio

from imapserver.engine.connection import EngineConnection, EngineUnavailable, LoginRefused
from imapserver.engine.credentials import Password
from imapserver.engine.private_dovecot import PrivateDovecot
from imapserver.wire.secret import Secret
from tests.imapserver.engine.mail import Mail
from tests.imapserver.engine.places import open_directory
from tests.imapserver.engine.processes import master_pid
from tests.support.peers import require

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one Dovecot for all: it takes its time to stop

MESSAGE = b"Subject: hello\r\n\r\nThe body.\r\n"


@pytest.fixture(scope="module")
def data_dir():
    require("dovecot", "dovecot-imapd")
    with open_directory() as path:
        yield path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(data_dir):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAPX_SECRET_KEY", "the key of all sessions")
        engine = PrivateDovecot(data_dir)
        await engine.start()
    yield engine
    await engine.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def mail_of(engine):
    """Logs a user in and returns the Mail."""
    open_ones = []

    async def log_in(username):
        mail = Mail(await engine.open(username))
        open_ones.append(mail)
        return mail

    yield log_in
    for mail in open_ones:
        mail.transport.abort()


async def test_login_works_when_start_returns_and_tells_the_capabilities(engine):
    connection = await engine.open("ann")
    assert all(map(connection.has, ("IMAP4REV1", "IDLE", "UIDPLUS")))
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
    assert names <= {path.name for path in (data_dir / "mail").iterdir()}


@pytest.mark.parametrize("username", ["", ".", "..", "../bob", "a/b", "a\0b", "a\nb", "a\x7fb", "ü" * 128, "\udc80"])
async def test_name_that_would_leave_the_mail_directory_is_refused(engine, username):
    with pytest.raises(EngineUnavailable, match="can't keep mail"):
        await engine.open(username)


async def test_socket_takes_no_other_password_than_that_of_this_start(engine, data_dir):
    loop = asyncio.get_running_loop()
    socket = (data_dir / "engine" / "run").readlink() / "base" / "imapx"
    _, connection = await loop.create_unix_connection(EngineConnection, str(socket))
    await connection.greet()
    with pytest.raises(LoginRefused, match="AUTHENTICATIONFAILED"):
        await connection.authenticate(Password("ann", Secret(b"guessed")))
    connection.transport.abort()
    async with asyncio.timeout(2):  # Dovecot's penalty for an address would be 4 s
        (await engine.open("ann")).transport.abort()


async def test_socket_and_configuration_are_for_the_servers_own_user_alone(engine, data_dir):
    base = (data_dir / "engine" / "run").readlink() / "base"
    for path in (base / "imapx", base / "auth-userdb", data_dir / "engine" / "dovecot.conf"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_uid == os.geteuid()
    assert stat.S_IMODE((data_dir / "mail").stat().st_mode) == 0o700


async def test_dovecot_lda_delivers_into_the_inbox(mail_of, data_dir):
    lda = require("dovecot-lda", "dovecot-core")
    cora = await mail_of("cora")
    assert b"* 0 EXISTS" in await cora.run(b"SELECT INBOX")
    command = [lda, "-c", data_dir / "engine" / "dovecot.conf", "-d", "cora"]
    done = subprocess.run(command, input=MESSAGE, capture_output=True, timeout=10)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert b"* 1 EXISTS" in await cora.run(b"NOOP")
    assert b"Subject: hello" in await cora.run(b"FETCH 1 BODY.PEEK[HEADER]")
    assert (data_dir / "engine" / "dovecot.log").read_text() == ""


async def test_second_server_on_the_data_directory_is_refused_and_harms_nothing(engine, data_dir, mail_of):
    second = PrivateDovecot(data_dir)
    with pytest.raises(EngineUnavailable, match="another runimap uses this data directory"):
        await second.start()
    assert b"T OK" in await (await mail_of("ann")).run(b"NOOP")


async def test_dovecot_gets_nothing_of_the_servers_environment(data_dir):
    assert b"the key" not in Path(f"/proc/{master_pid(data_dir)}/environ").read_bytes()
