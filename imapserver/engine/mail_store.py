"""Where a private Dovecot keeps the mail, and the short directory of its sockets."""

import hashlib
import logging
import os
import shutil
import stat
import tempfile
from pathlib import Path

from imapserver.engine.connection import EngineUnavailable

logger = logging.getLogger(__name__)

ELSEWHERE = Path("/var/lib/imapx")
RUN_PREFIX = "imapx-"


def prepare_mail_dir(data_dir: Path, uid: int, gid: int, elsewhere: Path = ELSEWHERE) -> Path:
    """Return the directory of all homes, owned by `uid`: `data_dir`/mail, or what that links to.

    Where `uid` can't get there (a clone under /root) it is made under `elsewhere`, and linked.
    Raises EngineUnavailable if there is mail already that `uid` can't use.
    """
    name = data_dir / "mail"
    spare = elsewhere.resolve() / hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12] / "mail"
    mail_dir = name.resolve()
    if mail_dir != spare and not _can_reach(mail_dir.parent, uid, gid):
        if name.is_symlink() or (name.is_dir() and any(name.iterdir())):
            raise EngineUnavailable(f"user {uid}, whose the mail is, can't get to {mail_dir}: open its parents (o+x)")
        if name.is_dir():
            name.rmdir()
        name.symlink_to(spare)
        mail_dir = spare
    if mail_dir == spare:
        _make_open_dir(spare.parent)
        logger.warning("User %d can't get to %s: the mail is kept in %s.", uid, data_dir, mail_dir)
    if not mail_dir.exists():
        mail_dir.mkdir(mode=0o700)
        os.chown(mail_dir, uid, gid)
    if (owner := mail_dir.stat().st_uid) != uid:
        raise EngineUnavailable(f"{mail_dir} belongs to user {owner}, but the mail has to be user {uid}'s")
    return mail_dir


def _can_reach(directory: Path, uid: int, gid: int) -> bool:
    """Whether by the modes of it and all its parents `uid` may pass."""
    for path in (directory, *directory.parents):
        status = path.stat()
        if status.st_uid == uid:
            needed = stat.S_IXUSR
        elif status.st_gid == gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not status.st_mode & needed:
            return False
    return True


def _make_open_dir(directory: Path) -> None:
    """Make it and its parent, passable for all whatever the umask is."""
    for path in (directory.parent, directory):
        if not path.is_dir():
            path.mkdir(parents=True)
            path.chmod(0o711)


def make_run_dir(rootless: bool) -> Path:
    """Return a new directory with a short path, since that of a Unix socket is limited to 107 bytes."""
    directory = Path(os.environ.get("XDG_RUNTIME_DIR", "") if rootless else "/run")
    if not directory.is_absolute() or len(os.fsencode(directory)) > 50 or not os.access(directory, os.W_OK):
        directory = Path("/tmp")  # noqa: S108 (mkdtemp makes a name of its own, for this user alone)
    path = Path(tempfile.mkdtemp(prefix=RUN_PREFIX, dir=directory))
    if not rootless:
        path.chmod(0o711)  # Dovecot's other users have to pass; the sockets have modes of their own
    return path


def remove_run_dir(path: Path) -> None:
    """Remove what make_run_dir made; anything else is left alone."""
    if path.name.startswith(RUN_PREFIX) and path.is_dir() and path.stat().st_uid == os.geteuid():
        shutil.rmtree(path, ignore_errors=True)
