"""What holds between a private Dovecot and the process that started it: as an ordinary user, and after kill -9."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imapserver.engine.mail_store import remove_run_dir
from imapserver.engine.private_dovecot import PrivateDovecot
from tests.imapserver.engine.processes import children_of, master_pid, running, wait_for_exit
from tests.support.peers import require

ROOT = Path(__file__).parents[3]
SERVER = ["-m", "tests.imapserver.engine.server"]


@contextlib.contextmanager
def server(data_dir, *, command=(sys.executable,), path=None):
    environment = {
        "PATH": path or os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with subprocess.Popen(
        [*command, *SERVER, data_dir], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            process.said = process.stdout.readline()
            yield process
        finally:
            process.stdin.close()
            process.wait(10)


def as_user(uid, gid):
    """The command that runs Python as this user, or a skip."""
    if os.geteuid() != 0:
        pytest.skip("only root can run something as another user; as this one the other tests run")
    setpriv = require("setpriv", "util-linux")
    prefix = [str(setpriv), f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in filter(None, (sys.executable, shutil.which(version, path="/usr/local/bin:/usr/bin"))):
        probe = [*prefix, python, "-c", "import tests.imapserver.engine.server"]
        environment = {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]])}
        with contextlib.suppress(OSError):
            if subprocess.run(probe, env=environment, capture_output=True, cwd="/").returncode == 0:
                return [*prefix, python]
    pytest.skip("no Python that another user may run sees this project")


def test_ordinary_user_runs_all_of_it_under_one_account(data_dir):
    nobody = pwd.getpwnam("nobody")
    command = as_user(nobody.pw_uid, nobody.pw_gid)
    os.chown(data_dir, nobody.pw_uid, nobody.pw_gid)
    data_dir.chmod(0o700)
    with server(data_dir, command=command) as process:
        assert b"T OK" in process.said
        processes = children_of(process.pid)
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in processes} == {nobody.pw_uid}
        lda = require("dovecot-lda", "dovecot-core")
        deliver = [*command[:-1], lda, "-c", data_dir / "engine" / "dovecot.conf", "-d", "ann"]
        assert subprocess.run(deliver, input=b"Subject: hello\n\nThe body.\n", timeout=10).returncode == 0
        assert len(list((data_dir / "mail" / "ann" / "Maildir" / "new").iterdir())) == 1
        run_dir = (data_dir / "engine" / "run").readlink()
    assert not any(map(running, processes))
    assert not run_dir.exists()
    assert (data_dir / "engine" / "dovecot.log").read_text().count("\n") == 1  # "Killed with signal 15"


def test_user_without_an_account_is_told(data_dir):
    uid = 54321
    with contextlib.suppress(KeyError):
        pytest.skip(f"user {pwd.getpwuid(uid).pw_name} has the number that this test wants free")
    command = as_user(uid, uid)
    os.chown(data_dir, uid, uid)
    with server(data_dir, command=command) as process:
        assert b"unavailable: Dovecot needs an account that the system has not" in process.said


def test_dovecot_ends_with_a_server_that_is_killed(data_dir):
    require("setpriv", "util-linux")
    with server(data_dir) as process:
        assert b"T OK" in process.said
        master = master_pid(data_dir)
        processes = children_of(master)
        process.kill()
        for pid in {master, *processes}:
            wait_for_exit(pid)
    remove_run_dir((data_dir / "engine" / "run").readlink())  # the next start would


async def test_start_ends_what_a_killed_server_has_left_behind(data_dir, tmp_path):
    (tmp_path / "dovecot").symlink_to(require("dovecot", "dovecot-imapd"))
    with server(data_dir, path=str(tmp_path)) as process:  # no setpriv there
        assert b"T OK" in process.said
        master = master_pid(data_dir)
        run_dir = (data_dir / "engine" / "run").readlink()
        process.kill()
    try:
        assert running(master)
        engine = PrivateDovecot(data_dir)
        await engine.start()
        assert not running(master)
        assert not run_dir.exists()
        await engine.stop()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(master, signal.SIGTERM)


async def test_pid_of_another_program_is_left_alone(data_dir):
    (data_dir / "engine").mkdir()
    with subprocess.Popen(["sleep", "60"]) as other:
        (data_dir / "engine" / "master.pid").write_text(f"{other.pid}\n")
        engine = PrivateDovecot(data_dir)
        await engine.start()
        await engine.stop()
        assert other.poll() is None
        other.kill()
