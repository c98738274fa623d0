"""ManageSieve and Sieve of a private Dovecot, the real one with Pigeonhole."""

import asyncio
import os
import stat
import subprocess
import sys

import pytest
import pytest_asyncio

from commands.programs.managesieve import LoginRefusedError, ManageSieve
from imapserver.engine.connection import EngineConnection, LoginRefused
from imapserver.engine.credentials import Password
from imapserver.engine.private_dovecot import PrivateDovecot
from imapserver.wire.secret import Secret
from tests.imapserver.engine.mail import Mail
from tests.imapserver.engine.places import open_directory
from tests.support.peers import require

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESSAGE = b"From: joe@example.net\r\nTo: ann@example.org\r\nSubject: hello\r\n\r\nThe body.\r\n"


@pytest.fixture(scope="module")
def data_dir():
    require("dovecot", "dovecot-imapd")
    require("managesieve", "dovecot-managesieved")
    with open_directory() as path:
        yield path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(data_dir):
    engine = PrivateDovecot(data_dir)
    await engine.start()
    yield engine
    await engine.stop()


def connect(data_dir) -> ManageSieve:
    return ManageSieve(f"unix:{data_dir}/engine/run/base/imapx-sieve", tls="off", seconds=15)


def sieve_password(data_dir) -> bytes:
    return (data_dir / "engine" / "sieve.password").read_bytes().rstrip()


async def test_socket_and_password_are_for_the_servers_own_user_alone(engine, data_dir):
    for path in (data_dir / "engine" / "run" / "base" / "imapx-sieve", data_dir / "engine" / "sieve.password"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_uid == os.geteuid()
    assert sieve_password(data_dir) not in (data_dir / "engine" / "dovecot.conf").read_bytes()


async def test_each_user_has_scripts_of_their_own(engine, data_dir):
    def put_and_list():
        found = {}
        for user in ("ann", "Ann", "bob@example.org", "a b", "%u"):
            with connect(data_dir) as client:
                client.log_in("imapx", sieve_password(data_dir), user)
                client.put_script(f"of {user}", "keep;")
                found[user] = client.list_scripts()[0]
        return found

    for user, names in (await asyncio.to_thread(put_and_list)).items():
        assert names == [f"of {user}"]
        assert (data_dir / "mail" / user / "sieve" / f"of {user}.sieve").read_text() == "keep;"


async def test_another_password_opens_no_scripts(engine, data_dir):
    def guess():
        with connect(data_dir) as client, pytest.raises(LoginRefusedError):
            client.log_in("imapx", b"guessed", "ann")

    await asyncio.to_thread(guess)


@pytest.mark.parametrize("acting_for", ["", "ann"])
async def test_password_of_the_scripts_opens_no_mail(engine, data_dir, acting_for):
    loop = asyncio.get_running_loop()
    socket = (data_dir / "engine" / "run").readlink() / "base" / "imapx"
    _, connection = await loop.create_unix_connection(EngineConnection, str(socket))
    await connection.greet()
    with pytest.raises(LoginRefused):
        await connection.authenticate(Password("bob", Secret(sieve_password(data_dir)), acting_for))
    connection.transport.abort()


async def test_forward_that_a_user_sets_holds_for_what_dovecot_lda_delivers(engine, data_dir, tmp_path):
    with open_directory() as outside:
        outside.chmod(0o777)  # for the user whose the mail is
        sendmail = outside / "sendmail"
        sendmail.write_text(f'#!/bin/sh\necho "$@" > {outside}/arguments; cat > {outside}/message\n')
        sendmail.chmod(0o755)
        options = [f"unix:{data_dir}/engine/run/base/imapx-sieve", "--tls", "off", "--master", "imapx"]
        options += ["--password-file", f"{data_dir}/engine/sieve.password", "--", "set", "bob@example.com"]
        argv = [sys.executable, "-m", "commands.programs.forward", "--server", *options]
        environment = {"HOME": str(tmp_path), "IMAPX_USER": "cora", "LANG": "C.UTF-8"}
        done = await asyncio.to_thread(subprocess.run, argv, env=environment, capture_output=True, timeout=30)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        lda = [require("dovecot-lda", "dovecot-core"), "-c", data_dir / "engine" / "dovecot.conf", "-d", "cora"]
        lda += ["-o", f"sendmail_path={sendmail}", "-f", "joe@example.net"]
        done = await asyncio.to_thread(subprocess.run, lda, input=MESSAGE, capture_output=True, timeout=30)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert (outside / "arguments").read_text().split()[-1] == "bob@example.com"
        assert b"Subject: hello" in (outside / "message").read_bytes()
    mail = Mail(await engine.open("cora"))
    assert b"* 1 EXISTS" in await mail.run(b"SELECT INBOX")
    mail.transport.abort()
    assert not (data_dir / "engine" / "dovecot.log").read_text()


async def test_password_is_new_at_each_start_and_gone_after_it():
    require("managesieve", "dovecot-managesieved")
    with open_directory() as path:
        passwords = set()
        for _ in range(2):
            engine = PrivateDovecot(path)
            await engine.start()
            passwords.add(sieve_password(path))
            await engine.stop()
            assert not (path / "engine" / "sieve.password").exists()
        assert len(passwords) == 2


@pytest.mark.parametrize("said", ["echo /nowhere; echo /nowhere", "echo unknown setting >&2; exit 89"])
async def test_without_pigeonhole_mail_is_served_all_the_same(said, tmp_path, monkeypatch):
    require("dovecot", "dovecot-imapd")
    doveconf = tmp_path / "doveconf"
    doveconf.write_text(f"#!/bin/sh\n{said}\n")
    doveconf.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with open_directory() as path:
        engine = PrivateDovecot(path)
        await engine.start()
        mail = Mail(await engine.open("ann"))
        assert b"T OK" in await mail.run(b"SELECT INBOX")
        mail.transport.abort()
        assert not (path / "engine" / "run" / "base" / "imapx-sieve").exists()
        assert not (path / "engine" / "sieve.password").exists()
        await engine.stop()
