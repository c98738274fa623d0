"""A Dovecot of our own: in the data directory, on a Unix socket, started and stopped with the server."""

import asyncio
import contextlib
import fcntl
import hashlib
import logging
import os
import secrets
import shutil
import subprocess
from pathlib import Path

from imapserver.engine.connection import EngineConnection, EngineUnavailable, LoginRefused
from imapserver.engine.credentials import Credentials, Origin, Password
from imapserver.engine.dovecot_conf import LISTENER, accounts_of_this_process, render
from imapserver.engine.dovecot_process import Master
from imapserver.engine.mail_store import make_run_dir, prepare_mail_dir, remove_run_dir
from imapserver.wire.secret import Secret

logger = logging.getLogger(__name__)

OPEN_SECONDS = 10.0
START_SECONDS = 20.0
SHORTEST_DELAY = 0.5
LONGEST_DELAY = 10.0
# A master that lived this long had started well: the next delay is the shortest again.
SETTLED_SECONDS = 60.0

# Logged in once at each start. A login makes nothing on disk, and Django's rules allow no blank in a name.
_TRIAL_USER = "imapx start"


def find_dovecot() -> str:
    """Return the path of a Dovecot 2.3. Raises EngineUnavailable and says what is wrong."""
    binary = shutil.which("dovecot", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")
    if binary is None:
        raise EngineUnavailable("there is no dovecot program here")
    version = _run([binary, "--version"]).stdout.strip()
    if not version.startswith("2.3."):
        raise EngineUnavailable(f"{binary} is version {version or 'unknown'}, whose configuration is not that of 2.3")
    return binary


def has_pigeonhole(binary: str) -> bool:
    """Whether this Dovecot can serve ManageSieve, and run Sieve scripts at deliveries."""
    doveconf = shutil.which("doveconf", path=os.environ.get("PATH", os.defpath) + f":{Path(binary).parent}:/usr/bin")
    if doveconf is None:
        return False
    said = _run([doveconf, "-d", "-h", "-c", os.devnull, "libexec_dir", "mail_plugin_dir"]).stdout.splitlines()
    if len(said) != 2:
        return False
    programs, plugins = map(Path, said)
    needed = [programs / "managesieve", programs / "managesieve-login", plugins / "lib90_sieve_plugin.so"]
    return all(path.exists() for path in needed)


class PrivateDovecot:
    """Keeps everything in `data_dir`/engine and `data_dir`/mail, except for its sockets, whose paths must be short.

    `data_dir`/engine/dovecot.conf is where `dovecot-lda -c` finds it, as the server's own user.
    Where there is Pigeonhole, `data_dir`/engine/run/base/imapx-sieve is a ManageSieve server. A master user of any name
    logs in there as any user, with the password in `data_dir`/engine/sieve.password, which opens nothing else.
    """

    name = "dovecot"
    authority = False
    mechanisms: tuple[str, ...] = ()

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.resolve()
        self._dir = self._data_dir / "engine"
        self._configuration = self._dir / "dovecot.conf"
        self._log = self._dir / "dovecot.log"
        self._pid_file = self._dir / "master.pid"
        self._run_link = self._dir / "run"
        self._sieve_password = self._dir / "sieve.password"
        self._password = ""
        self._argv: list[str] = []
        self._lock: int | None = None
        self._master: Master | None = None
        self._ready = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        try:
            self._take_lock()
            await self._end_left_over()
            self._configure()
            await self._launch()
        except BaseException as error:
            await self.stop()
            if isinstance(error, OSError):
                raise EngineUnavailable(f"dovecot can't be started: {error}") from error
            raise
        self._watcher = asyncio.get_running_loop().create_task(self._watch(), name="watch dovecot")

    async def stop(self) -> None:
        self._ready.clear()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
            self._watcher = None
        if self._master is not None:
            await self._master.end()
            self._master = None
        if self._lock is not None:
            self._forget_run()
            os.close(self._lock)
            self._lock = None

    async def check(self) -> None:
        # It is watched and started again as it is; a greeting every few seconds would be a line each in its log.
        if not self._ready.is_set() or self._master is None or self._master.gone:
            raise EngineUnavailable(f"dovecot is being started again; its log: {self._log}")

    async def open(
        self, username: str, credentials: Credentials | None = None, origin: Origin | None = None
    ) -> EngineConnection:
        _check_username(username)
        if self._watcher is None:
            raise EngineUnavailable("dovecot is not started")
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                while True:
                    await self._ready.wait()  # while it is being started again a login waits
                    master = self._master
                    try:
                        return await self._login(username)
                    except (EngineUnavailable, OSError):
                        if master is None or not master.gone:
                            raise
                    await asyncio.sleep(0.02)  # the watcher is about to notice
        except TimeoutError:
            raise EngineUnavailable(f"dovecot gave no login within {OPEN_SECONDS:.0f} s") from None
        except OSError as error:
            raise EngineUnavailable(f"dovecot takes no connections: {error}") from error

    async def _login(self, username: str) -> EngineConnection:
        socket = self._run_link.readlink() / "base" / LISTENER
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_unix_connection(EngineConnection, str(socket))
        try:
            await connection.greet()
            await connection.authenticate(Password(username, Secret(self._password.encode())))
        except LoginRefused as refused:
            connection.transport.abort()
            raise EngineUnavailable(str(refused)) from refused
        except BaseException:
            connection.transport.abort()
            raise
        return connection

    def _take_lock(self) -> None:
        self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise EngineUnavailable("another runimap uses this data directory") from None
        self._lock = descriptor

    async def _end_left_over(self) -> None:
        """End what a server that was killed has left behind."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            master = Master.find(int(self._pid_file.read_text()), self._configuration)
            if master is not None:
                logger.warning("Ending a left-over dovecot, pid %d.", master.pid)
                await master.end()
        self._forget_run()

    def _forget_run(self) -> None:
        self._pid_file.unlink(missing_ok=True)
        self._sieve_password.unlink(missing_ok=True)
        if self._run_link.is_symlink():
            remove_run_dir(self._run_link.readlink())
            self._run_link.unlink()

    def _configure(self) -> None:
        """Write the configuration, with new passwords of which it holds the hashes alone."""
        binary = find_dovecot()
        accounts = accounts_of_this_process()
        mail_dir = prepare_mail_dir(self._data_dir, accounts.mail_uid, accounts.mail_gid)
        run_dir = make_run_dir(accounts.rootless)
        self._run_link.symlink_to(run_dir)
        self._password = secrets.token_urlsafe(32)
        sieve_password = secrets.token_urlsafe(32) if has_pigeonhole(binary) else None
        text = render(
            accounts,
            base_dir=run_dir / "base",
            engine_dir=self._dir,
            mail_dir=mail_dir,
            password_hash=_sha256(self._password),
            sieve_password_hash=None if sieve_password is None else _sha256(sieve_password),
        )
        _write_private(self._configuration, text)
        if sieve_password is not None:
            _write_private(self._sieve_password, sieve_password + "\n")
        self._argv = [*_ends_with_parent(), binary, "-F", "-c", str(self._configuration)]

    async def _launch(self) -> None:
        """Start a master and return when a login works. Raises EngineUnavailable, and then it is ended."""
        said_before = self._log.stat().st_size if self._log.exists() else 0
        self._master = Master.spawn(self._argv, self._log)
        try:
            self._pid_file.write_text(f"{self._master.pid}\n")
            async with asyncio.timeout(START_SECONDS):
                await self._wait_for_login(self._master)
        except TimeoutError:
            raise EngineUnavailable(f"dovecot gave no login within {START_SECONDS:.0f} s") from None
        except EngineUnavailable as error:
            said = self._log.read_bytes()[said_before:].decode(errors="replace").splitlines()
            raise EngineUnavailable(f"{error}: {said[-1]}" if said else str(error)) from None
        finally:
            if not self._ready.is_set():
                await self._master.end()

    async def _wait_for_login(self, master: Master) -> None:
        while True:
            try:
                connection = await self._login(_TRIAL_USER)
            except (EngineUnavailable, OSError):
                if master.gone:
                    raise EngineUnavailable("dovecot ended at its start") from None
                await asyncio.sleep(0.02)
            else:
                connection.transport.abort()
                self._ready.set()
                return

    async def _watch(self) -> None:
        """Start the master again whenever it ends, later each time that it does not last."""
        loop = asyncio.get_running_loop()
        delay = SHORTEST_DELAY
        while True:
            started = loop.time()
            if self._master is not None:
                await self._master.wait()
            self._ready.clear()
            delay = SHORTEST_DELAY if loop.time() - started > SETTLED_SECONDS else delay
            logger.error("dovecot has ended; it is started again in %.1f s. Its log: %s", delay, self._log)
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY)
            try:
                await self._launch()
            except (EngineUnavailable, OSError) as error:
                logger.error("dovecot can't be started: %s", error)


def _check_username(username: str) -> None:
    """Refuse what would leave the mail directory as the name of a home, or the line of the login."""
    if username in ("", ".", "..") or "/" in username or not username.isprintable():
        raise EngineUnavailable(f"dovecot can't keep mail for a user named {username!r}")
    if len(username.encode()) > 255:  # NAME_MAX of every usual file system
        raise EngineUnavailable(f"dovecot can't keep mail for a name of over 255 bytes: {username!r}")


def _sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _ends_with_parent() -> list[str]:
    """Return what to put before a command so that it gets TERM when this thread's process is killed, if anything."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return []
    prefix = [setpriv, "--pdeathsig", "TERM", "--"]
    # BusyBox has a setpriv without the option.
    return prefix if _run([*prefix, setpriv, "--version"]).returncode == 0 else []


def _run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=5)  # noqa: S603 (no words of a user's)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineUnavailable(f"{argv[0]} can't be run: {error}") from error
