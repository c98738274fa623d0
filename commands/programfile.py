"""The file of a program: whether nobody but root and the server's own user could put another one in its place.

As OpenSSH's safe_path (misc.c), but every name on the way counts, also those of symbolic links and of the directories
that they stand in. It tells of the file as it is now, so who starts it asks right before; without pathlib, which would
take twice as long. No Django, no cache.
"""

import errno
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from shlex import quote

LINKS = 40  # as Linux follows (path_resolution(7))

OTHERS, GROUP = stat.S_IWOTH, stat.S_IWGRP


class UnsafeProgramError(ValueError):
    """It may not be run. Its text says which name on the way is at fault and what to do, for its author and the log."""


def check_program(path: str) -> None:
    """Raise UnsafeProgramError unless the absolute `path` leads to a file that may be run.

    It and every directory on the way belong to root or to the server's user, and no other may write there. A sticky
    directory such as /tmp may be written by all: nobody can replace there what belongs to another. What a group may
    write is refused unless the group is root's or the user's own (see `_is_private`).
    """
    if not path.startswith("/"):
        raise UnsafeProgramError(f"The program's path {path!r} is not absolute.")
    for place, status in _walk(path):
        _check_owner(place, status)
        if stat.S_ISLNK(status.st_mode):
            continue  # its mode says nothing; who may write the directory that it is in may replace it
        if stat.S_ISREG(status.st_mode) or not status.st_mode & stat.S_ISVTX:
            _check_writers(place, status)
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeProgramError(f"{place} is {_kind(status)}: give the path of a program.")
    if not os.access(path, os.X_OK, effective_ids=True):
        advice = f"chmod +x {quote(place)}" if not status.st_mode & 0o111 else "see its mode, and how it is mounted"
        raise UnsafeProgramError(f"{place} can't be executed by {_name(os.geteuid())}: {advice}.")


def _walk(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Each name on the way in its turn, from / on, links before what they lead to; the file comes last."""
    place, rest, links = "/", _parts(path), 0
    status = os.lstat(place)
    yield place, status
    while rest:
        if not stat.S_ISDIR(status.st_mode):
            raise UnsafeProgramError(f"{place} is {_kind(status)}, and nothing can be in it.")
        name = rest.pop()
        if name == "..":
            place = os.path.dirname(place)  # noqa: PTH120
            status = os.lstat(place)
            continue  # looked at already
        below = f"{place.rstrip('/')}/{name}"
        try:
            status = os.lstat(below)
            if not (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                raise UnsafeProgramError(f"{below} is {_kind(status)}: give the path of a program.")
            yield below, status
            if not stat.S_ISLNK(status.st_mode):
                place = below
                continue
            links += 1
            target = os.readlink(below)  # noqa: PTH115
        except OSError as error:
            raise UnsafeProgramError(_words(below, place, error)) from error
        if links > LINKS:
            raise UnsafeProgramError(f"{path} leads over more than {LINKS} symbolic links.")
        if target.startswith("/"):
            place = "/"
        status = os.lstat(place)
        rest += _parts(target)


def _parts(path: str) -> list[str]:
    """The last one first."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _check_owner(place: str, status: os.stat_result) -> None:
    if status.st_uid not in (0, os.geteuid()):
        option = "-h " if stat.S_ISLNK(status.st_mode) else ""
        raise UnsafeProgramError(
            f"{place} belongs to {_name(status.st_uid)}, who could put another program there: "
            f"chown {option}root {quote(place)}."
        )


def _check_writers(place: str, status: os.stat_result) -> None:
    mode = status.st_mode
    if mode & OTHERS:
        raise UnsafeProgramError(f"{place} can be written by everybody: chmod o-w {quote(place)}.")
    if mode & GROUP and not _is_private(place, status.st_gid):
        raise UnsafeProgramError(
            f"{place} can be written by the group {_group(status.st_gid)}: chmod g-w {quote(place)}."
        )


def _is_private(place: str, gid: int) -> bool:
    """Whether nobody is in the group but root or the server's user: the one of that user's own name, as useradd(8)
    makes it. Under umask 002, which is usual with such groups, all that the user makes can be written by it.

    With an ACL the bits of the group are the most that anybody named there has (acl(5)), and not the group's.
    """
    try:
        group = grp.getgrgid(gid)
        owner = pwd.getpwnam(group.gr_name)
    except KeyError:
        return False
    if owner.pw_gid != gid or owner.pw_uid not in (0, os.geteuid()) or set(group.gr_mem) - {owner.pw_name, "root"}:
        return False
    try:
        os.getxattr(place, "system.posix_acl_access")
    except OSError as error:
        return error.errno in (errno.ENODATA, errno.ENOTSUP)
    return False


def _words(below: str, place: str, error: OSError) -> str:
    match error.errno:
        case errno.ENOENT:
            return f"There is no {below}."
        case errno.EACCES:
            return f"{place} can't be searched by {_name(os.geteuid())}: chmod +x {quote(place)}."
        case _:
            return f"{below}: {error.strerror}."


def _kind(status: os.stat_result) -> str:
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFREG: "a file", stat.S_IFSOCK: "a socket", stat.S_IFIFO: "a pipe"}
    return kinds.get(stat.S_IFMT(status.st_mode), "a device")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
